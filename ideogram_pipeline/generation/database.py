"""Opening the journal: SQLite in WAL mode, every commit on disk, one writer at a time."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError

from ideogram_pipeline.errors import ConfigurationError, StorageError
from ideogram_pipeline.files import make_folder
from ideogram_pipeline.generation import meta, schema, totals
from ideogram_pipeline.settings import Settings

LOCK_SECONDS = 30.0
"""How long a writer waits for others before it gives up; a write takes about a millisecond."""

_VERSION = "schema_version"
_BEGIN = "BEGIN IMMEDIATE"
"""A transaction that begins without the lock and writes later fails at once when another writer was
faster."""
_ADDED = {
    2: (
        "ALTER TABLE attempts ADD COLUMN begun_at VARCHAR",
        "ALTER TABLE attempts ADD COLUMN conflicted INTEGER NOT NULL DEFAULT 0",
    ),
    3: totals.COUNTED_ANEW,
}
"""What makes a journal of the version before into one of this version."""


def journal_path(settings: Settings) -> Path:
    """Where the journal of this mode lies.

    Raises:
        ConfigurationError: ``IDEOGRAM_PIPELINE_JOURNAL_URL`` is not a SQLite file.
    """
    if settings.journal_url is None:
        return settings.folder / "journal.sqlite"
    try:
        url = make_url(settings.journal_url)
    except ArgumentError:
        url = None
    if url is None or url.get_backend_name() != "sqlite" or not url.database:
        raise ConfigurationError(
            "IDEOGRAM_PIPELINE_JOURNAL_URL: must be sqlite:///relative/path or "
            "sqlite:////absolute/path. Owners are told apart by lock files, so the journal and "
            "all its runs are on one machine."
        )
    return Path(url.database)


@contextmanager
def open_journal(settings: Settings) -> Iterator[Database]:
    """Open the journal of this mode, made if it is missing, and close it in the end.

    A journal that was lost or is older than its pictures is restored first, see ``guarding``.

    Raises:
        ConfigurationError: ``IDEOGRAM_PIPELINE_JOURNAL_URL`` is not a SQLite file.
        StorageError: It cannot be made or opened, or not be restored.
    """
    # The guard works on a journal that is open already.
    from ideogram_pipeline.generation.guarding import watch_over

    database = Database(journal_path(settings))
    try:
        watch_over(settings, database)
        yield database
    finally:
        database.close()


class Transactions(Protocol):
    """What can be written to and read from: a database, or a transaction that is under way."""

    def write(self) -> AbstractContextManager[Connection]:
        """A connection for writing."""

    def read(self) -> AbstractContextManager[Connection]:
        """A connection for reading."""


class UnderWay:
    """One transaction, in which several writes are to be made; whoever began it commits it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write(self) -> AbstractContextManager[Connection]:
        """The connection of the transaction."""
        return nullcontext(self._connection)

    read = write


class Database:
    """The journal's file and the gate before its writers.

    Only SQLite may open this file in our process: when any other handle on it is closed, POSIX
    drops the locks of all of them. And of SQLite's own lock, one of several writers can starve for
    seconds; the gate, a lock file beside it, is fair.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._gate = FileLock(path.with_name(path.name + ".gate"), timeout=LOCK_SECONDS)
        self._engine = _engine(path)
        try:
            make_folder(path.parent)
            self._create()
        except (OSError, DatabaseError) as error:
            self.close()
            raise _unusable(path, error) from error
        except StorageError:
            self.close()
            raise

    @property
    def locks(self) -> Path:
        """Folder of the lock files by which runs show that they live."""
        return self.path.parent / "locks"

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Keep every other writer out, before, between and after what is written in the block.

        Raises:
            StorageError: Another program does not let us in, or the lock file cannot be opened.
        """
        try:
            self._gate.acquire()
        except Timeout:
            raise StorageError(
                f"The journal {self.path} has been locked by another process for "
                f"{LOCK_SECONDS:.0f} s. Nothing is lost: end that process and run again."
            ) from None
        except OSError as error:
            raise _unusable(self.path, error) from error
        try:
            yield
        finally:
            self._gate.release()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction; on leaving the block it is on disk, or nothing of it is.

        Raises:
            StorageError: The disk is full, the file is damaged, or another program holds it.
            IntegrityError: The schema forbids what was to be written.
        """
        try:
            with self.gate(), self._engine.begin() as connection:
                connection.exec_driver_sql(_BEGIN)
                yield connection
        except IntegrityError:
            raise  # not the file's fault: what was to be written contradicts what is there
        except (OSError, DatabaseError) as error:
            raise _unusable(self.path, error) from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; it waits for nobody and blocks nobody.

        All that is read in the block is of one moment, whatever is written meanwhile.
        """
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql("BEGIN")
                yield connection
        except DatabaseError as error:
            raise _unusable(self.path, error) from error

    def _create(self) -> None:
        with self._gate, self._engine.begin() as connection:
            connection.exec_driver_sql(_BEGIN)
            schema.metadata.create_all(connection)
            for trigger in (*schema.APPEND_ONLY, *schema.CHANGES_NOTED, *totals.TRIGGERS):
                connection.exec_driver_sql(trigger)
            version = meta.get(connection, _VERSION)
            if version is None:
                meta.put(connection, _VERSION, str(schema.SCHEMA_VERSION))
                meta.put(connection, meta.JOURNAL_ID, uuid.uuid4().hex)
                return
            for newer in range(int(version) + 1, schema.SCHEMA_VERSION + 1):
                for statement in _ADDED[newer]:
                    connection.exec_driver_sql(statement)
            if int(version) > schema.SCHEMA_VERSION:
                raise StorageError(
                    f"The journal {self.path} was written by a newer version of this program "
                    f"(schema {version}, expected {schema.SCHEMA_VERSION}). Use that version."
                )
            if int(version) < schema.SCHEMA_VERSION:
                meta.put(connection, _VERSION, str(schema.SCHEMA_VERSION))


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": LOCK_SECONDS})

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        # The driver must not begin transactions by itself.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA fullfsync=1")
        connection.execute("PRAGMA foreign_keys=ON")

    return engine


def _unusable(path: Path, error: Exception) -> StorageError:
    cause = getattr(error, "orig", None) or error
    return StorageError(
        f"The journal {path} cannot be written: {cause}. Check that its folder exists, is "
        "writable and has space left. Nothing is bought without it; what was bought is safe in it."
    )
