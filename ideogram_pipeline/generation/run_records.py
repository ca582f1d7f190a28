"""The journal's record of each run: opened before it does anything, closed when it ends."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select, update

from ideogram_pipeline.errors import ConfigurationError
from ideogram_pipeline.generation import meta, schema, totals
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.settled import drop_settled_point
from ideogram_pipeline.generation.times import now_text

_runs = schema.runs


def new_run_id(began: datetime, unique: str | None = None) -> str:
    """Name a run by its beginning and the first eight characters of ``unique``, drawn if need be.

    Names sort by time.
    """
    return f"{began.astimezone(UTC):%Y%m%dT%H%M%S}-{(unique or secrets.token_hex(4))[:8]}"


def open_run(
    database: Database,
    run_id: str,
    *,
    provider: str,
    characters: Iterable[str],
    **counts: int | None,
) -> None:
    """Open the record of a run.

    Raises:
        ConfigurationError: The journal holds another provider's money.
    """
    with database.write() as connection:
        other = connection.scalar(
            select(_runs.c.provider).where(_runs.c.provider != provider).limit(1)
        )
        if other is not None:
            raise ConfigurationError(
                f"IDEOGRAM_PIPELINE_JOURNAL_URL: this journal keeps the books of {other!r}, and "
                f"this run is for {provider!r}. Give each a journal of its own."
            )
        connection.execute(
            _runs.insert().values(
                run_id=run_id,
                provider=provider,
                status="running",
                started_at=now_text(),
                characters=json.dumps(list(characters)),
                **counts,
            )
        )


def close_run(database: Database, run_id: str, status: str, **counts: int | None) -> None:
    """Close the record of a run: ``finished``, or ``stopped`` by an error or a signal."""
    of_run = _runs.c.run_id == run_id
    with database.write() as connection:
        connection.execute(
            update(_runs).where(of_run).values(status=status, finished_at=now_text(), **counts)
        )


def running(database: Database) -> list[str]:
    """The runs that have not closed their record; some of them may have died."""
    with database.read() as connection:
        of_running = select(_runs.c.run_id).where(_runs.c.status == "running")
        return list(connection.scalars(of_running))


def credits_quoted(database: Database, run_id: str) -> int | None:
    """What was announced before a run began; ``None`` for a run without record."""
    with database.read() as connection:
        return connection.scalar(select(_runs.c.credits_quoted).where(_runs.c.run_id == run_id))


def credits_spent(database: Database, run_ids: Sequence[str]) -> int:
    """What runs have spent together, in credits, without what is only reserved."""
    attempts = schema.attempts
    reserved = select(func.coalesce(func.sum(attempts.c.credits), 0)).where(
        attempts.c.run_id.in_(run_ids), attempts.c.state.in_(schema.UNKNOWN)
    )
    with database.read() as connection:
        committed = sum(totals.of_run(connection, run_id) for run_id in run_ids)
        return committed - (connection.scalar(reserved) or 0)


def bind_account(database: Database, team_id: str | None) -> None:
    """Note whose account is used; another one cannot tell what became of this one's requests.

    Raises:
        ConfigurationError: The key is of another team than before, and work is still open there.
    """
    if team_id is None:
        return
    attempts = schema.attempts
    with database.write() as connection:
        before = meta.get(connection, "team_id")
        if before == team_id:
            return
        open_there = (*schema.OPEN, schema.UNRESOLVED)
        left = connection.scalar(
            select(func.count()).select_from(attempts).where(attempts.c.state.in_(open_there))
        )
        if before is not None and left:
            raise ConfigurationError(
                f"APIFRAME_API_KEY: this key is of team {team_id}, and {left} pictures are still "
                f"under way, and perhaps paid, in the account of team {before}. Run once more with "
                "a key of that team, or give the new account another IDEOGRAM_PIPELINE_HOME."
            )
        meta.put(connection, "team_id", team_id)
        drop_settled_point(connection)  # it is of the other account
