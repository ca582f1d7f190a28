"""Publishing the warehouse by rename, so that readers wait for nobody and block nobody.

DuckDB lets one process at a time open a file for writing, and none while another reads it. So a
publish never opens the file that people query: it copies it, changes the copy in one transaction
and renames it over. A reader sees the old file or the new one, whole; a crash leaves the old one.

What stands in the way is somebody else who holds the file open for writing: what they write after
the rename goes to a ``.wal`` beside the new file, and DuckDB 1.5.6 then reads that log as if it
belonged to the new file (measured). So a publish holds DuckDB's own POSIX lock, shared, from
before the copy until after the rename: a reader's lock agrees with it, a writer's does not.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import duckdb
from filelock import FileLock, Timeout

from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.files import make_folder, sync
from ideogram_pipeline.warehouse import schema
from ideogram_pipeline.warehouse.changes import Change, Replace, Selection

_LOOK_AGAIN = 0.05
"""Seconds between two looks at a file that somebody holds."""

_DATABASE_TROUBLE = (duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException)
"""Disk or file at fault; DuckDB's other errors are mistakes in the changes."""


@dataclass(frozen=True, slots=True)
class Published:
    """How a publish ended. Nothing is lost by any of it: the journal holds every row."""

    lag: bool = False
    """The file could not be replaced in time; it is whole, and as old as it was."""
    rebuilt: bool = False
    """The file was begun anew and holds a part of the books only: publish everything once."""
    reason: str = ""
    """In words: what was in the way and what to do about it, or why the file was begun anew."""


class _HeldForWritingError(Exception):
    """Another program has the file open for writing and did not let go in time."""


def publish(
    path: Path,
    changes: Sequence[Change] | Callable[[], Sequence[Change]],
    *,
    complete: bool = False,
    journal_id: str | None = None,
    wait_seconds: float = 30.0,
) -> Published:
    """Apply the changes to the warehouse, all of them or none.

    A file that is missing, damaged, of an older version or of another journal is begun anew, so
    that the books of two are never added up. From then on every publish answers ``rebuilt`` until
    one of them is ``complete``, so that a crash in between cannot leave a part of the books looking
    like the whole.

    Args:
        path: The DuckDB file; its folder is made if need be.
        changes: Applied in order, in one transaction; or what makes them, called when it is this
            publisher's turn, so that nobody can have published newer rows in between.
        complete: The changes bring all that the journal holds; catalog and plan come anew anyway.
        journal_id: Identity of the journal that the rows come from, to be kept in the file.
        wait_seconds: Longest wait for other publishers, and again for a person's session.

    Raises:
        StorageError: The folder or the disk does not let us write, or the file is of a newer
            version; the file is as it was.
        ValueError: A change names a table or column that does not exist.
    """
    try:
        make_folder(path.parent)
        with FileLock(path.with_suffix(".lock"), timeout=wait_seconds), ExitStack() as stack:
            if isinstance(changes, Sequence) and are_published(path, changes):
                return Published()
            if not isinstance(changes, Sequence):
                # Before the lock on the file: it may ask the file, which would end that lock.
                changes = changes()
            draft = stack.enter_context(_workshop(path))
            live = stack.enter_context(_kept_from_writers(path, wait_seconds))
            whole, reason = _draw_up(draft, live, changes, complete, journal_id)
            if live and reason:
                old = path.with_suffix(f".old{path.suffix}")
                _copy_bytes(live, old)
                reason += f" The old file is kept as {old.name}."
            _put_in_place(draft, path)
    except Timeout:
        return Published(
            lag=True, reason=f"Other runs kept {path} busy; the next publish brings it up to date."
        )
    except _HeldForWritingError:
        return Published(
            lag=True,
            reason=f"{path} is open for writing in another program, such as a DuckDB shell or a"
            " notebook, so it keeps its old rows. Close it there (to look, `duckdb -readonly` is"
            " enough); the next publish brings it up to date.",
        )
    except (OSError, *_DATABASE_TROUBLE) as error:
        raise StorageError(
            f"{path} could not be published: {error}\n"
            "The file is as it was, and the journal has every row. Make room on the disk or give"
            " this user the right to write to the folder, then run again."
        ) from error
    return Published(rebuilt=not whole, reason=reason)


@contextmanager
def _workshop(path: Path) -> Iterator[Path]:
    """A folder beside the file for the draft; what a killed publish left in it goes first."""
    folder = path.with_name(f".{path.stem}.draft")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder / path.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _kept_from_writers(path: Path, wait_seconds: float) -> Iterator[BinaryIO | None]:
    """Open the file, if it is there, under a lock that no writer gets past."""
    if not path.exists():
        yield None
        return
    deadline = time.monotonic() + wait_seconds
    with path.open("rb") as live:
        while not _lock_shared(live):
            if time.monotonic() >= deadline:
                raise _HeldForWritingError
            time.sleep(_LOOK_AGAIN)
        yield live


