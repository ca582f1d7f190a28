"""Folders to measure in; they stay until the process ends.

ext4 does not use an inode again that was freed within the last minutes, and looks through all of
them for one that it may: where thousands of files have just been deleted, to make a file takes
twenty times as long. So nothing is deleted between two measurements.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path


def new_place() -> Path:
    """Make a new empty folder."""
    return Path(tempfile.mkdtemp(dir=_room().name))


@functools.cache
def _room() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="bench-")
