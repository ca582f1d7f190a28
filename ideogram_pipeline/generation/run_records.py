"""The journal's record of each run: opened before it does anything, closed when it ends."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import select, update

from ideogram_pipeline.errors import ConfigurationError
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.times import now_text

_runs = schema.runs


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
