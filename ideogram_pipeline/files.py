"""Files that people may be looking at while they are written, and what survives a power cut."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable
from pathlib import Path

from ideogram_pipeline.errors import StorageError

_lasting: set[Path] = set()
"""Folders whose names are on the disk, as far as this process knows."""


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, so that a power cut does not take them away again.

    Raises:
        OSError: It cannot be made.
    """
    make_folders([folder])


def make_folders(folders: Iterable[Path]) -> None:
    """The same for several, which share what has to be forced to the disk.

    Raises:
        OSError: One of them cannot be made; others may have been.
    """
    unsure = {folder for folder in folders if not (folder in _lasting and folder.is_dir())}
    if not unsure:
        return
    missing = {folder for folder in unsure if not folder.is_dir()}
    make_folders(folder.parent for folder in missing)
    for folder in missing:
        folder.mkdir(exist_ok=True)
    # Also where it was there: whoever made it may have been killed before this.
    for parent in {folder.parent for folder in unsure}:
        with contextlib.suppress(PermissionError):
            sync(parent)
    _lasting.update(unsure)


def look_at(path: str) -> os.stat_result | None:
    """Size and times of a file, if it is there; by a text, of which there may be a million."""
    try:
        return os.stat(path)  # noqa: PTH116 (no Path for each)
    except OSError:
        return None


def sync(path: Path) -> None:
    """Make the content of a file, or the names in a folder, survive a power cut.

    Raises:
        OSError: The disk does not take it.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> bool:
    """Write a derived file under another name and rename it, unless it is right already.

    It is not forced to the disk: what can be made again need not survive a power cut.

    Args:
        path: The file; its folder is made if need be.
        content: All of it.

    Returns:
        Whether it was written: False if it held these very bytes.

    Raises:
        StorageError: The folder or the disk does not let us write; the file is as it was.
    """
    part = path.with_name(f".{path.name[:80]}.{uuid.uuid4().hex}.part")
    try:
        if path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path} could not be written: {error.strerror or error}. Make room on the disk, or"
            " give this user the right to write to the folder; then run the same command again."
        ) from error
    return True
