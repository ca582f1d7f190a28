"""Room on the disk: nothing is bought that could not be stored or booked."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

RESERVE = 16 * 1024 * 1024
"""Bytes that must be free for a purchase to begin: the pictures under way, one or two million
bytes each, and the journal still have to find room."""


def shortage(folders: Iterable[Path]) -> str | None:
    """Say which disk is too full for more pictures, if one is."""
    for folder in folders:
        free = shutil.disk_usage(folder).free
        if free < RESERVE:
            return (
                f"the disk of {folder} has only {free / 1e6:,.0f} MB left; make room and run again"
            )
    return None
