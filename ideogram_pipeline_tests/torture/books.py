"""What a home has on its disk: journal, warehouse and pictures, read when every process is dead."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

LOUD = ("expired", "unresolved")
"""States of an attempt that say aloud: paid and lost, or not known; they wait for a person."""

Entry = tuple[str | None, int]
"""Of a ledger: the job, and the credits that it took, or gave back if negative."""
Image = tuple[str, str | None, str | None]
"""A stored picture: the prompt's id, the job, the path."""


@dataclass(frozen=True, slots=True)
class BookedAttempt:
    """What the journal has about an attempt, as far as the verdict needs it."""

    prompt_id: str
    state: str
    job_id: str | None
    path: str | None


@dataclass(frozen=True, slots=True)
class Books:
    """The books of a home, and the files that its journal names."""

    attempts: Sequence[BookedAttempt]
    ledger: Sequence[Entry]
    """The journal's, entry by entry."""
    published_images: Sequence[Image]
    """The warehouse's table ``images``."""
    published_ledger: Sequence[Entry]
    """The warehouse's table ``credit_ledger``."""
    files: Mapping[str, bytes]
    """By the path that an attempt names; a missing file is missing here."""

    @property
    def stored_images(self) -> list[Image]:
        """What the journal calls stored."""
        return [(a.prompt_id, a.job_id, a.path) for a in self.attempts if a.state == "stored"]

    def settled(self, prompt_id: str) -> bool:
        """Whether no further run will do anything about a planned image."""
        return any(
            attempt.state in ("stored", *LOUD)
            for attempt in self.attempts
            if attempt.prompt_id == prompt_id
        )


def read_books(folder: Path) -> Books:
    """Read the books in the folder of a mode, such as ``data/sandbox``."""
    with closing(sqlite3.connect(f"file:{folder / 'journal.sqlite'}?mode=ro", uri=True)) as journal:
        rows = journal.execute("SELECT prompt_id, state, job_id, path FROM attempts")
        attempts = [BookedAttempt(*row) for row in rows]
        # An entry of no attempt must not be overlooked.
        ledger = journal.execute(
            "SELECT job_id, ledger.credits FROM ledger LEFT JOIN attempts ON attempts.id=attempt_id"
        ).fetchall()
    with closing(duckdb.connect(folder / "warehouse.duckdb", read_only=True)) as warehouse:
        images = warehouse.execute("SELECT prompt_id, job_id, path FROM images").fetchall()
        entries = warehouse.execute("SELECT job_id, credits FROM credit_ledger").fetchall()
    paths = [attempt.path for attempt in attempts if attempt.path]
    return Books(
        attempts=attempts,
        ledger=ledger,
        published_images=images,
        published_ledger=entries,
        files={path: (folder / path).read_bytes() for path in paths if (folder / path).exists()},
    )
