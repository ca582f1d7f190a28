"""What is found on a disk when the power is back, against what was promised before it went."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Self

import duckdb
from sqlalchemy import Connection, select

from ideogram_pipeline.errors import PipelineError
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.database import Database, journal_path, open_journal
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.torture.powercut_notes import Note, digest, edition

Image = Mapping[PurePosixPath, bytes]
"""The files of a home, by their paths in it."""

MAPPED = "-shm"
"""Ending of SQLite's index, which is written through memory and made anew after a crash."""

DRAFT = ".warehouse.draft"
"""Folder of a warehouse that is not published yet; what a killed run has left there is removed."""


@dataclass(frozen=True, slots=True)
class Journal:
    """What the journal on a disk holds."""

    digest: str
    """Of its content."""
    keys: frozenset[str]
    jobs: frozenset[str | None]
    broken_file: str
    """A picture that it calls stored, and what is wrong with it; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a disk holds, as the pipeline reads it."""

    image: bytes
    """Digest of all files."""
    journal: Journal | str
    """Or why it is no use."""
    edition: str
    """Of the warehouse; empty if there is none."""
    broken_warehouse: str
    """Why the warehouse is no use; empty if it is."""


class Examiner:
    """Opens images of a disk; each, and each warehouse, once."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        """Make an examiner.

        Args:
            settings: With which the images came about.
            folder: To work in; whatever is there goes.
        """
        self._settings = settings.model_copy(update={"home": folder})
        self._warehouse = PurePosixPath(settings.warehouse_path.relative_to(settings.home))
        self._found: dict[bytes, Found] = {}
        self._editions: dict[bytes, tuple[str, str]] = {}

    def examine(self, image: Image) -> Found:
        """Look at everything that a home holds."""
        files = {path: image[path] for path in sorted(image) if not self._is_scrap(path)}
        key = _digest(files)
        if key not in self._found:
            self._found[key] = self._open(key, files)
        return self._found[key]

    def _is_scrap(self, path: PurePosixPath) -> bool:
        """Whether whoever needs the file makes it anew: an index, or the draft of a warehouse."""
        return path.name.endswith(MAPPED) or DRAFT in path.parts

    def _open(self, key: bytes, files: Image) -> Found:
        shutil.rmtree(self._settings.home, ignore_errors=True)
        for path, content in files.items():
            place = self._settings.home / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        which = _digest({path: files[path] for path in files if _belongs(path, self._warehouse)})
        if which not in self._editions:
            self._editions[which] = self._read_warehouse()
        return Found(key, self._read_journal(files), *self._editions[which])

    def _read_journal(self, files: Image) -> Journal | str:
        try:
            # As it is, before anything that was lost is restored from the warehouse.
            database = Database(journal_path(self._settings))
            with closing(database), database.read() as connection:
                (verdict,) = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
                if verdict != "ok":
                    return str(verdict)
                table = schema.attempts.c
                journal = Journal(
                    digest=digest(connection),
                    keys=frozenset(connection.scalars(select(table.idempotency_key))),
                    jobs=frozenset(connection.scalars(select(table.job_id))),
                    broken_file=next(self._broken_files(connection, files), ""),
                )
            with open_journal(self._settings):
                return journal
        except PipelineError as error:
            return str(error)

    def _broken_files(self, connection: Connection, files: Image) -> Iterator[str]:
        table = schema.attempts.c
        query = select(table.path, table.sha256).where(table.state == schema.STORED)
        folder = PurePosixPath(self._settings.folder.relative_to(self._settings.home))
        for path, sha256 in connection.execute(query):
            content = files.get(folder / path)
            if content is None:
                yield f"{path} is missing"
            elif hashlib.sha256(content).hexdigest() != sha256:
                yield f"{path} has {len(content)} bytes that are not the picture's"

    def _read_warehouse(self) -> tuple[str, str]:
        if not self._settings.warehouse_path.exists():
            return "", ""
        try:
            return edition(self._settings.warehouse_path), ""
        except duckdb.Error as error:
            return "", str(error)


@dataclass(slots=True)
class Promises:
    """What was promised up to some instant, in the order of a whole recording."""

    commits: dict[str, int]
    """When each content of the journal was committed; 0 is the empty one."""
    editions: dict[str, int]
    """When each edition of the warehouse was published; 0 is none."""
    committed: int = 0
    published: int = 0
    sent: set[str] = field(default_factory=set)
    watched: set[str] = field(default_factory=set)

    @classmethod
    def none(cls, commits: Iterable[str], editions: Iterable[str]) -> Self:
        """None as yet, of those that will follow one another from the first of each."""
        return cls(
            {digest: number for number, digest in enumerate(commits)},
            {edition: number for number, edition in enumerate(editions)},
        )

    def give(self, note: Note) -> None:
        """Count one more."""
        match note.kind:
            case "committed":
                self.committed += 1
            case "published":
                self.published += 1
            case "sent":
                self.sent.add(note.what)
            case "watched":
                self.watched.add(note.what)

    def tolerate(self, found: Found) -> None:
        """Let be what a killed run has done last, without the time to promise it."""
        if isinstance(found.journal, Journal):
            self.commits.setdefault(found.journal.digest, self.committed)
        self.editions.setdefault(found.edition, self.published)

    def broken_by(self, found: Found) -> dict[str, str]:
        """What is wrong with a disk: a sentence for each kind, by the names in ``PowerCuts``."""
        wrong: dict[str, str] = {}
        journal = found.journal
        if isinstance(journal, str):
            wrong["unopened"] = journal
        else:
            commit = self.commits.get(journal.digest)
            lacking = self.sent - journal.keys or self.watched - journal.jobs
            if commit is None:
                wrong["unopened"] = "the journal holds what was never committed"
            elif commit < self.committed:
                wrong["lost_commits"] = f"{self.committed - commit} transactions are lost"
            elif lacking:
                wrong["lost_commits"] = f"the journal does not know of {min(lacking)}"
            if journal.broken_file:
                wrong["broken_files"] = journal.broken_file
        published = self.editions.get(found.edition)
        if found.broken_warehouse:
            wrong["broken_warehouses"] = found.broken_warehouse
        elif published is None or published < self.published:
            wrong["broken_warehouses"] = f"the warehouse is of {found.edition or 'no publishing'}"
        return wrong


def _belongs(path: PurePosixPath, warehouse: PurePosixPath) -> bool:
    return path.parent == warehouse.parent and path.name.startswith(warehouse.name)


def _digest(files: Image) -> bytes:
    content = hashlib.sha256()
    for path, data in files.items():
        content.update(f"{path}\0{len(data)}\0".encode())
        content.update(data)
    return content.digest()
