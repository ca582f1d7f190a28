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
from ideogram_pipeline.errors import PipelineError
from ideogram_pipeline.generation import meta, schema
from ideogram_pipeline.generation.database import Database, open_journal
from ideogram_pipeline.generation.published_plan import TABLE as PLAN
from ideogram_pipeline.generation.published_plan import published_stamp
from ideogram_pipeline.planning.plan import Plan
from ideogram_pipeline.planning.tables import table_of
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

_CHARACTER_COLUMNS = {
    "character_id": "VARCHAR",
    "name": "VARCHAR",
    "reference_image": "VARCHAR",
    "reference_sha256": "VARCHAR",
    "style_type": "VARCHAR",
    "rendering_speed": "VARCHAR",
    "aspect_ratio": "VARCHAR",
    "prompt_prefix": "VARCHAR",
    "prompt_suffix": "VARCHAR",
    "monthly_credit_budget": "BIGINT",
}
_DIGEST_COLUMNS = {"character_id": "VARCHAR", "catalog_digest": "VARCHAR"}
_REJECT_COLUMNS = {
    "file": "VARCHAR",
    "line": "BIGINT",
    "column_name": "VARCHAR",
    "value": "VARCHAR",
    "reason": "VARCHAR",
    "character_id": "VARCHAR",
    "row_id": "VARCHAR",
}


