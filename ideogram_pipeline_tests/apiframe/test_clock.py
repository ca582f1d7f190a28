"""The provider's time, and when it may be set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from ideogram_pipeline.apiframe.clock import ProviderClock

START = datetime(2026, 11, 22, 8, tzinfo=UTC)
LOCAL = datetime(2020, 1, 1, tzinfo=UTC)


class Watch:
    """Both the uptime and the header, under the test's hand."""

    def __init__(self) -> None:
        self.uptime = 1000.0
        self.clock = ProviderClock(elapsed=lambda: self.uptime, local=lambda: LOCAL)

    def hear(self, offset: float) -> float:
        """Observe a Date ``offset`` seconds after START; the clock's seconds after START."""
        date = format_datetime(START + timedelta(seconds=offset), usegmt=True)
        self.clock.observe(date)
        return self.seconds()

    def seconds(self) -> float:
        return (self.clock.now() - START).total_seconds()


def test_local_time_until_a_date_was_seen() -> None:
    watch = Watch()
    assert watch.clock.now() == LOCAL
    watch.hear(0)
    assert watch.clock.now() == START


def test_it_runs_on_between_answers() -> None:
    watch = Watch()
    watch.hear(0)
    watch.uptime += 90.5
    assert watch.seconds() == 90.5


def test_a_date_ahead_counts_at_once() -> None:
    watch = Watch()
    watch.hear(0)
    assert watch.hear(3600) == 3600


@pytest.mark.parametrize("behind", [0.0, 1.0, 2.0])
def test_a_date_slightly_behind_changes_nothing_however_often(behind: float) -> None:
    watch = Watch()
    watch.hear(100)
    for _ in range(10):
        assert watch.hear(100 - behind) == 100


def test_one_answer_far_behind_changes_nothing() -> None:
    watch = Watch()
    watch.hear(100)
    assert [watch.hear(offset) for offset in (0, 100, 0, 0, 100, 0)] == [100] * 6


def test_three_in_a_row_set_it_back_to_the_latest_of_them() -> None:
    watch = Watch()
    watch.hear(86_400)
    assert [watch.hear(offset) for offset in (10, 12, 11)] == [86_400, 86_400, 12]
    assert watch.hear(11) == 12


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 99 Nov 2026 08:00:00 GMT"])
def test_an_unreadable_date_is_ignored(date: str | None) -> None:
    watch = Watch()
    watch.clock.observe(date)
    assert watch.clock.now() == LOCAL


def test_the_real_uptime_runs_forward() -> None:
    clock = ProviderClock()
    clock.observe("Sun, 22 Nov 2026 08:00:00 GMT")
    first, second = clock.now(), clock.now()
    assert START <= first <= second < START + timedelta(seconds=5)
