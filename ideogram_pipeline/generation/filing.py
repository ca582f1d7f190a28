"""The last way of a picture: its bytes on the disk, its name in its place, both for good.

One thread does this for all pictures of a run. Threads that force files to the disk side by side
wait for each other in the kernel, and need three times the CPU for it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TypeVar

from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.files import make_folder, make_folders, sync
from ideogram_pipeline.generation.batching import Batches

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Filing:
    """A file that is written and checked, and is to be moved."""

    part: Path
    usual: Path
    """Where it goes, unless a lost journal, or a person, has put something there."""


@dataclass(frozen=True, slots=True)
class Filed:
    """Where a file is now, also after a power cut."""

    place: Path
    bytes: int


def filing_by(disk: Executor) -> Batches[Filing, Filed]:
    """What files in a thread; whoever asks it gets ``Filed`` or a ``StorageError``."""
    return Batches(file_together, thread=disk)


def file_together(filings: Sequence[Filing]) -> list[Filed | Exception]:
    """Give files their places: each one's content first, then its name, then what names it."""
    homes = {filing.usual.parent for filing in filings}
    with contextlib.suppress(OSError):  # the next line says which one it was
        make_folders(homes)
    made, failed = _try(make_folder, homes)
    moved, not_moved = _try(_move, (f for f in filings if f.usual.parent in made))
    _, unsynced = _try(sync, {filed.place.parent for filed in moved.values()})
    failed |= unsynced

    def result(filing: Filing) -> Filed | Exception:
        error = not_moved.get(filing) or failed.get(filing.usual.parent)
        return moved[filing] if error is None else not_stored(filing.usual, error)

    return [result(filing) for filing in filings]


def hash_of(path: Path) -> str:
    """The SHA-256 of what a file of an earlier life holds, in hexadecimal.

    Raises:
        StorageError: It cannot be read.
    """
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise not_stored(path, error) from error


def not_stored(path: Path, error: OSError) -> StorageError:
    """What to say of a file that the disk does not take or give."""
    return StorageError(
        f"{path} cannot be written: {error.strerror or error}. The picture is paid and "
        "kept; mend the folder or the disk and run again."
    )


def _move(filing: Filing) -> Filed:
    sync(filing.part)
    beside = (filing.usual.with_stem(f"{filing.usual.stem}-{number}") for number in count(2))
    place = next(place for place in chain([filing.usual], beside) if not _is_taken(place))
    filing.part.replace(place)
    return Filed(place, place.stat().st_size)


def _is_taken(place: Path) -> bool:
    # A link that leads nowhere does not "exist": perhaps its disk is not mounted now.
    return place.exists() or place.is_symlink()


def _try(
    step: Callable[[Key], Value], keys: Iterable[Key]
) -> tuple[dict[Key, Value], dict[Key, OSError]]:
    """What a step gives for each key, and for which it fails."""
    done: dict[Key, Value] = {}
    failed: dict[Key, OSError] = {}
    for key in keys:
        try:
            done[key] = step(key)
        except OSError as error:
            failed[key] = error
    return done, failed
