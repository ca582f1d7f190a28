from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from ideogram_pipeline.catalog.model import Refresh
from ideogram_pipeline.catalog.rules import REFRESH, REFRESHES
from ideogram_pipeline.planning.editions import began_at, begun_by_cron, edition_at, parse_moment

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
    for refresh in REFRESHES:
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


@pytest.mark.parametrize(
    ("moment", "edition"),
    [
        ("2026-11-27T06:00:00+01:00", "2026-11-27T0600+0100"),
        ("2026-11-27T05:59:59.999999+01:00", "2026-11-26T0600+0100"),
        ("2026-11-27T06:00:00.000001+01:00", "2026-11-27T0600+0100"),
        ("2026-11-27T05:00:30+00:00", "2026-11-27T0600+0100"),
        ("2026-11-28T05:59:59+01:00", "2026-11-27T0600+0100"),
    ],
)
def test_an_edition_of_cron_is_the_last_time_that_has_come(moment: str, edition: str) -> None:
    assert edition_at("0 6 * * *", datetime.fromisoformat(moment), BERLIN) == edition


@pytest.mark.parametrize(
    ("expression", "edition"),
    [
        ("0 0 29 2 *", "2024-02-29T0000+0100"),
        ("0 0 * 2 MON#5", "2016-02-29T0000+0100"),
        ("30 7 LW * *", "2026-10-30T0730+0100"),
        ("15 12 1 JAN *", "2026-01-01T1215+0100"),
        ("0 9 * * MON-FRI", "2026-11-27T0900+0100"),
        ("0 9 13 * FRI", "2026-11-27T0900+0100"),
    ],
)
def test_an_edition_of_cron_may_be_of_long_ago(expression: str, edition: str) -> None:
    assert edition_at(expression, datetime(2026, 11, 28, 12, tzinfo=UTC), BERLIN) == edition


@pytest.mark.parametrize(
    ("expression", "zone", "moment", "edition"),
    [
        # 29 March: 02:00+01:00 is 03:00+02:00, so that what was to be at 02:30 is made up for then.
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-28T0230+0100"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T0300+0200"),
        # 25 October: 02:30 comes twice, and is due the first time.
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:29:59Z", "2026-10-24T0230+0200"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T0230+0200"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:15:00Z", "2026-10-25T0230+0200"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T0230+0200"),
        # Each hour of the clock is due.
        ("0 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T0200+0200"),
        ("0 * * * *", "Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T0200+0100"),
        ("30 * * * *", "Europe/Berlin", "2026-10-25T01:29:00Z", "2026-10-25T0230+0200"),
        ("0 * * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T0300+0200"),
        # 6 September: there is no midnight in Chile.
        ("0 0 * * *", "America/Santiago", "2026-09-06T03:59:59Z", "2026-09-05T0000-0400"),
        ("0 0 * * *", "America/Santiago", "2026-09-06T04:00:00Z", "2026-09-06T0100-0300"),
        # Lord Howe turns its clocks by half an hour.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T15:30:00Z", "2026-10-04T0230+1100"),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T15:15:00Z", "2026-04-05T0145+1100"),
        # Samoa had no 30 December.
        ("0 6 30 * *", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T0000+1400"),
    ],
)
def test_an_edition_of_cron_when_the_clocks_change(
    expression: str, zone: str, moment: str, edition: str
) -> None:
    assert edition_at(expression, datetime.fromisoformat(moment), ZoneInfo(zone)) == edition


def test_the_editions_in_the_documentation_are_those_of_one_afternoon() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "catalog.md").read_text(encoding="utf-8")
    table = docs.partition("## Editions")[2].partition("\n- ")[0]
    rows = re.findall(r"^\| `(.+?)` \| .+ \| `(.+?)` \|$", table, re.MULTILINE)
    afternoon = datetime(2026, 11, 27, 15, 30, tzinfo=BERLIN)
    assert len(rows) > 8
    for refresh, edition in rows:
        assert REFRESH.parse(refresh) == refresh
        assert edition_at(refresh, afternoon, BERLIN) == edition, refresh


