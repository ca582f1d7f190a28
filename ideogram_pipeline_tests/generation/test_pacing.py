"""Jobs in flight and requests a minute, in simulated time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from ideogram_pipeline.generation import pacing
from ideogram_pipeline.generation.pacing import Place, RequestRate, Slots
from ideogram_pipeline_tests.generation.model_time import SimulatedLoop, SimulatedTime
from ideogram_pipeline_tests.support import AT

TRIP = 0.2
"""Most seconds of a submit."""


@dataclass
class World:
    """A clock that moves when all wait for it."""

    clock: SimulatedTime

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=lambda: SimulatedLoop(self.clock)) as runner:
            return runner.run(coroutine)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    clock = SimulatedTime(AT)
    monkeypatch.setattr(pacing, "time", SimpleNamespace(monotonic=clock.monotonic))
    return World(clock)


class TestRequestRate:
    @staticmethod
    def moments(world: World, rate: RequestRate, number: int, *, looks: int = 0) -> list[float]:
        """When each of so many requests passes, and then of so many looks."""

        async def ask(is_look: bool) -> float:
            await rate.turn(is_look=is_look)
            return world.now

        async def main() -> list[float]:
            asked = [ask(True) for _ in range(looks)] + [ask(False) for _ in range(number)]
            return await asyncio.gather(*asked)

        found = world.run(main())
        return found[looks:] + found[:looks]

    @pytest.mark.parametrize("per_minute", [1, 2, 10, 400])
    def test_no_window_holds_more_than_allowed(self, world: World, per_minute: int) -> None:
        number = 5 * per_minute
        rate = RequestRate(per_minute)
        passed = self.moments(world, rate, number)
        assert passed == sorted(passed)
        assert rate.passed == number
        for start in passed:
            assert sum(start <= moment < start + 60 for moment in passed) <= per_minute

    def test_after_the_first_burst_no_long_silence(self, world: World) -> None:
        passed = self.moments(world, RequestRate(400), 800)
        assert passed[49] == pytest.approx(passed[0], abs=0.01), "an eighth at once"
        assert max(later - sooner for sooner, later in pairwise(passed)) < 0.2

    def test_a_quiet_minute_gives_the_burst_back(self, world: World) -> None:
        rate = RequestRate(400)
        self.moments(world, rate, 60)
        world.clock.advance(61)
        passed = self.moments(world, rate, 50)
        assert passed[-1] == pytest.approx(passed[0], abs=0.01)

    def test_submits_go_first_and_looks_are_not_held_up_for_good(self, world: World) -> None:
        rate = RequestRate(60)
        self.moments(world, rate, 7)  # the burst is used up
        passed = self.moments(world, rate, 20, looks=10)
        urgent, looks = passed[:20], passed[20:]
        assert urgent[3] < looks[0] < urgent[4], "the fifth is a look's"
        assert urgent[-1] < looks[5]

    def test_a_cancelled_one_takes_nothing(self, world: World) -> None:
        rate = RequestRate(60)
        self.moments(world, rate, 7)

        async def main() -> float:
            asked = [asyncio.create_task(rate.turn()) for _ in range(30)]
            await asyncio.sleep(0)
            for waiting in asked[:-1]:
                waiting.cancel()
            began = world.now
            await asked[-1]
            return world.now - began

        assert world.run(main()) < 2.5
        assert rate.passed == 8

    def test_a_share_is_a_part_of_the_allowance(self, world: World) -> None:
        rate = RequestRate(400)
        rate.share(4)
        passed = self.moments(world, rate, 300)
        assert sum(moment < passed[0] + 60 for moment in passed) <= 100


@dataclass
class Account:
    """An account that refuses what is over its capacity, and counts."""

    world: World
    capacity: Callable[[float], int]
    seconds: Callable[[], float] = lambda: 4.0
    seen_after: float = 0.1
    """Seconds until we know that a job has ended."""
    in_flight: int = 0
    accepted: int = 0
    refused: int = 0
    most: int = 0
    log: list[tuple[float, int]] = field(default_factory=list)
    """Moments of refusals, with the number of jobs in flight."""

    async def buy(self, slots: Slots) -> None:
        async with slots.place() as place:
            while True:
                await place.turn()
                await asyncio.sleep(random.uniform(TRIP / 2, TRIP))
                if self.in_flight < self.capacity(self.world.now):
                    break
                self.refused += 1
                self.log.append((self.world.now, self.in_flight))
                await asyncio.sleep(random.uniform(0, TRIP / 2))
                place.refused(1.0)
            self.accepted += 1
            self.in_flight += 1
            self.most = max(self.most, self.in_flight)
            seconds = self.seconds()
            asyncio.get_running_loop().call_later(seconds, self._end)
            await asyncio.sleep(random.uniform(0, TRIP / 2))
            place.accepted()
            await asyncio.sleep(seconds + self.seen_after)

    def _end(self) -> None:
        self.in_flight -= 1

    def buy_all(self, images: int, slots: Slots) -> float:
        """Buy so many; the seconds that it took."""

        async def main() -> None:
            await asyncio.gather(*(self.buy(slots) for _ in range(images)))

        began = self.world.now
        random.seed(images)
        self.world.run(main())
        assert (slots.taken, slots.accepted, slots.sending) == (0, 0, 0)
        return self.world.now - began


@pytest.mark.parametrize("spread", [0.0, 0.25])
def test_an_unknown_limit_is_found_and_kept_to(world: World, spread: float) -> None:
    """Eight at a time, where the user allows 64."""
    chance = random.Random(1)
    account = Account(world, lambda _: 8, lambda: 4.0 * chance.lognormvariate(0, spread))
    took = account.buy_all(200, Slots(64, 5))
    assert account.refused <= 0.03 * (200 + account.refused)
    assert account.most == 8
    assert took < 1.15 * 200 / 8 * 4.0


def test_a_long_run_at_a_limit_is_seldom_refused(world: World) -> None:
    account = Account(world, lambda _: 8)
    account.buy_all(4000, Slots(64, 5))
    assert account.refused < 0.01 * 4000


def test_a_large_account_is_filled_within_some_round_trips(world: World) -> None:
    account = Account(world, lambda _: 500, lambda: 25.0)
    slots = Slots(500, 5)

    async def main() -> None:
        buying = [asyncio.create_task(account.buy(slots)) for _ in range(500)]
        await asyncio.sleep(40 * TRIP)
        assert slots.accepted == 500
        await asyncio.gather(*buying)

    world.run(main())
    assert account.refused == 0


def test_a_storm_costs_one_request_a_pause_and_is_soon_forgotten(world: World) -> None:
    def capacity(now: float) -> int:
        return 0 if 100 <= now < 160 else 40

    account = Account(world, capacity, lambda: 10.0)
    slots = Slots(64, 5)
    took = account.buy_all(1200, slots)
    storm = [moment for moment, _ in account.log if 100 <= moment < 162]
    # In the first second those on their way; then one for each second of pause, and its trip.
    assert len([moment for moment in storm if moment > 102]) < 60
    assert took < 1.08 * (60 + 1200 / 40 * 10.0)


def test_when_others_take_of_the_account_we_follow_and_come_back(world: World) -> None:
    account = Account(world, lambda now: 4 if 200 <= now < 400 else 16)
    slots = Slots(64, 5)
    took = account.buy_all(1600, slots)
    less = [moment for moment, _ in account.log if 200 <= moment < 400]
    assert len(less) < 30, "200 jobs in that time"
    assert took < 1.15 * (400 + (1600 - 1000) / 16 * 4.0), "1,000 of them by then"


def test_a_grown_account_is_noticed(world: World) -> None:
    account = Account(world, lambda now: 8 if now < 100 else 32)
    account.buy_all(2000, Slots(64, 5))
    assert account.most == 32


class TestSlots:
    def test_no_more_jobs_at_a_time_than_there_are_slots(self, world: World) -> None:
        account = Account(world, lambda _: 99)
        account.buy_all(20, Slots(3, 3))
        assert (account.most, account.accepted) == (3, 20)

    def test_a_careful_start_never_exceeds_the_most(self) -> None:
        assert Slots(2, 5).limit == 2
        assert Slots(2, 0).limit == 1

    def test_places_are_given_in_the_order_of_asking(self, world: World) -> None:
        order = []

        async def job(slots: Slots, number: int) -> None:
            async with slots.place():
                order.append(number)
                await asyncio.sleep(1)

        async def main() -> None:
            slots = Slots(2, 2)
            await asyncio.gather(*(job(slots, number) for number in range(9)))

        world.run(main())
        assert order == list(range(9))

    def test_each_acceptance_lets_a_quarter_more_try(self) -> None:
        slots = Slots(40, 5)
        limits = [slots.limit for _ in range(20) if slots.grow() is None]
        assert limits == [5, 5, 5, 5, 6, 7, 8, 10, 11, 12, 13, 15, 16, 17, 18, 20, 21, 22, 23, 25]

    def test_a_429_halves_once_for_each_pause(self, world: World) -> None:
        slots = Slots(16, 16)
        slots.throttle(2)
        slots.throttle(5)
        assert slots.limit == 8, "eight answers of one burst are one sign"
        assert slots.pause == 5, "the longest pause counts"
        world.clock.advance(5)
        assert slots.pause == 0
        slots.calm()
        slots.throttle(1)
        assert slots.limit == 4

    def test_a_429_does_not_go_below_what_is_accepted(self, world: World) -> None:
        slots = Slots(16, 10)
        slots.accepted = 9
        slots.throttle(1)
        assert slots.limit == 9
        one = Slots(1, 1)
        one.throttle(1)
        assert one.limit == 1

    def test_it_counts_how_long_all_was_refused(self, world: World) -> None:
        slots = Slots(4, 4)
        assert slots.refused_for == 0
        for _ in range(3):
            slots.throttle(1)
            world.clock.advance(10)
        assert slots.refused_for == 30
        slots.grow()
        assert slots.refused_for == 0

    def test_who_was_refused_goes_before_who_has_not_begun(self, world: World) -> None:
        order = []

        async def job(slots: Slots, name: str, refusals: int = 0) -> None:
            async with slots.place() as place:
                for _ in range(refusals):
                    await place.turn()
                    place.refused(1)
                await place.turn()
                order.append(name)
                place.accepted()
                await asyncio.sleep(5)

        async def main() -> None:
            slots = Slots(2, 2)
            jobs = [job(slots, "a"), job(slots, "b", refusals=1), job(slots, "c")]
            await asyncio.gather(*jobs)

        world.run(main())
        assert order == ["a", "b", "c"]

    def test_a_stop_holds_nobody_up(self, world: World) -> None:
        async def main() -> None:
            slots = Slots(1, 1)

            async def job() -> None:
                async with slots.place() as place:
                    place.refused(600)
                    await place.turn()

            jobs = asyncio.gather(*(job() for _ in range(5)))
            await asyncio.sleep(1)
            slots.stop()
            await jobs

        world.run(main())
        assert world.now < 2

    def test_who_is_cancelled_leaves_no_place_taken(self, world: World) -> None:
        async def main() -> None:
            slots = Slots(1, 1)

            async def job() -> None:
                async with slots.place() as place:
                    place.accepted()
                    await asyncio.sleep(5)

            jobs = [asyncio.create_task(job()) for _ in range(3)]
            await asyncio.sleep(1)
            jobs[1].cancel()  # while it waits
            jobs[0].cancel()
            await asyncio.sleep(0)
            jobs[2].cancel()  # let in, perhaps, and not there yet
            await asyncio.gather(*jobs, return_exceptions=True)
            assert (slots.taken, slots.accepted, slots.sending) == (0, 0, 0)

        world.run(main())

    def test_jobs_of_an_earlier_run_wait_for_no_place_and_are_counted(self, world: World) -> None:
        async def main() -> float:
            slots = Slots(2, 2)

            async def old() -> None:
                with slots.occupied():
                    await asyncio.sleep(10)

            olds = asyncio.gather(*(old() for _ in range(3)))
            await asyncio.sleep(0)
            assert slots.accepted == 3
            async with slots.place():
                return world.now + (await olds == [])

        assert world.run(main()) >= 10

    def test_a_share_grows_and_shrinks_with_the_number_of_runs(self, world: World) -> None:
        slots = Slots(10, 10)
        slots.share(5)
        assert (slots.most, slots.limit) == (5, 5)
        slots.share(99)
        assert (slots.most, slots.limit) == (10, 10)
        slots.accepted = 6
        slots.throttle(1)
        slots.share(3)
        slots.share(10)
        assert slots.limit == 6, "what was learned stays"


class TestQuiet:
    """Work that costs no slot waits for requests that fill slots, but not for long."""

    @staticmethod
    def waited(world: World, *steps: tuple[float, Callable[[Place], None]]) -> float:
        """Seconds that one waits while a place may send, to which something happens after some."""

        async def main() -> float:
            slots = Slots(4, 4)
            async with slots.place() as place:
                began = world.now
                for seconds, step in steps:
                    asyncio.get_running_loop().call_later(seconds, step, place)
                await slots.quiet()
                return world.now - began

        return float(world.run(main()))

    def test_it_is_quiet_when_nothing_is_sent(self, world: World) -> None:
        async def main() -> None:
            slots = Slots(4, 4)
            await slots.quiet()
            async with slots.place() as place:
                place.accepted()
                await slots.quiet()
            with slots.occupied():
                await slots.quiet()

        world.run(main())
        assert world.now == 0

    @pytest.mark.parametrize(
        "answer",
        [Place.accepted, lambda place: place.refused(600)],
        ids=["accepted", "refused"],
    )
    def test_it_is_when_the_answer_has_come(
        self, world: World, answer: Callable[[Place], None]
    ) -> None:
        assert self.waited(world, (0.2, answer)) == pytest.approx(0.2)

    def test_it_is_when_who_sends_has_left_without_one(self, world: World) -> None:
        async def main() -> None:
            slots = Slots(4, 4)

            async def send() -> None:
                async with slots.place():
                    await asyncio.sleep(0.2)

            sending = asyncio.create_task(send())
            await asyncio.sleep(0)
            await slots.quiet()
            await sending

        world.run(main())
        assert world.now == pytest.approx(0.2)

    def test_it_is_not_while_an_answer_leaves_the_outcome_open(self, world: World) -> None:
        waited = self.waited(world, (0.2, Place.passed), (0.4, Place.accepted))
        assert waited == pytest.approx(0.4)

    def test_it_is_not_before_the_last_of_several(self, world: World) -> None:
        async def main() -> None:
            slots = Slots(4, 4)

            async def send(seconds: float) -> None:
                async with slots.place() as place:
                    await asyncio.sleep(seconds)
                    place.accepted()

            sending = asyncio.gather(*(send(seconds) for seconds in (0.1, 0.3, 0.2)))
            await asyncio.sleep(0)
            await slots.quiet()
            assert world.now == pytest.approx(0.3)
            await sending

        world.run(main())

    def test_nobody_waits_longer_than_allowed(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pacing, "QUIET_SECONDS", 0.01)
        assert self.waited(world) == pytest.approx(0.01)

    def test_each_wait_has_its_own_limit(self, world: World) -> None:
        """The limit of one that ended before it says nothing of the next."""

        async def main() -> None:
            slots = Slots(4, 4)
            limit = pacing.QUIET_SECONDS
            async with slots.place() as place:
                asyncio.get_running_loop().call_later(0.8 * limit, place.accepted)
                await slots.quiet()
            async with slots.place():
                await slots.quiet()
            assert world.now == pytest.approx(1.8 * limit)

        world.run(main())

    def test_who_is_cancelled_wakes_no_other(self, world: World) -> None:
        async def main() -> None:
            slots = Slots(4, 4)
            async with slots.place() as place:
                gone, waiting = (asyncio.create_task(slots.quiet()) for _ in range(2))
                await asyncio.sleep(0.1)
                gone.cancel()
                await asyncio.sleep(0.1)
                assert gone.cancelled() and not waiting.done()
                place.accepted()
                await waiting

        world.run(main())
        assert world.now == pytest.approx(0.2)


def test_it_is_not_quiet_when_an_acceptance_lets_others_in() -> None:
    async def main() -> None:
        slots = Slots(8, 1)

        async def job(seconds: float) -> None:
            async with slots.place() as place:
                await asyncio.sleep(seconds)
                place.accepted()
                await asyncio.sleep(0.05)

        jobs = asyncio.gather(job(0.01), job(0.02))
        await asyncio.sleep(0)
        await slots.quiet()
        assert slots.sending == 0
        await jobs

    asyncio.run(main())
