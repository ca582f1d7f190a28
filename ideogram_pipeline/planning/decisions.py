"""What is to be done about each planned image, why, and what it will cost.

Decided for all at once in DuckDB; each verdict and its words are made here, once for each standing,
and for each image only where something has changed since the last one was bought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from ideogram_pipeline.catalog.model import Picture
from ideogram_pipeline.catalog.sql import literal
from ideogram_pipeline.planning.expansion import PlannedImages
from ideogram_pipeline.planning.model import (
    Bought,
    Decision,
    PlannedImage,
    Standing,
    Standings,
)
from ideogram_pipeline.planning.plan import Plan
from ideogram_pipeline.planning.tables import OwnTable, table_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LastBought = Callable[[Iterable[tuple[str, int]]], Mapping[tuple[str, int], Bought]]
"""Finds what was last bought for prompt ids and variations."""

ON_FILE = Standing("stored", 1)
_VERDICTS = {
    "fingerprint": "VARCHAR",
    "decision": "VARCHAR",
    "reason": "VARCHAR",
    "may_be_sent": "BOOLEAN",
}
_PLACE = {"prompt_id": "VARCHAR", "variation": "INTEGER"}
_TWINS = {
    "number": "BIGINT",
    "variation": "INTEGER",
    "decision": "VARCHAR",
    "reason": "VARCHAR",
}


def decide(images: PlannedImages, standings: Standings, last_bought: LastBought) -> Plan:
    """Decide about each planned image; a fingerprint is to be generated at most once.

    Args:
        images: What should exist.
        standings: Where their fingerprints stand in the journal; it may tell of others too.
        last_bought: Asked about the images without a standing, to say what changed.
    """
    connection = images.cursor()
    table = OwnTable(connection, "plan")
    others = _verdicts(connection, standings.others)
    stored = _stored(connection, standings.stored)
    decision, reason, _ = _verdict(ON_FILE)
    connection.execute(
        f"""CREATE TABLE {table} AS
        SELECT planned.*,
            other.decision IS NULL AND stored.fingerprint IS NOT NULL AS on_file,
            other.decision IS NULL AND stored.fingerprint IS NULL AS is_new,
            coalesce(other.decision, CASE WHEN on_file THEN {literal(decision)} ELSE 'generate' END)
                AS decision,
            CASE WHEN on_file THEN {literal(reason)} ELSE other.reason END AS reason,
            CASE WHEN is_new OR other.may_be_sent THEN price ELSE 0 END AS credits
        FROM {images.table} AS planned
        LEFT JOIN {others} AS other USING (fingerprint)
        LEFT JOIN {stored} AS stored USING (fingerprint)"""
    )
    _say_what_is_new(connection, images, table, last_bought)
    _share_among_twins(connection, table)
    return Plan(images, table)


def _verdicts(connection: DuckDBPyConnection, standings: Mapping[str, Standing]) -> OwnTable:
    rows = ((name, *_verdict(standing)) for name, standing in standings.items())
    return table_of(connection, "verdicts", _VERDICTS, rows)


def _stored(connection: DuckDBPyConnection, texts: Iterable[str]) -> OwnTable:
    table = OwnTable(connection, "stored")
    connection.execute(f"CREATE TABLE {table} (fingerprint VARCHAR)")
    for text in texts:
        connection.execute(f"INSERT INTO {table} SELECT unnest(string_split({literal(text)}, ','))")
    return table


def _verdict(standing: Standing) -> tuple[Decision, str, bool]:
    """Decision, reason, and whether something may be sent, and charged, because of it."""
    match standing.state:
        case "stored":
            return "reuse", "already on file", False
        case "submitting":
            return "resume", "was being submitted when its run ended; may be paid already", True
        case "submitted" | "completed":
            return "resume", "paid, not yet on file", False
        case "unresolved":
            return "blocked", f"may have been paid, cannot be proven: {standing.error}", False
        case "expired":
            return "blocked", "paid, but the provider purged the file before it was fetched", False
        case "failed" if not standing.retriable:
            reason = f"refused by the provider: {standing.error}; change the prompt"
            return "blocked", reason, False
        case "failed":
            # Not every failure is paid back, nor is what was lost; the ledger says what it cost.
            return "generate", f"failed last time ({standing.error})", True
        case "rejected":
            return "generate", f"rejected last time ({standing.error}), not charged", True
    return "generate", "was not accepted last time, not charged", True


def _say_what_is_new(
    connection: DuckDBPyConnection,
    images: PlannedImages,
    table: OwnTable,
    last_bought: LastBought,
) -> None:
    without = connection.execute(
        f"SELECT prompt_id, variation FROM {table} JOIN prompts USING (number) WHERE is_new"
    ).fetchall()
    if not without:
        return
    reasons = [(variation, _new(variation)) for variation in {v for _, v in without}]
    words = table_of(connection, "reasons", {"variation": "INTEGER", "reason": "VARCHAR"}, reasons)
    connection.execute(
        f"UPDATE {table} SET reason = words.reason FROM {words} AS words"
        f" WHERE is_new AND {table}.variation = words.variation"
    )
    if bought := last_bought(without):
        _say_what_changed(connection, images, table, bought)


def _say_what_changed(
    connection: DuckDBPyConnection,
    images: PlannedImages,
    table: OwnTable,
    bought: Mapping[tuple[str, int], Bought],
) -> None:
    asked = table_of(connection, "bought", _PLACE, bought)
    same_row = f"(prompt_id, variation) IN (SELECT prompt_id, variation FROM {asked})"
    found = images.read(table, where=f"is_new AND {same_row}")
    reasons = [
        (image.prompt_id, image.variation, _what_changed(image, then))
        for image in found
        if (then := bought.get((image.prompt_id, image.variation)))
    ]
    changed = table_of(connection, "changed", {**_PLACE, "reason": "VARCHAR"}, reasons)
    connection.execute(
        f"UPDATE {table} SET reason = changed.reason"
        f" FROM {changed} AS changed JOIN prompts USING (prompt_id)"
        f" WHERE is_new AND {table}.number = prompts.number"
        f" AND {table}.variation = changed.variation"
    )


def _share_among_twins(connection: DuckDBPyConnection, table: OwnTable) -> None:
    """Give images with one fingerprint one decision; only the first of them is bought."""
    twins = connection.execute(
        f"""SELECT number, variation, fingerprint, decision, reason, prompt_id
        FROM {table} JOIN prompts USING (number)
        WHERE fingerprint IN
            (SELECT fingerprint FROM {table} GROUP BY fingerprint HAVING count(*) > 1)
        ORDER BY number, variation"""
    ).fetchall()
    firsts: dict[str, str] = {}
    rows: list[tuple[object, ...]] = []
    for number, variation, fingerprint, decision, reason, prompt_id in twins:
        if fingerprint not in firsts:
            firsts[fingerprint] = f"{prompt_id} variation {variation}"
        elif decision == "generate":
            same = f"the same picture as {firsts[fingerprint]}"
            rows.append((number, variation, "reuse", same))
        else:
            rows.append((number, variation, decision, reason))
    if not rows:
        return
    shared = table_of(connection, "twins", _TWINS, rows)
    connection.execute(
        f"UPDATE {table} SET decision = twin.decision, reason = twin.reason, credits = 0"
        f" FROM {shared} AS twin"
        f" WHERE {table}.number = twin.number AND {table}.variation = twin.variation"
    )


def _new(variation: int) -> str:
    return "new" if variation == 1 else f"new variation {variation}"


def _what_changed(image: PlannedImage, last: Bought) -> str:
    changes = []
    if image.edition != last.edition:
        changes.append(f"new edition {image.edition}")
    if image.prompt != last.prompt:
        changes.append("prompt text changed")
    pictures = (
        ("reference", image.reference, last.reference_sha256),
        ("image", image.image, last.image_sha256),
        ("mask", image.mask, last.mask_sha256),
    )
    changes += [f"{name} changed" for name, now, then in pictures if _content(now) != then]
    for name in sorted({*image.params, *last.params}):
        now, then = image.params.get(name), last.params.get(name)
        if now != then and not (name == "seed" and image.edition != last.edition):
            changes.append(f"{name} {then or 'unset'} -> {now or 'unset'}")
    return ", ".join(changes) or _new(1)


def _content(picture: Picture | None) -> str | None:
    return picture.sha256 if picture else None
