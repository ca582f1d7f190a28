"""Pictures whose file went missing here: paid, so they are fetched again and never bought again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ideogram_pipeline.generation import history, schema
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.journal import ClaimLost, Journal


def reopen_missing(
    database: Database, journal: Journal, folder: Path, fingerprints: Sequence[str]
) -> int:
    """Have every picture fetched anew whose file is not what the journal says.

    That costs nothing as long as the provider has the file. One that was given up, because it was
    gone on both sides, and lies in its place again, is taken back the same way.

    Args:
        database: The journal.
        journal: The same, for writing.
        folder: Of this mode; the journal's paths are below it.
        fingerprints: Whose files are looked at.

    Returns:
        How many.
    """
    reopened = 0
    for attempt_id, state, path, size in history.filed(database, fingerprints):
        whole = _size(f"{folder}/{path}") == size
        if whole == (state == schema.STORED):
            continue
        reason = "its file is back in its place" if whole else f"{path} is missing or damaged"
        try:
            journal.reopen(journal.get(attempt_id), reason)
        except ClaimLost:
            continue  # another run was faster
        reopened += 1
    return reopened


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size  # noqa: PTH116 (a million of them, without a Path for each)
    except OSError:
        return None