EXPRESSIONS = [
    *("0 * * * *", "30 * * * *", "45 */2 * * *", "17 */5 * * SUN", "0 */12 * * *"),
    *("0 0 * * *", "30 2 * * *", "0 2,3 * * *", "30 0-3 * * *", "59 23 * * *", "45 1 * * SUN"),
    "0 6 * * SAT,SUN",
]
RARE = [
    "0 6 * * MON-FRI",
    "15 * 5 4 *",
    "0 3 L * *",
    "10 2 1-7 * SUN",
    "30 1 * * SUN#1",
    "0 0 29 2 *",
]
CLOCKS = {
    "Europe/Berlin": ((2026, 3, 29), (2026, 10, 25)),
    "America/New_York": ((2026, 3, 8), (2026, 11, 1)),
    "Australia/Lord_Howe": ((2026, 10, 4), (2026, 4, 5)),
    "America/Santiago": ((2026, 9, 6), (2026, 4, 5)),
    "Antarctica/Troll": ((2026, 3, 29), (2026, 10, 25)),  # by two hours
    "Asia/Kolkata": ((2026, 3, 29), (2026, 10, 25)),  # never
}
"""Zones, and the days on which their clocks are put forward and back."""
MINUTE = timedelta(minutes=1)


def a_cron_that_waits(
    expression: str, zone: ZoneInfo, first: datetime, last: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Look at the clock each minute, and yield the minute and when the job has last run."""
    by_the_hour = expression.split()[1].startswith("*")
    times: set[datetime] = set()
    for time in CronSim(expression, first.replace(tzinfo=None) - timedelta(days=2)):
        if time > last.replace(tzinfo=None) + timedelta(days=2):
            break
        times.add(time)
    shown_before = first.astimezone(zone).replace(tzinfo=None)
    latest_shown = shown_before
    run: datetime | None = None
    now = first
    while now <= last:
        shown = now.astimezone(zone).replace(tzinfo=None)
        skipped = (time for time in times if shown_before < time < shown)
        if by_the_hour:
            is_due = shown in times
        else:
            is_due = shown > latest_shown and (shown in times or any(skipped))
        if is_due:
            run = now
        if run:
            yield now, run
        shown_before, latest_shown = shown, max(shown, latest_shown)
        now += MINUTE


@pytest.mark.parametrize("name", CLOCKS)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_edition_of_cron_is_what_a_cron_that_waits_has_run(name: str, expression: str) -> None:
    zone = ZoneInfo(name)
    checked = 0
    for day in CLOCKS[name]:
        noon = datetime(*day, 12, tzinfo=zone).astimezone(UTC)
        first, last = noon - timedelta(hours=48), noon + timedelta(hours=12)
        for now, run in a_cron_that_waits(expression, zone, first, last):
            if now > noon - timedelta(hours=16) and (now.minute % 15 == 0 or now - run <= MINUTE):
                expected = f"{run.astimezone(zone):%Y-%m-%dT%H%M%z}"
                assert edition_at(expression, now, zone) == expected, now
                checked += 1
    assert checked > 150


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "America/Santiago"])
@pytest.mark.parametrize("expression", [*EXPRESSIONS, *RARE])
def test_an_edition_of_cron_begins_when_cronsim_says(name: str, expression: str) -> None:
    zone = ZoneInfo(name)
    for day in CLOCKS[name]:
        three_days_before = datetime(*day, 12, tzinfo=zone) - timedelta(days=3)
        for time in islice(CronSim(expression, three_days_before), 150):
            begins = time.astimezone(UTC)
            edition = edition_at(expression, begins, zone)
            assert read(edition) == begins
            assert edition_at(expression, begins - timedelta(microseconds=1), zone) != edition


def read(edition: str) -> datetime:
    return datetime.strptime(edition, "%Y-%m-%dT%H%M%z")


FIELDS = (
    st.integers(0, 59).map(str),
    st.sampled_from(["*", "*/2", "*/7", "0", "1", "2", "3", "23", "1-3", "0,12", "5/6"]),
    st.sampled_from(["*", "1", "15", "28", "31", "L", "LW", "*/9", "1-7"]),
    st.sampled_from(["*", "*/4", "3", "OCT", "3,10", "JAN-JUN"]),
    st.sampled_from(["*", "SUN", "7", "MON-FRI", "5L", "TUE#3", "*/3"]),
)
ANY_CRON = st.tuples(*FIELDS).map(" ".join)
ZONES = st.sampled_from([ZoneInfo(name) for name in (*CLOCKS, "Pacific/Auckland", "UTC")])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    expression=ANY_CRON,
    moment=MOMENTS,
    zone=ZONES,
    later=st.timedeltas(timedelta(0), timedelta(days=3)),
    elsewhere=st.sampled_from([BERLIN, AUCKLAND, TEN_BEHIND]),
)
def test_editions_of_cron_follow_each_other(
    expression: str, moment: datetime, zone: ZoneInfo, later: timedelta, elsewhere: ZoneInfo
) -> None:
    assert REFRESH.parse(expression) == expression
    edition = edition_at(expression, moment, zone)
    assert re.fullmatch(r"[0-9A-Za-z+-]+", edition)
    assert edition == edition_at(expression, moment.astimezone(elsewhere), zone)
    begins = read(edition)
    assert begins <= moment
    assert edition_at(expression, begins, zone) == edition, "it begins when its name says"
    assert edition_at(expression, begins + (moment - begins) / 2, zone) == edition
    assert read(edition_at(expression, begins - timedelta(microseconds=1), zone)) < begins
    follows = read(edition_at(expression, moment + later, zone))
    assert follows == begins or moment < follows <= moment + later


@pytest.mark.parametrize(
    ("refresh", "moment", "zone", "began"),
    [
        ("never", "2026-11-22T09:00+00:00", "UTC", None),
        ("daily", "2026-11-22T09:00+00:00", "UTC", "2026-11-22T00:00:00+00:00"),
        ("weekly", "2026-11-22T23:59+00:00", "UTC", "2026-11-16T00:00:00+00:00"),
        ("monthly", "2026-11-22T09:00+00:00", "UTC", "2026-11-01T00:00:00+00:00"),
        # Summer time began within the week, and ended within the month.
        ("weekly", "2026-03-29T12:00+02:00", "Europe/Berlin", "2026-03-23T00:00:00+01:00"),
        ("monthly", "2026-10-31T12:00+01:00", "Europe/Berlin", "2026-10-01T00:00:00+02:00"),
        # In Santiago the clock goes from 24:00 to 01:00.
        ("daily", "2026-09-06T12:00-03:00", "America/Santiago", "2026-09-06T01:00:00-03:00"),
        ("0 6 * * *", "2026-11-22T05:00+00:00", "UTC", "2026-11-21T06:00:00+00:00"),
    ],
)
def test_a_period_begins_where_its_edition_does(
    refresh: Refresh, moment: str, zone: str, began: str | None
) -> None:
    at, where = datetime.fromisoformat(moment), ZoneInfo(zone)
    found = began_at(refresh, at, where)
    assert (found.isoformat() if found else None) == began
    if found is not None:
        assert edition_at(refresh, found, where) == edition_at(refresh, at, where)
        before = found.astimezone(UTC) - timedelta(microseconds=1)
        assert edition_at(refresh, before, where) != edition_at(refresh, at, where)


def test_what_has_begun_by_cron_is_told_once_an_hour_also_when_clocks_change() -> None:
    """On 28 March 2027 there is no 02:30 in Berlin; on 31 October it comes twice."""
    refreshes = ["never", "daily", "30 2 * * *", "0 6 * * *"]
    for day in (datetime(2027, 3, 28), datetime(2027, 10, 31), datetime(2027, 5, 5)):
        first = day.replace(tzinfo=BERLIN).astimezone(UTC)
        found = [
            edition
            for hour in range(1, 24)
            for edition in begun_by_cron(
                refreshes,
                first + timedelta(hours=hour - 1),
                first + timedelta(hours=hour),
                BERLIN,
            )
        ]
        assert len(found) == len(set(found)) == 2
        assert {edition[:10] for edition in found} == {f"{day:%Y-%m-%d}"}


@pytest.mark.parametrize("text", ["0001-01-01T00:00Z", "9999-12-31T23:59-05:00", "1969-12-31"])
def test_a_year_at_the_ends_of_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not in the years 1970 to 8999\."):
        parse_moment(text, BERLIN)
