"""Editions: the refresh period that an image belongs to.

An edition is computed from the scheduled time, never from the wall clock of a retry, so that a
late or repeated run of the same period asks for the same images and buys nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from ideogram_pipeline.catalog.model import Refresh
from ideogram_pipeline.catalog.rules import REFRESHES

BASE = "base"
_NAMES = {"daily": "%Y-%m-%d", "weekly": "%G-W%V", "monthly": "%Y-%m"}
_YEARS = range(1970, 9000)
_MOST_TURNED_BACK = timedelta(days=1)
"""No clock was ever turned back by more."""


def edition_at(refresh: Refresh, moment: datetime, zone: ZoneInfo) -> str:
    """Name the edition that ``moment`` falls into.

    Args:
        refresh: How often the row is made anew.
        moment: The scheduled time, with a time zone.
        zone: The zone in which days, weeks (from Monday) and months begin, and cron is read.

    Returns:
        ``base``, a day ``2026-11-22``, an ISO week ``2026-W47``, a month ``2026-11``, or of a cron
        expression the last time at or before the moment, ``2026-11-22T0600+0100``.
    """
    began = began_at(refresh, moment, zone)
    # With the offset, since an hour comes twice in autumn; without colons, since it names a file.
    return f"{began:{_NAMES.get(refresh, '%Y-%m-%dT%H%M%z')}}" if began else BASE


def began_at(refresh: Refresh, moment: datetime, zone: ZoneInfo) -> datetime | None:
    """When the period that ``moment`` falls into began, in ``zone``; ``None`` if it never did."""
    day = moment.astimezone(zone).date()
    match refresh:
        case "never":
            return None
        case "daily":
            first = day
        case "weekly":
            first = day - timedelta(days=day.weekday())
        case "monthly":
            first = day.replace(day=1)
        case _:
            return _last_time(refresh, moment, zone)
    midnight = datetime.combine(first, time(), tzinfo=zone)
    # There and back, since a day on which the clock skips midnight begins at one.
    return midnight.astimezone(UTC).astimezone(zone)


def begun_by_cron(
    refreshes: Iterable[Refresh], since: datetime, until: datetime, zone: ZoneInfo
) -> set[str]:
    """Name the editions by cron that began after ``since``, and at ``until`` at the latest."""
    by_cron = (refresh for refresh in refreshes if refresh not in REFRESHES)
    return {
        edition_at(refresh, until, zone)
        for refresh in by_cron
        if _last_time(refresh, until, zone) > since
    }


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
    if moment.year not in _YEARS:
        raise ValueError(f"{text!r} is not in the years {_YEARS[0]} to {_YEARS[-1]}.")
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _last_time(expression: str, moment: datetime, zone: ZoneInfo) -> datetime:
    """Find the last time of a cron expression at or before ``moment``.

    cronsim is asked for the times on the clock only, and what they are in the zone is found here:
    between a repeated hour and its other self it does not tell which of them it starts from.
    """
    moment = moment.astimezone(UTC)
    on_the_clock = moment.astimezone(zone).replace(tzinfo=None)
    found: list[datetime] = []
    for shown in CronSim(expression, on_the_clock + _MOST_TURNED_BACK, reverse=True):
        # Of a clock that was turned back, what it showed earlier may have been later.
        if found and shown + _MOST_TURNED_BACK < found[0].astimezone(zone).replace(tzinfo=None):
            break
        found += [real for real in _in_zone(expression, shown, zone) if real <= moment]
    return max(found).astimezone(zone)


def _in_zone(expression: str, shown: datetime, zone: ZoneInfo) -> list[datetime]:
    """Say when it is ``shown`` for an expression, in UTC, as Debian's cron does.

    Where the hour begins with a star, the job runs whenever the clock shows the time: twice when it
    is turned back, never when it skips the time. Any other job runs once: the first time, and as
    soon as the skipped time is over.
    """
    if expression.split()[1].startswith("*"):
        both = (shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        return [real for real in both if _is_shown(shown, real, zone)]
    real = shown.replace(tzinfo=zone).astimezone(UTC)
    while not _is_shown(shown, real, zone):
        shown += timedelta(minutes=1)
        real = shown.replace(tzinfo=zone).astimezone(UTC)
    return [real]


def _is_shown(shown: datetime, real: datetime, zone: ZoneInfo) -> bool:
    return real.astimezone(zone).replace(tzinfo=None) == shown
