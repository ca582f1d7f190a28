"""From the warehouse back to the journal: what was published is not lost with the journal's file.

The journal is the truth and the warehouse its projection; only here it is the other way round.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from ideogram_pipeline import warehouse
from ideogram_pipeline.errors import PipelineError, StorageError
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.failures import is_content_refusal
from ideogram_pipeline.generation.times import to_text

OWNER = "restored"
"""Owner of restored attempts; no run has this name, so that any may take them over."""

_attempts = schema.attempts
_ledger = schema.ledger
_runs = schema.runs

_ATTEMPT_COLUMNS = (
    "fingerprint",
    "idempotency_key",
    "run_id",
    "provider",
    "character_id",
    "prompt_id",
    "variation",
    "edition",
    "rendering_speed",
    "seed",
    "reference_sha256",
    "image_sha256",
    "mask_sha256",
    "job_id",
    "error",
)
_FILE_COLUMNS = ("path", "sha256", "bytes", "width", "height", "format")
_RUN_COLUMNS = (
    "run_id",
    "provider",
    "status",
    "credits_quoted",
    "images_planned",
    "images_reused",
    "images_made",
    "images_deferred",
    "images_failed",
    "requests",
    "balance_before",
    "balance_after",
)

_Row = Mapping[str, Any]


def restore(connection: Connection, path: Path, *, provider: str) -> None:
    """Bring back the attempts, ledger entries and runs that this journal lacks.

    A journal without attempts takes the identity of the one that the warehouse was published from.
    A journal that has attempts and another identity is another journal, and gets nothing.

    Args:
        connection: A write transaction of the journal.
        path: The DuckDB file.
        provider: Whose rows.

    Raises:
        StorageError: The file cannot be read now.
    """
    published = _published(path)
    ours = select(schema.meta.c.value).where(schema.meta.c.name == "journal_id")
    if published is None:
        return
    if published["journal_id"] != connection.scalar(ours):
        if connection.scalar(select(func.count()).select_from(_attempts)):
            return
        of_id = schema.meta.c.name == "journal_id"
        connection.execute(update(schema.meta).where(of_id).values(value=published["journal_id"]))
    runs = _rows(path, "SELECT * FROM runs WHERE provider = ?", (provider,))
    attempts = _rows(
        path,
        "SELECT * FROM generations WHERE provider = ? ORDER BY submitted_at, attempt",
        (provider,),
    )
    images = _rows(path, "SELECT * FROM images WHERE provider = ?", (provider,))
    entries = _rows(path, "SELECT * FROM credit_ledger WHERE provider = ?", (provider,))
    _restore_runs(connection, runs, attempts)
    _restore_attempts(
        connection,
        attempts,
        files={row["job_id"]: row for row in images},
        began={row["run_id"]: row["started_at"] for row in runs},
        published_at=published["published_at"],
    )
    _restore_ledger(connection, entries)


def _restore_runs(connection: Connection, runs: list[_Row], attempts: list[_Row]) -> None:
    characters: dict[str, set[str]] = defaultdict(set)
    for row in attempts:
        characters[row["run_id"]].add(row["character_id"])
    known = set(connection.scalars(select(_runs.c.run_id)))
    values = [
        {name: row[name] for name in _RUN_COLUMNS}
        | {
            "started_at": _text(row["started_at"]),
            "finished_at": _text(row["finished_at"]),
            "characters": json.dumps(sorted(characters[row["run_id"]])),
        }
        for row in runs
        if row["run_id"] not in known
    ]
    if values:
        connection.execute(insert(_runs), values)


def _restore_attempts(
    connection: Connection,
    rows: list[_Row],
    *,
    files: Mapping[str, _Row],
    began: Mapping[str, datetime],
    published_at: datetime,
) -> None:
    """Insert what is missing, and end what has ended since the backup."""
    states = {
        key: (attempt_id, state)
        for attempt_id, key, state in connection.execute(
            select(_attempts.c.id, _attempts.c.idempotency_key, _attempts.c.state)
        )
    }
    for row in rows:
        attempt_id, state = states.get(row["idempotency_key"], (None, None))
        if attempt_id is None:
            began_at = row["submitted_at"] or began.get(row["run_id"], published_at)
            values = {name: row[name] for name in _ATTEMPT_COLUMNS} | {
                "number": row["attempt"],
                "credits": row["expected_credits"],
                "body": row["request"].encode(),
                "intended_at": _text(began_at),
            }
            connection.execute(insert(_attempts).values(values | _standing(row, files)))
        elif _progress(row["status"]) > _progress(state):
            values = {"error": row["error"], **_standing(row, files)}
            if row["job_id"]:
                values["job_id"] = row["job_id"]
            connection.execute(update(_attempts).where(_attempts.c.id == attempt_id).values(values))


def _progress(state: str) -> int:
    """How far an attempt has come; those that have ended are all equally far."""
    return schema.OPEN.index(state) if state in schema.OPEN else len(schema.OPEN)


def _standing(row: _Row, files: Mapping[str, _Row]) -> dict[str, Any]:
    """How far an attempt had come when it was published, and its file if it has one."""
    file = files.get(row["job_id"]) if row["status"] == schema.STORED else None
    return {
        "state": row["status"],
        "owner": OWNER,
        "doubt": int(row["status"] == schema.SUBMITTING),
        "submitted_at": _text(row["submitted_at"]),
        "completed_at": _text(row["completed_at"]),
        "stored_at": _text(file["created_at"]) if file else None,
        "retriable": int(not is_content_refusal(row["error"])),
        **{name: file[name] if file else None for name in _FILE_COLUMNS},
    }


def _restore_ledger(connection: Connection, rows: list[_Row]) -> None:
    of_place = ("character_id", "prompt_id", "variation", "edition")
    found = select(*(_attempts.c[name] for name in of_place), _attempts.c.number, _attempts.c.id)
    ids = {tuple(place): attempt_id for *place, attempt_id in connection.execute(found)}
    known = set(connection.scalars(select(_ledger.c.entry_id)))
    values = [
        {
            "entry_id": entry_id,
            "attempt_id": ids[*(row[name] for name in of_place), row["attempt"]],
            "entry_type": row["entry_type"],
            "credits": row["credits"],
            "price_source": row["price_source"],
            "note": row["note"],
            "booked_at": _text(row["booked_at"]),
        }
        for row in rows
        if (entry_id := int(row["entry_id"].rpartition("-")[2])) not in known
    ]
    if values:
        connection.execute(insert(_ledger), values)


def _published(path: Path) -> _Row | None:
    """Which journal the file was published from, and when; ``None`` if it is no such file."""
    try:
        rows = _rows(path, "SELECT journal_id, published_at FROM warehouse_meta", ())
    except StorageError as error:
        raise StorageError(
            "The journal is missing, or older than the pictures, and is to be restored from the "
            f"warehouse first. {error}"
        ) from None
    except PipelineError:
        return None  # a database of somebody's, without our tables
    return rows[0] if rows and rows[0]["journal_id"] else None


def _rows(path: Path, sql: str, parameters: tuple[object, ...]) -> list[_Row]:
    result = warehouse.query(path, sql, parameters)
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment.replace(tzinfo=UTC))
