from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from ideogram_pipeline.generation import pacing
from ideogram_pipeline.generation.pacing import RequestRate, Slots


class HandClock:
    """Stands in for ``time`` and ``asyncio`` in the module: sleeping moves the clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self._sleep = asyncio.sleep
        monkeypatch.setattr(pacing.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(pacing.asyncio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await self._sleep(0)


async def _times(clock: HandClock, rate: RequestRate, number: int) -> list[float]:
    passed = []

    async def ask() -> None:
        await rate.turn()
        passed.append(clock.now)

    await asyncio.gather(*(ask() for _ in range(number)))
    return passed


def test_no_window_holds_more_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, rate = HandClock(monkeypatch), RequestRate(5)
    passed = asyncio.run(_times(clock, rate, 23))
    assert passed == sorted(passed)
    assert rate.passed == 23
    for start in passed:
        assert sum(start <= moment < start + 60 for moment in passed) <= 5
    assert passed[-1] - passed[0] == pytest.approx(4 * 60)


def test_a_quiet_minute_gives_the_whole_allowance_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, rate = HandClock(monkeypatch), RequestRate(5)
    asyncio.run(_times(clock, rate, 5))
    clock.now += 61
    assert asyncio.run(_times(clock, rate, 5)) == [clock.now] * 5


def run(coroutine: Awaitable[None]) -> None:
    async def main() -> None:
        async with asyncio.timeout(5):
            await coroutine

    asyncio.run(main())


def test_no_more_jobs_at_a_time_than_there_are_slots() -> None:
    async def main() -> None:
        slots = Slots(most=3, start=3)
        peak = 0

        async def job() -> None:
            nonlocal peak
            async with slots:
                peak = max(peak, slots.taken)
                await asyncio.sleep(0)

        await asyncio.gather(*(job() for _ in range(20)))
        assert (peak, slots.taken) == (3, 0)

    run(main())


def test_slots_grow_by_one_for_each_round_of_acceptances() -> None:
    slots = Slots(most=4, start=2)
    limits = []
    for _ in range(12):
        slots.grow()
        limits.append(slots.limit)
    assert limits == [2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]


def test_a_careful_start_never_exceeds_the_most() -> None:
    assert Slots(most=2, start=5).limit == 2
    assert Slots(most=2, start=0).limit == 1


def test_growth_lets_a_waiting_one_in() -> None:
    async def main() -> None:
        slots = Slots(most=2, start=1)
        async with slots:
            waiting = asyncio.create_task(slots.__aenter__())
            await asyncio.sleep(0)
            assert not waiting.done()
            slots.grow()
            await waiting

    run(main())


def test_a_429_halves_once_for_each_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, slots = HandClock(monkeypatch), Slots(most=16, start=16)
    slots.throttle(2)
    slots.throttle(5)
    assert slots.limit == 8, "eight answers of one burst are one sign"
    assert slots.pause == 5, "the longest pause counts"
    clock.now += 5
    assert slots.pause == 0
    slots.throttle(1)
    assert slots.limit == 4


def test_a_429_does_not_go_below_what_is_accepted() -> None:
    slots = Slots(most=16, start=10)
    slots.accepted = 9
    slots.throttle(1)
    assert slots.limit == 9
    slots.accepted = 0
    one = Slots(most=1, start=1)
    one.throttle(1)
    assert one.limit == 1
