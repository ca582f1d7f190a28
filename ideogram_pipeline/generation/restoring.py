"""From the warehouse back to the journal: what was published is not lost with the journal's file.

The journal is the truth and the warehouse its projection; only here it is the other way round.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from ideogram_pipeline import warehouse
from ideogram_pipeline.errors import PipelineError, StorageError
from ideogram_pipeline.generation import meta, schema
from ideogram_pipeline.generation.failures import is_content_refusal
from ideogram_pipeline.generation.times import to_text

_attempts = schema.attempts
_ledger = schema.ledger
_runs = schema.runs

_FILE_COLUMNS = ("path", "sha256", "bytes", "width", "height", "format")
_PROGRESS = (
    schema.SUBMITTING,
    schema.UNRESOLVED,
    schema.SUBMITTED,
    schema.COMPLETED,
    schema.STORED,
    schema.EXPIRED,
)
"""How far an attempt has come: a person may still find the job of an unresolved one, and a stored
picture may be lost and expire. Those that are not named have ended and are all equally far."""

_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Books:
    """What was published, all of it from one file."""

    journal_id: str
    published_at: datetime
    runs: list[_Row]
    attempts: list[_Row]
    images: list[_Row]
    entries: list[_Row]


def knows_better(path: Path, *, journal_id: str, is_empty: bool) -> bool:
    """Whether the file has the books of another journal, or those that an empty one has lost.

    Args:
        path: The DuckDB file.
        journal_id: Identity of this journal.
        is_empty: This journal has no attempts.

    Raises:
        StorageError: The file cannot be read now.
    """
    meta_row = "SELECT journal_id FROM warehouse_meta WHERE journal_id IS NOT NULL"
    found = _ask(path, (meta_row, ()), ("SELECT job_id FROM generations LIMIT 1", ()))
    if not found or not found[0]:
        return False  # the catalog and plans only, or somebody's own database
    (published,), attempts = found
    return bool(published["journal_id"] != journal_id or (is_empty and attempts))


def restore(connection: Connection, path: Path, *, provider: str) -> None:
    """Bring back the attempts, ledger entries and runs that this journal lacks.

    A journal without attempts takes the identity of the one that the warehouse was published from.
    A journal that has attempts and another identity is another journal, and gets nothing.

    Args:
        connection: A write transaction of the journal.
        path: The DuckDB file.
        provider: Whose rows.

    Raises:
        StorageError: The file cannot be read now, or its rows contradict each other or ours.
    """
    books = _read(path, provider)
    if books is None:
        return
    if books.journal_id != meta.get(connection, meta.JOURNAL_ID):
        if connection.scalar(select(func.count()).select_from(_attempts)):
            return
        meta.put(connection, meta.JOURNAL_ID, books.journal_id)
    try:
        _restore_runs(connection, books)
        _restore_attempts(connection, books)
        _restore_ledger(connection, books)
    except (IntegrityError, _Unfit) as error:
        cause = getattr(error, "orig", None) or error
        raise StorageError(
            "The journal is missing, or older than the pictures, and cannot be restored from "
            f"{path}: {cause}. Nothing was changed. Put back a newer backup of the journal, if "
            "there is one. Else the file is of no use here: move it to another folder, and the "
            "next run looks for what was paid among the account's jobs."
        ) from error


class _Unfit(Exception):
    """The published rows contradict each other."""


def _restore_runs(connection: Connection, books: _Books) -> None:
    """Insert what is missing, and end what has ended since the backup."""
    characters: dict[str, set[str]] = defaultdict(set)
    for row in books.attempts:
        characters[row["run_id"]].add(row["character_id"])
    of_ids = select(_runs.c.run_id)
    known = set(connection.scalars(of_ids))
    running = set(connection.scalars(of_ids.where(_runs.c.status == "running")))
    missing = []
    for row in books.runs:
        run_id = row["run_id"]
        values = {name: row[name] for name in schema.PUBLISHED_OF_RUNS} | {
            "started_at": _text(row["started_at"]),
            "finished_at": _text(row["finished_at"]),
        }
        if run_id not in known:
            missing.append({**values, "characters": json.dumps(sorted(characters[run_id]))})
        elif run_id in running:
            connection.execute(update(_runs).where(_runs.c.run_id == run_id).values(values))
    if missing:
        connection.execute(insert(_runs), missing)


def _restore_attempts(connection: Connection, books: _Books) -> None:
    """Bring what is known up to date, then insert what is missing.

    In this order, since an attempt is begun only when those before it, at the same picture, have
    ended.
    """
    images = {row["job_id"]: row for row in books.images}
    began = {row["run_id"]: row["started_at"] for row in books.runs}
    states = {
        key: (attempt_id, state)
        for attempt_id, key, state in connection.execute(
            select(_attempts.c.id, _attempts.c.idempotency_key, _attempts.c.state)
        )
    }
    missing = []
    for row in books.attempts:
        image = images.get(row["job_id"]) if row["status"] == schema.STORED else None
        attempt_id, state = states.get(row["idempotency_key"], (None, None))
        if attempt_id is None:
            missing.append(_attempt(row, image, began.get(row["run_id"], books.published_at)))
        elif _progress(row["status"]) > _progress(state):
            values = {"run_id": row["run_id"], "error": row["error"], **_standing(row, image)}
            if row["job_id"]:
                values["job_id"] = row["job_id"]
            connection.execute(update(_attempts).where(_attempts.c.id == attempt_id).values(values))
    for values in missing:
        connection.execute(insert(_attempts).values(values))


def _progress(state: str) -> int:
    return _PROGRESS.index(state) if state in _PROGRESS else len(_PROGRESS)


def _attempt(row: _Row, image: _Row | None, run_began_at: datetime) -> dict[str, Any]:
    return {name: row[name] for name in schema.PUBLISHED_OF_ATTEMPTS} | {
        "number": row["attempt"],
        "credits": row["expected_credits"],
        "body": row["request"].encode(),
        "intended_at": _text(row["submitted_at"] or run_began_at),
        **_standing(row, image),
    }


def _standing(row: _Row, image: _Row | None) -> dict[str, Any]:
    """How far an attempt had come when it was published, and its file if it has one."""
    standing = {
        "state": row["status"],
        "owner": image["run_id"] if image else schema.NOBODY,
        "doubt": int(row["status"] == schema.SUBMITTING),
        "submitted_at": _text(row["submitted_at"]),
        "completed_at": _text(row["completed_at"]),
        "retriable": int(not is_content_refusal(row["error"])),
    }
    if image is None:
        return standing
    of_file = {name: image[name] for name in _FILE_COLUMNS}
    return {**standing, **of_file, "stored_at": _text(image["created_at"])}


def _restore_ledger(connection: Connection, books: _Books) -> None:
    of_place = ("character_id", "prompt_id", "variation", "edition")
    found = select(*(_attempts.c[name] for name in of_place), _attempts.c.number, _attempts.c.id)
    ids = {tuple(place): attempt_id for *place, attempt_id in connection.execute(found)}
    known = set(connection.scalars(select(_ledger.c.entry_id)))
    types = connection.execute(select(_ledger.c.attempt_id, _ledger.c.entry_type))
    booked = {(attempt_id, entry_type) for attempt_id, entry_type in types}
    values = []
    homeless = 0
    for row in books.entries:
        attempt_id = ids.get((*(row[name] for name in of_place), row["attempt"]))
        entry_id = int(row["entry_id"].rpartition("-")[2])
        if attempt_id is None:
            homeless += 1
        elif entry_id not in known and (attempt_id, row["entry_type"]) not in booked:
            values.append(
                {
                    "entry_id": entry_id,
                    "attempt_id": attempt_id,
                    "entry_type": row["entry_type"],
                    "credits": row["credits"],
                    "price_source": row["price_source"],
                    "note": row["note"],
                    "booked_at": _text(row["booked_at"]),
                }
            )
    if homeless:
        raise _Unfit(f"entries of its credit_ledger ({homeless}) have no row in its generations")
    if values:
        connection.execute(insert(_ledger), values)


def _read(path: Path, provider: str) -> _Books | None:
    """Read all that was published; ``None`` if no journal was."""
    of_provider = [
        (f"SELECT * FROM {table} WHERE provider = ? {order}", (provider,))
        for table, order in (
            ("runs", "ORDER BY started_at"),
            ("generations", "ORDER BY submitted_at, attempt"),
            ("images", ""),
            ("credit_ledger", "ORDER BY entry_id"),
        )
    ]
    found = _ask(path, ("SELECT journal_id, published_at FROM warehouse_meta", ()), *of_provider)
    if not found or not found[0] or not found[0][0]["journal_id"]:
        return None
    (published,), runs, attempts, images, entries = found
    return _Books(
        published["journal_id"], published["published_at"], runs, attempts, images, entries
    )


def _ask(path: Path, *questions: tuple[str, tuple[object, ...]]) -> list[list[_Row]]:
    """Ask for rows; the answer is empty if it is a database of somebody's, without our tables.

    Raises:
        StorageError: The file cannot be read now.
    """
    try:
        results = warehouse.query_together(path, *questions)
    except StorageError as error:
        raise StorageError(
            "The journal is missing, new, or older than the pictures, and is to be restored from "
            f"the warehouse first. {error}"
        ) from None
    except PipelineError:
        return []
    return [
        [dict(zip(result.columns, row, strict=True)) for row in result.rows] for result in results
    ]


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment.replace(tzinfo=UTC))
