"""Pictures whose file went missing here: paid, so they are fetched again and never bought again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ideogram_pipeline.files import look_at
from ideogram_pipeline.generation import history, schema
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.journal import ClaimLost, Journal
from ideogram_pipeline.generation.times import from_text


def reopen_missing(
    database: Database, journal: Journal, folder: Path, fingerprints: Sequence[str]
) -> frozenset[str]:
    """Have every picture fetched anew whose file is not what the journal says.

    That costs nothing as long as the provider has the file. One that was given up, because it was
    gone on both sides, and lies in its place again, is taken back the same way.

    Args:
        database: The journal.
        journal: The same, for writing.
        folder: Of this mode; the journal's paths are below it.
        fingerprints: Whose files are looked at.

    Returns:
        The paths of the files that have their size, and that nobody has written to since they were
        stored.
    """
    untouched: set[str] = set()
    home = str(folder)
    for attempt_id, state, path, size, stored_at in history.filed(database, fingerprints):
        found = look_at(f"{home}/{path}")
        whole = found is not None and found.st_size == size
        if whole == (state == schema.STORED):
            if found and whole and found.st_mtime <= from_text(stored_at).timestamp():
                untouched.add(path)
            continue
        reason = "its file is back in its place" if whole else f"{path} is missing or damaged"
        try:
            journal.reopen(journal.get(attempt_id), reason)
        except ClaimLost:
            continue  # another run was faster
    return frozenset(untouched)
