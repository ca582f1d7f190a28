"""Room on the disk: nothing is bought that could not be stored or booked."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path

RESERVE = 16 * 1024 * 1024
"""Bytes that must be free for a purchase to begin: the pictures under way, one or two million
bytes each, and the journal still have to find room."""


LOOK_SECONDS = 1.0
"""How old a look at the disks may be; each picture to be bought asks for one."""


class Disks:
    """The disks that a run writes to."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._shortage: str | None = None
        self._looked_at: float | None = None

    def shortage(self) -> str | None:
        """Say which disk is too full for more pictures, if one is."""
        now = time.monotonic()
        if self._looked_at is None or now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._shortage = self._look()
        return self._shortage

    def _look(self) -> str | None:
        for folder in self._folders:
            free = shutil.disk_usage(folder).free
            if free < RESERVE:
                room = f"{free / 1e6:,.0f} MB left"
                return f"the disk of {folder} has only {room}; make room and run again"
        return None
