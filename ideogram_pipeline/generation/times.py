"""Moments as the journal writes them: ISO 8601, UTC; the order of texts is that of times."""

from __future__ import annotations

from datetime import UTC, datetime


def to_text(moment: datetime) -> str:
    """Write a moment as UTC text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def from_text(text: str) -> datetime:
    """Read a moment written by ``to_text``."""
    return datetime.fromisoformat(text)


def now_text() -> str:
    """The local wall clock: for display and books, and as a second opinion on ages."""
    return to_text(datetime.now(UTC))
