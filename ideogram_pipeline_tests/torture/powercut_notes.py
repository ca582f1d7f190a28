"""What a run has been promised, written down at the moment of the promise, between its calls.

The notes go into a file beside the home, so that a trace of the system calls has both in their
true order: whatever was noted before the power went must be on the disk afterwards.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
from sqlalchemy import Connection

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.publication import publish_catalog
from ideogram_pipeline.generation.watching import Watcher
from ideogram_pipeline.settings import Settings
from ideogram_pipeline.warehouse import publishing
from ideogram_pipeline.warehouse import schema as tables
from ideogram_pipeline.warehouse.publishing import Published
from ideogram_pipeline_tests.torture.deep_child import buy_and_publish

Promise = Literal["committed", "sent", "watched", "published"]
"""A transaction has returned; a paid request leaves; a job is waited for; the warehouse is out."""


@dataclass(frozen=True, slots=True)
class Note:
    """One promise: what it is, and the content, key, job or edition that it is about."""

    kind: Promise
    what: str


def noted_run(settings: Settings, notes: Path, plant: Callable[[], None] | None) -> None:
    """Publish the catalog, buy, publish the books, and note every promise.

    Args:
        settings: Of the pipeline.
        notes: The file to append to.
        plant: Changes the pipeline first.
    """
    if plant:
        plant()
    handle = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    _note_promises(lambda kind, what: os.write(handle, f"{json.dumps([kind, what])}\n".encode()))
    publish_catalog(settings, read_catalog(settings.catalog))
    buy_and_publish(settings)


def digest(connection: Connection) -> str:
    """Of all that the journal holds, but for its own name, which it gets before any promise."""
    content = hashlib.sha256()
    for table in schema.metadata.sorted_tables:
        if table is not schema.meta:
            rows = connection.exec_driver_sql(f"SELECT * FROM {table.name} ORDER BY 1, 2")
            content.update(repr((table.name, [tuple(row) for row in rows])).encode())
    return content.hexdigest()


def edition(warehouse: Path) -> str:
    """Which publishing a warehouse is of; all of it is read.

    Raises:
        duckdb.Error: It cannot be read.
    """
    with duckdb.connect(warehouse, read_only=True) as connection:
        for table in tables.TABLES:
            connection.execute(f"SELECT max(hash(COLUMNS(*))) FROM {table}").fetchall()
        return str(connection.execute("SELECT published_at FROM warehouse_meta").fetchall())


def _note_promises(note: Callable[[Promise, str], object]) -> None:
    write, submit, ended = Database.write, ApiframeClient.submit, Watcher.ended
    publish = publishing.publish

    @contextmanager
    def noted_write(database: Database) -> Iterator[Connection]:
        with write(database) as connection:
            yield connection
        with database.read() as connection:
            note("committed", digest(connection))

    async def noted_submit(client: ApiframeClient, body: bytes, *, idempotency_key: str) -> Any:
        note("sent", idempotency_key)
        return await submit(client, body, idempotency_key=idempotency_key)

    async def noted_ended(watcher: Watcher, job_id: str, *args: Any, **kwargs: Any) -> Any:
        note("watched", job_id)
        return await ended(watcher, job_id, *args, **kwargs)

    def noted_publish(path: Path, *args: Any, **kwargs: Any) -> Published:
        published = publish(path, *args, **kwargs)
        if not published.lag:
            note("published", edition(path))
        return published

    Database.write = noted_write  # type: ignore[assignment,method-assign]
    ApiframeClient.submit = noted_submit  # type: ignore[assignment,method-assign]
    Watcher.ended = noted_ended  # type: ignore[assignment,method-assign]
    publishing.publish = noted_publish
