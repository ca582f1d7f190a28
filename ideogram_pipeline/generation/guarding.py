"""The guard against a journal that is lost, or older than what was bought.

Beside the pictures lies a mark: which journal they come from, and how far it had come. A journal
that does not reach the mark was deleted, moved, or put back from a backup. Its rows are restored
from the warehouse as far as they were published, and until a run has looked through the account's
jobs for the rest, it is ``recovering`` and buys nothing unseen.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection, Integer, func, literal_column, select

from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.files import make_folder, sync
from ideogram_pipeline.generation import meta, restoring, schema
from ideogram_pipeline.generation.database import Database, journal_path
from ideogram_pipeline.generation.prepared import Prepared
from ideogram_pipeline.generation.settled import drop_settled_point
from ideogram_pipeline.settings import Settings

MARK_NAME = ".journal.json"
_RECOVERING = "recovering"

# Asked with each purchase, so each of these is one step down a tree, whatever the number of rows.
# As no run is ever deleted, the last of their rows has their number.
_HOW_FAR = Prepared(
    select(
        select(schema.meta.c.value).where(schema.meta.c.name == meta.JOURNAL_ID).scalar_subquery(),
        *(
            func.coalesce(select(func.max(last)).select_from(table).scalar_subquery(), 0)
            for table, last in (
                (schema.runs, literal_column("rowid", Integer)),
                (schema.attempts, schema.attempts.c.id),
                (schema.ledger, schema.ledger.c.entry_id),
            )
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Extent:
    """A journal, and how far it has come."""

    journal_id: str
    runs: int
    """Number of runs; each begins with a row of its own, and none is ever deleted."""
    attempts: int
    """Highest id of an attempt."""
    entries: int
    """Highest id of a ledger entry."""

    def reaches(self, other: Extent) -> bool:
        """Whether this is the other's journal, at that moment or later."""
        return (
            self.journal_id == other.journal_id
            and self.runs >= other.runs
            and self.attempts >= other.attempts
            and self.entries >= other.entries
        )


def has_journal(settings: Settings) -> bool:
    """Whether there is a journal, or what is needed to restore one."""
    traces = (journal_path(settings), _mark_path(settings), settings.warehouse_path)
    return any(path.exists() for path in traces)


def watch_over(settings: Settings, database: Database) -> None:
    """Notice that the journal is not what it was, and restore what the warehouse knows of it.

    Raises:
        StorageError: The mark, or the warehouse that is to be restored from, cannot be read.
    """
    mark = _read_mark(_mark_path(settings))
    with database.read() as connection:
        if not _is_amiss(settings, connection, mark):
            return
    with database.write() as connection:
        # Once more under the gate: another process may have mended it in between.
        if not _is_amiss(settings, connection, mark):
            return
        if settings.warehouse_path.exists():
            restoring.restore(connection, settings.warehouse_path, provider=settings.provider)
        meta.put(connection, _RECOVERING, "1")
        drop_settled_point(connection)  # what agreed then may be missing now
    set_mark(settings, database)


def set_mark(settings: Settings, database: Database) -> None:
    """Put down how far the journal has come.

    Raises:
        StorageError: The folder of pictures cannot be written.
    """
    with write(settings, database):
        pass


@contextmanager
def write(settings: Settings, database: Database) -> Iterator[Connection]:
    """One transaction of the journal; on leaving the block it and the mark of it are on disk.

    Raises:
        StorageError: The journal or the folder of pictures cannot be written. If only the latter,
            what was written is in the journal.
    """
    # Nobody writes between the two, so that of two runs the later one's mark is the last.
    with database.gate():
        with database.write() as connection:
            yield connection
            extent = _extent(connection)
        _put_mark(_mark_path(settings), extent)


def is_recovering(database: Database) -> bool:
    """Whether the account's jobs must be looked through before anything is bought."""
    with database.read() as connection:
        return meta.get(connection, _RECOVERING) is not None


def recovered(database: Database) -> None:
    """Note that the journal has all that can be found."""
    with database.write() as connection:
        meta.put(connection, _RECOVERING, None)


def _is_amiss(settings: Settings, connection: Connection, mark: Extent | None) -> bool:
    extent = _extent(connection)
    if mark is not None:
        return not extent.reaches(mark)
    # Nothing was ever bought here, unless the mark was lost as well.
    path = settings.warehouse_path
    return path.exists() and restoring.knows_better(
        path, journal_id=extent.journal_id, is_empty=not extent.attempts
    )


def _extent(connection: Connection) -> Extent:
    return Extent(*_HOW_FAR.rows(connection, {})[0])


def _mark_path(settings: Settings) -> Path:
    return settings.images_folder / MARK_NAME


def _put_mark(path: Path, extent: Extent) -> None:
    part = path.with_name(f"{path.name}.part")
    try:
        make_folder(path.parent)
        with part.open("w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(extent)))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync(path.parent)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}. It guards against a lost "
            "journal; make room on the disk or mend the folder's rights, then run again."
        ) from error


def _read_mark(path: Path) -> Extent | None:
    try:
        return Extent(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StorageError(
            f"{path} cannot be read: {error}. It says which journal belongs to these pictures. If "
            "the journal beside them is in its place, delete this file; a run makes it anew."
        ) from None
