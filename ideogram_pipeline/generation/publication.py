"""From the journal and the catalog to the warehouse: what people query is made from the truth."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select, true

from ideogram_pipeline import warehouse
from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.catalog.sql import literal
from ideogram_pipeline.generation import meta, schema
from ideogram_pipeline.generation.database import Database, open_journal
from ideogram_pipeline.planning.plan import Plan
from ideogram_pipeline.settings import Settings
from ideogram_pipeline.warehouse.changes import Append, Change, Replace, Selection
from ideogram_pipeline.warehouse.publishing import Published

_attempts = schema.attempts
_ledger = schema.ledger
_runs = schema.runs

# What the ledger's rows say of their attempts, under the journal's names.
_ATTEMPT_COLUMNS = (
    "provider",
    "run_id",
    "character_id",
    "prompt_id",
    "variation",
    "edition",
    "job_id",
    "rendering_speed",
)
_IMAGE_COLUMNS = (
    "provider",
    "fingerprint",
    "character_id",
    "prompt_id",
    "variation",
    "edition",
    "seed",
    "path",
    "sha256",
    "bytes",
    "width",
    "height",
    "format",
    "job_id",
)


def publish_books(settings: Settings, *, characters: Collection[str] | None = None) -> Published:
    """Bring the warehouse up to date with the journal.

    Args:
        settings: Where both are.
        characters: Whose rows to renew; ``None`` for all. The ledger only ever grows.

    Raises:
        StorageError: The folder or the disk does not let us write.
    """
    published = _publish_books(settings, characters)
    if published.rebuilt and characters is not None:
        return _publish_books(settings, None)
    return published


def _publish_books(settings: Settings, characters: Collection[str] | None) -> Published:
    with open_journal(settings) as database:
        with database.read() as connection:
            journal_id = _journal_id(connection)
        return warehouse.publish(
            settings.warehouse_path,
            partial(_books, database, characters),
            complete=characters is None,
            journal_id=journal_id,
        )


def _books(database: Database, characters: Collection[str] | None) -> list[Change]:
    """The journal's rows, all of one moment: no entry of the ledger without its attempt."""
    of_characters: ColumnElement[bool] = true()
    where = None
    if characters is not None:
        of_characters = _attempts.c.character_id.in_(characters)
        where = {"character_id": list(characters)}
    with database.read() as connection:
        return [
            Replace("generations", _generations(connection, of_characters), where),
            Replace("images", _images(connection, of_characters), where),
            Append("credit_ledger", _ledger_entries(connection, of_characters), key="entry_id"),
            Replace("runs", _run_rows(connection)),
        ]


def publish_catalog(settings: Settings, catalog: Catalog) -> Published:
    """Bring the tables ``characters``, ``prompt_catalog`` and ``catalog_rejects`` up to date.

    Raises:
        StorageError: The folder or the disk does not let us write.
    """
    now = datetime.now(UTC)
    cast = [
        {
            "character_id": character.character_id,
            "name": character.name,
            "reference_image": str(character.reference.path),
            "reference_sha256": character.reference.sha256,
            "style_type": character.style_type,
            "rendering_speed": character.rendering_speed,
            "aspect_ratio": character.aspect_ratio,
            "prompt_prefix": character.prompt_prefix,
            "prompt_suffix": character.prompt_suffix,
            "monthly_credit_budget": character.monthly_credit_budget,
            "catalog_digest": catalog.digests.get(character.character_id),
            "updated_at": now,
        }
        for character in catalog.characters.values()
    ]
    prompts = f"""SELECT prompts.* EXCLUDE (number, line, image, mask),
        image.path AS image, image.sha256 AS image_sha256,
        mask.path AS mask, mask.sha256 AS mask_sha256, {_moment(now)} AS updated_at
    FROM prompts
    LEFT JOIN pictures AS image ON image.picture = prompts.image
    LEFT JOIN pictures AS mask ON mask.picture = prompts.mask
    ORDER BY number"""
    rejected = [
        {
            "read_at": now,
            "file": reject.file,
            "line": reject.line,
            "column_name": reject.column,
            "value": reject.value,
            "reason": reject.reason,
            "character_id": reject.character_id,
            "row_id": reject.row_id,
        }
        for reject in catalog.rejects
    ]
    changes = [
        Replace("characters", cast),
        Replace("prompt_catalog", Selection(catalog.prompts.cursor(), prompts)),
        Replace("catalog_rejects", rejected),
    ]
    return warehouse.publish(settings.warehouse_path, changes)


