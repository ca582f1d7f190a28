"""What the sandbox remembers: one SQLite database, in memory or in a file.

Several servers may work on one file at a time, and any of them may be killed at any instruction:
all that belongs together is written in one transaction, and nothing that matters is kept outside.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ideogram_pipeline.errors import StorageError

_FORMAT = 1
_SCHEMA = Path(__file__).with_name("schema.sql")
_BUSY_SECONDS = 30.0

Value = str | bytes | int | float | None
Parameters = Sequence[Value] | Mapping[str, Value]


class State:
    """One connection, usable from any thread, one at a time.

    Args:
        path: The database file, made when it is missing; `None` keeps all in memory.

    Raises:
        StorageError: when the file cannot be opened, or is not a sandbox of this version.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path or ":memory:",
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
            )
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"The sandbox cannot open its state {path}: {error}") from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self.close()
            raise StorageError(
                f"The sandbox cannot use {path} as its state: {error}."
                " Name another file, or remove this one to start afresh."
            ) from error

    def _prepare(self) -> None:
        version = self.row("PRAGMA user_version")[0]
        if version not in (0, _FORMAT):
            raise sqlite3.DatabaseError(f"format {version} is of another version of the sandbox")
        # A kill of the process loses nothing with either setting; only a power cut may, and what
        # a sandbox holds is not worth an fsync for each request.
        self.execute("PRAGMA synchronous = OFF")
        self.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(_SCHEMA.read_text(encoding="utf-8"))
        self.execute(f"PRAGMA user_version = {_FORMAT}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a state in memory is gone with it."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and alone: other servers on the file wait. Nested, it joins."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """All rows of a query, as tuples."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first row of a query as a tuple, or `None`."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchone()

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run a statement; how many rows it changed."""
        with self._lock:
            return self._connection.execute(sql, parameters).rowcount

    def bump(self, counter: str, by: int = 1) -> int:
        """Add to a counter and return its new value."""
        value: int = self.row(
            "INSERT INTO counters(name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value",
            (counter, by),
        )[0]
        return value

    def keep(self, counter: str, value: int) -> None:
        """Set a counter."""
        self.execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (counter, value))