def _lock_shared(live: BinaryIO) -> bool:
    try:
        fcntl.lockf(live, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _draw_up(
    draft: Path,
    live: BinaryIO | None,
    changes: Sequence[Change],
    complete: bool,
    journal_id: str | None,
) -> tuple[bool, str]:
    """Write the changed database to ``draft``.

    Returns:
        Whether it holds everything, and why it had to be begun anew, if it had to.
    """
    reason = f"{draft.name} was begun anew: there was none."
    if live:
        reason = _copy(live, draft, journal_id)
        if not reason:
            try:
                return _change(draft, changes, complete, journal_id), ""
            except _DATABASE_TROUBLE:
                # Damage deep in a file shows only when its rows are touched.
                reason = _copy(live, draft, journal_id) or _damage(draft)
                if not reason:
                    raise
    _begin(draft)
    return _change(draft, changes, complete, journal_id), reason


def _copy(live: BinaryIO, draft: Path, journal_id: str | None) -> str:
    """Copy the file and a log that a killed session left beside it; say why if they are no use.

    Raises:
        StorageError: The file was made by a newer version of this program.
    """
    _copy_bytes(live, draft)
    log = _log_of(Path(live.name))
    if log.exists():
        shutil.copyfile(log, _log_of(draft))
    else:
        _log_of(draft).unlink(missing_ok=True)
    try:
        with closing(duckdb.connect(draft, read_only=True)) as connection:
            asked = "SELECT schema_version, journal_id FROM warehouse_meta"
            row = connection.execute(asked).fetchone()
    except duckdb.Error as error:
        return f"{live.name} was begun anew: it could not be read ({error})."
    version, published_from = row or (0, None)
    if version > schema.SCHEMA_VERSION:
        raise StorageError(
            f"{live.name} was made by a newer version of ideogram-pipeline (tables of version"
            f" {version}, this one writes {schema.SCHEMA_VERSION}). Upgrade this one, or give it"
            " another IDEOGRAM_PIPELINE_HOME."
        )
    if version < schema.SCHEMA_VERSION:
        return f"{live.name} was begun anew: it was made by an older version."
    if journal_id and published_from and journal_id != published_from:
        return f"{live.name} was begun anew: it holds the books of another journal."
    return ""


def _copy_bytes(live: BinaryIO, destination: Path) -> None:
    # From the handle that we hold: to open the file again and close it would end our lock.
    live.seek(0)
    with destination.open("wb") as copy:
        shutil.copyfileobj(live, copy, 1 << 20)


def _damage(draft: Path) -> str:
    """Read every value of every table; say what could not be read."""
    try:
        with closing(duckdb.connect(draft, read_only=True)) as connection:
            for table in schema.TABLES:
                connection.execute(f"SELECT max(hash(COLUMNS(*))) FROM {table}").fetchall()
    except duckdb.Error as error:
        return f"{draft.name} was begun anew: it was damaged ({error})."
    return ""


def _begin(draft: Path) -> None:
    draft.unlink(missing_ok=True)
    _log_of(draft).unlink(missing_ok=True)
    with closing(duckdb.connect(draft)) as connection:
        schema.create(connection)
        connection.execute(
            "INSERT INTO warehouse_meta (schema_version, complete, published_at)"
            " VALUES (?, false, ?)",
            [schema.SCHEMA_VERSION, _now()],
        )


def _change(draft: Path, changes: Sequence[Change], complete: bool, journal_id: str | None) -> bool:
    with _opened(draft, _source(changes)) as connection:
        # So that a moment with a zone becomes UTC wherever this runs.
        connection.execute("SET TimeZone = 'UTC'")
        connection.begin()
        schema.add_missing(connection)
        for change in changes:
            change.apply(connection)
        connection.execute(
            "UPDATE warehouse_meta SET complete = complete OR ?,"
            " journal_id = coalesce(?, journal_id), published_at = ?",
            [complete, journal_id, _now()],
        )
        row = connection.execute("SELECT complete FROM warehouse_meta").fetchone()
        connection.commit()
        connection.execute("CHECKPOINT")
    return bool(row and row[0])


@contextmanager
def _opened(
    file: Path, source: duckdb.DuckDBPyConnection | None, options: str = ""
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a file; where rows are to be had from another database, inside that one."""
    if source is None:
        with closing(duckdb.connect(file)) as connection:
            yield connection
        return
    quoted = str(file).replace("'", "''")
    with closing(source.cursor()) as connection:
        connection.execute(f"ATTACH '{quoted}' AS warehouse {options}")
    try:
        with closing(source.cursor()) as connection:
            connection.execute("SET search_path = 'warehouse,memory'")
            yield connection
    finally:
        with closing(source.cursor()) as connection:
            connection.execute("DETACH warehouse")


@contextmanager
def attached(path: Path, source: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Have the file at hand, for reading, in a database in memory, as ``warehouse``.

    Raises:
        StorageError: It cannot be read.
    """
    try:
        with _opened(path, source, "(READ_ONLY)") as connection:
            yield connection
    except duckdb.Error as error:
        raise StorageError(f"{path} cannot be read: {error}") from None


def _source(changes: Sequence[Change]) -> duckdb.DuckDBPyConnection | None:
    """The database of the selections among the changes."""
    rows = (change.rows for change in changes)
    return next((r.connection for r in rows if isinstance(r, Selection)), None)


def are_published(path: Path, changes: Sequence[Change]) -> bool:
    """Whether the file is whole and would come out as it is; not, where that cannot be told."""
    comparable = [
        change
        for change in changes
        if isinstance(change, Replace) and isinstance(change.rows, Selection)
    ]
    if not comparable or len(comparable) < len(changes):
        return False
    if not path.exists() or _log_of(path).exists():
        return False
    try:
        with _opened(path, _source(changes), "(READ_ONLY)") as connection:
            asked = "SELECT schema_version, complete FROM warehouse_meta"
            if connection.execute(asked).fetchall() != [(schema.SCHEMA_VERSION, True)]:
                return False
            return all(change.is_done(connection) for change in comparable)
    except duckdb.Error:
        return False


def _put_in_place(draft: Path, path: Path) -> None:
    sync(draft)
    # The draft holds its rows by now; left behind, it would be read into the new file.
    _log_of(path).unlink(missing_ok=True)
    draft.replace(path)
    sync(path.parent)


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
