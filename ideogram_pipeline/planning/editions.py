"""Editions: the refresh period that an image belongs to.

An edition is computed from the scheduled time, never from the wall clock of a retry, so that a
late or repeated run of the same period asks for the same images and buys nothing twice.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from ideogram_pipeline.catalog.model import Refresh

BASE = "base"


def edition_at(refresh: Refresh, moment: datetime, zone: ZoneInfo) -> str:
    """Name the edition that ``moment`` falls into: ``base``, a day, an ISO week or a month.

    Args:
        refresh: How often the row is made anew.
        moment: The scheduled time, with a time zone.
        zone: The zone in which days, weeks (from Monday) and months begin.

    Returns:
        ``base``, ``2026-11-22``, ``2026-W47`` or ``2026-11``.
    """
    local = moment.astimezone(zone)
    if refresh == "daily":
        return f"{local:%Y-%m-%d}"
    if refresh == "weekly":
        return f"{local:%G-W%V}"
    if refresh == "monthly":
        return f"{local:%Y-%m}"
    return BASE


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """Read a time in ISO 8601, as people give it to choose editions.

    Args:
        text: A date (its midnight is meant) or a date and time, with or without an offset.
        zone: The zone of a time without an offset.

    Raises:
        ValueError: It is no such time; the text says so to people.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time in ISO 8601, such as 2026-11-22 or 2026-11-22T06:00+01:00."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
