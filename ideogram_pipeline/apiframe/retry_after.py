"""How long the provider asks us to wait."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST: Final = 3600.0
"""Seconds; a longer wish is cut to this, so that one odd answer cannot stop a line for good."""


def http_date(text: str | None) -> datetime | None:
    """The moment that an HTTP date such as ``Sun, 22 Nov 2026 08:00:00 GMT`` names, in UTC."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds to wait, from 0 to ``LONGEST``; ``None`` where nothing readable is said.

    A date is measured from the answer's own ``Date`` header, so that neither our clock nor its
    error matters; only an answer without ``Date`` is measured from ``now``.

    Args:
        headers: The answer's headers; looked up as ``retry-after`` and ``date``, so pass a
            mapping that ignores case (``httpx.Headers``) or has lower-case names.
        now: The provider's time as known so far.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        until = http_date(text)
        if until is None:
            return None
        seconds = (until - (http_date(headers.get("date")) or now)).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST)