def publish_books(settings: Settings, *, characters: Collection[str] | None = None) -> Published:
    """Bring the warehouse up to date with the journal.

    Args:
        settings: Where both are.
        characters: Whose rows to renew, where the journal has others than were published; ``None``
            for all rows of all. The ledger only ever grows.

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
            partial(_books, settings, database, characters),
            complete=characters is None,
            journal_id=journal_id,
        )


def _books(
    settings: Settings, database: Database, characters: Collection[str] | None
) -> list[Change]:
    """The journal's rows, all of one moment: no entry of the ledger without its attempt.

    Those of ``characters`` that are published already are left out.
    """
    with database.read() as connection:
        marks = _marks(connection)
        runs = Replace("runs", _run_rows(connection))
        of_characters: ColumnElement[bool] = true()
        where = None
        if characters is not None:
            published = _published_marks(settings)
            renewed = {
                name
                for name in characters
                if name not in published or marks.get(name, "") != published[name]
            }
            if not renewed:
                return [runs]
            marks = {name: marks.get(name, "") for name in renewed}
            of_characters = _attempts.c.character_id.in_(renewed)
            where = {"character_id": sorted(renewed)}
        return [
            Replace("generations", _generations(connection, of_characters), where),
            Replace("images", _images(connection, of_characters), where),
            Append("credit_ledger", _ledger_entries(connection, of_characters), key="entry_id"),
            Replace(
                "publications",
                [{"character_id": name, "mark": mark} for name, mark in marks.items()],
                where,
            ),
            runs,
        ]


def _marks(connection: Connection) -> dict[str, str]:
    """The mark of each character with a change since marks are kept."""
    changes = select(schema.changes.c.character_id, schema.changes.c.mark)
    return {row.character_id: row.mark for row in connection.execute(changes)}


def _published_marks(settings: Settings) -> dict[str, str]:
    """The marks of what is published; none where that cannot be told, so that all is renewed."""
    try:
        found = warehouse.query(settings.warehouse_path, "FROM publications")
    except PipelineError:
        return {}
    return {str(name): str(mark) for name, mark in found.rows}


def publish_catalog(settings: Settings, catalog: Catalog) -> Published:
    """Bring the tables ``characters``, ``prompt_catalog`` and ``catalog_rejects`` up to date.

    Where they have these very rows, nothing is written.

    Raises:
        StorageError: The folder or the disk does not let us write.
    """
    now = _moment(datetime.now(UTC))
    connection = catalog.prompts.cursor()
    cast = [
        (
            who.character_id,
            who.name,
            str(who.reference.path),
            who.reference.sha256,
            who.style_type,
            who.rendering_speed,
            who.aspect_ratio,
            who.prompt_prefix,
            who.prompt_suffix,
            who.monthly_credit_budget,
        )
        for who in catalog.characters.values()
    ]
    rejected = [
        (
            reject.file,
            reject.line,
            reject.column,
            reject.value,
            reject.reason,
            reject.character_id,
            reject.row_id,
        )
        for reject in catalog.rejects
    ]
    characters = table_of(connection, "cast", _CHARACTER_COLUMNS, cast)
    rejects = table_of(connection, "rejects", _REJECT_COLUMNS, rejected)
    prompts = f"""SELECT prompts.* EXCLUDE (number, line, image, mask),
        image.path AS image, image.sha256 AS image_sha256,
        mask.path AS mask, mask.sha256 AS mask_sha256, {now} AS updated_at
    FROM prompts
    LEFT JOIN pictures AS image ON image.picture = prompts.image
    LEFT JOIN pictures AS mask ON mask.picture = prompts.mask
    ORDER BY number"""

    def replaced(table: str, sql: str, *beside: str) -> Replace:
        return Replace(table, Selection(connection, sql), beside=beside)

    def changes(of_cast: str) -> list[Change]:
        of_cast = f"SELECT *, {now} AS updated_at FROM ({of_cast})"
        of_rejects = f"SELECT *, {now} AS read_at FROM {rejects}"
        return [
            # Digests follow from the rows, so that they are no reason either.
            replaced("characters", of_cast, "updated_at", "catalog_digest"),
            replaced("prompt_catalog", prompts, "updated_at"),
            replaced("catalog_rejects", of_rejects, "read_at"),
        ]

    path = settings.warehouse_path
    if warehouse.are_published(path, changes(f"FROM {characters}")):
        return Published()  # so that nobody waits for the digests
    digests = table_of(connection, "digests", _DIGEST_COLUMNS, catalog.digests.items())
    with_digests = f"FROM {characters} AS who LEFT JOIN {digests} USING (character_id)"
    return warehouse.publish(path, changes(f"{with_digests} ORDER BY who.rowid"))


def publish_plan(
    settings: Settings,
    plan: Plan,
    *,
    run_id: str,
    characters: Collection[str],
) -> Published:
    """Put a plan into the table ``generation_plan``, in place of its characters' older one.

    Where that says the very same, it stays, with its run and moment.

    Args:
        settings: Where the warehouse is.
        plan: Each image with its decision.
        run_id: The run that it was made for.
        characters: Whose older plan goes, also if nothing is planned for them any more.

    Raises:
        StorageError: The folder or the disk does not let us write.
    """
    if plan.is_read_back and plan.stamp == published_stamp(settings):
        return Published()
    now = datetime.now(UTC)
    rows = f"""SELECT {_moment(now)} AS planned_at, {literal(run_id)} AS run_id, character_id,
        prompt_id, variation, edition, decision, reason, credits, rendering_speed, seed,
        fingerprint, sent AS prompt, request, reproducible, title, tags
    FROM ({plan.with_requests()}) ORDER BY number, variation"""
    selection = Selection(plan.cursor(), rows)
    change = Replace(
        PLAN,
        selection,
        {"character_id": list(characters)},
        beside=("planned_at", "run_id"),
    )
    path = settings.warehouse_path
    stamp = {"table_name": PLAN, "stamp": plan.stamp or ""}
    stamped = Replace("stamps", [stamp], {"table_name": [PLAN]})
    if not plan.stamp and warehouse.are_published(path, [change]):
        return Published()  # with whatever stamp it has: the rows are the same

    def changes() -> list[Change]:
        # In one transaction with the rows, so that no stamp outlives them.
        return [stamped] if warehouse.are_published(path, [change]) else [change, stamped]

    return warehouse.publish(path, changes)


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
