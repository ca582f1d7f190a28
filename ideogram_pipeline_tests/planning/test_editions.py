from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ideogram_pipeline.catalog.model import Refresh
from ideogram_pipeline.planning.editions import edition_at, parse_moment

BERLIN, AUCKLAND, TEN_BEHIND = (
    ZoneInfo(name) for name in ("Europe/Berlin", "Pacific/Auckland", "Pacific/Honolulu")
)


@pytest.mark.parametrize(
    ("refresh", "edition"),
    [("never", "base"), ("daily", "2026-11-22"), ("weekly", "2026-W47"), ("monthly", "2026-11")],
)
def test_each_refresh_has_its_name(refresh: Refresh, edition: str) -> None:
    assert edition_at(refresh, datetime(2026, 11, 22, 9, tzinfo=UTC), ZoneInfo("UTC")) == edition


@pytest.mark.parametrize(
    ("zone", "day"), [(AUCKLAND, "2027-01-01"), (BERLIN, "2026-12-31"), (TEN_BEHIND, "2026-12-31")]
)
def test_the_zone_decides_when_a_day_begins(zone: ZoneInfo, day: str) -> None:
    moment = datetime(2026, 12, 31, 11, 30, tzinfo=UTC)
    assert edition_at("daily", moment, zone) == day
    assert edition_at("monthly", moment, zone) == day[:7]


def test_the_zone_of_the_moment_does_not_matter() -> None:
    moment = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=-9)))
    assert edition_at("daily", moment, BERLIN) == edition_at("daily", elsewhere, BERLIN)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        # The clocks go forward at 01:00 UTC on 29 March 2026, and back on 25 October.
        (datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC), "2026-03-28"),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), "2026-03-29"),
        (datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC), "2026-03-29"),
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), "2026-03-30"),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), "2026-10-25"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25"),
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), "2026-10-26"),
    ],
)
def test_days_of_23_and_25_hours(moment: datetime, day: str) -> None:
    assert edition_at("daily", moment, BERLIN) == day


@pytest.mark.parametrize(
    ("day", "week"),
    [
        ((2026, 12, 31), "2026-W53"),
        ((2027, 1, 1), "2026-W53"),
        ((2027, 1, 3), "2026-W53"),
        ((2027, 1, 4), "2027-W01"),
        ((2024, 12, 29), "2024-W52"),
        ((2024, 12, 30), "2025-W01"),
    ],
)
def test_a_week_at_the_end_of_the_year_is_one_week(day: tuple[int, int, int], week: str) -> None:
    assert edition_at("weekly", datetime(*day, 12, tzinfo=UTC), ZoneInfo("UTC")) == week


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@given(moment=MOMENTS, zone=st.sampled_from([BERLIN, AUCKLAND, TEN_BEHIND]))
def test_later_periods_sort_later(moment: datetime, zone: ZoneInfo) -> None:
    for refresh in get_args(Refresh):
        now = edition_at(refresh, moment, zone)
        assert now <= edition_at(refresh, moment + timedelta(days=1), zone)
        assert "/" not in now and " " not in now


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22", "2026-11-22T00:00:00+01:00"),
        ("2026-11-22T06:00", "2026-11-22T06:00:00+01:00"),
        ("2026-11-22T06:00Z", "2026-11-22T06:00:00+00:00"),
    ],
)
def test_a_time_without_an_offset_is_in_the_zone(text: str, moment: str) -> None:
    assert parse_moment(text, BERLIN).isoformat() == moment


def test_what_is_no_time_is_explained() -> None:
    with pytest.raises(ValueError, match=r"^'tomorrow' is not a time in ISO 8601, such as"):
        parse_moment("tomorrow", ZoneInfo("UTC"))