def publish_plan(
    settings: Settings,
    plan: Plan,
    *,
    run_id: str,
    characters: Collection[str],
) -> Published:
    """Put a plan into the table ``generation_plan``, in place of its characters' older one.

    Args:
        settings: Where the warehouse is.
        plan: Each image with its decision.
        run_id: The run that it was made for.
        characters: Whose older plan goes, also if nothing is planned for them any more.

    Raises:
        StorageError: The folder or the disk does not let us write.
    """
    now = datetime.now(UTC)
    rows = f"""SELECT {_moment(now)} AS planned_at, {literal(run_id)} AS run_id, character_id,
        prompt_id, variation, edition, decision, reason, credits, rendering_speed, seed,
        fingerprint, sent AS prompt, request, reproducible, title, tags
    FROM ({plan.with_requests()}) ORDER BY number, variation"""
    selection = Selection(plan.cursor(), rows)
    change = Replace("generation_plan", selection, {"character_id": list(characters)})
    return warehouse.publish(settings.warehouse_path, [change])


def _generations(connection: Connection, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    net = (
        select(_ledger.c.attempt_id, func.sum(_ledger.c.credits).label("net"))
        .group_by(_ledger.c.attempt_id)
        .subquery()
    )
    query = (
        select(_attempts, net.c.net)
        .outerjoin(net, net.c.attempt_id == _attempts.c.id)
        .where(which)
        .order_by(_attempts.c.id)
    )
    return [
        {
            **{name: row[name] for name in schema.PUBLISHED_OF_ATTEMPTS},
            "attempt": row["number"],
            "status": row["state"],
            "request": row["body"].decode(),
            "expected_credits": row["credits"],
            "credits": None if row["state"] in schema.UNKNOWN else row["net"] or 0,
            "submitted_at": row["submitted_at"],
            "completed_at": row["completed_at"],
        }
        for row in _rows(connection, query)
    ]


def _images(connection: Connection, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    query = select(_attempts).where(which, _attempts.c.state == schema.STORED)
    return [
        {name: row[name] for name in _IMAGE_COLUMNS}
        | {"run_id": row["owner"], "created_at": row["stored_at"]}
        for row in _rows(connection, query)
    ]


def _ledger_entries(connection: Connection, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    journal_id = _journal_id(connection)
    query = (
        select(_attempts, _ledger, _ledger.c.credits.label("amount"))
        .join(_attempts, _attempts.c.id == _ledger.c.attempt_id)
        .where(which)
        .order_by(_ledger.c.entry_id)
    )
    return [
        {
            **{name: row[name] for name in _ATTEMPT_COLUMNS},
            "attempt": row["number"],
            "entry_id": f"{journal_id[:8]}-{row['entry_id']:08d}",
            "entry_type": row["entry_type"],
            "credits": row["amount"],
            "price_source": row["price_source"],
            "booked_at": row["booked_at"],
            "note": row["note"],
        }
        for row in _rows(connection, query)
    ]


def _run_rows(connection: Connection) -> list[dict[str, Any]]:
    signed = _ledger.c.credits
    totals = (
        select(
            _attempts.c.run_id,
            func.sum(signed).filter(signed > 0).label("charged"),
            func.sum(-signed).filter(signed < 0).label("refunded"),
        )
        .join(_ledger, _ledger.c.attempt_id == _attempts.c.id)
        .group_by(_attempts.c.run_id)
        .subquery()
    )
    query = (
        select(_runs, totals.c.charged, totals.c.refunded)
        .outerjoin(totals, totals.c.run_id == _runs.c.run_id)
        .order_by(_runs.c.started_at)
    )
    return [
        {name: row[name] for name in schema.PUBLISHED_OF_RUNS}
        | {
            "characters": len(json.loads(row["characters"])),
            "credits_charged": row["charged"] or 0,
            "credits_refunded": row["refunded"] or 0,
        }
        for row in _rows(connection, query)
    ]


def _rows(connection: Connection, query: Select[Any]) -> Sequence[RowMapping]:
    return connection.execute(query).mappings().all()


def _journal_id(connection: Connection) -> str:
    return str(meta.get(connection, meta.JOURNAL_ID))


def _moment(moment: datetime) -> str:
    """A moment in UTC as SQL."""
    return f"TIMESTAMP '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"
