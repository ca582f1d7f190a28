"""Waiting for jobs to end, with few requests."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import mean
from types import SimpleNamespace
from typing import Any

import pytest

from ideogram_pipeline.apiframe.errors import KeyRefused, Malformed, NotFound, Transient
from ideogram_pipeline.apiframe.model import MODEL, Job, JobPage
from ideogram_pipeline.generation import watching
from ideogram_pipeline.generation.watching import StillRunning, Watcher
from ideogram_pipeline_tests.generation.fakes import NOW, ScriptedProvider, page
from ideogram_pipeline_tests.generation.model_time import SimulatedLoop, SimulatedTime
from ideogram_pipeline_tests.support import AT


def job(job_id: str, status: str = "COMPLETED") -> Job:
    return Job(job_id, status, "m", None)


def watch(
    provider: ScriptedProvider,
    *job_ids: str,
    patience: float = 30.0,
    fresh: bool = False,
    usual: dict[str, list[float]] | None = None,
) -> list[Any]:
    """Watch jobs together; gives each one's job or error."""

    async def main() -> list[Any]:
        watcher = Watcher(
            provider,  # type: ignore[arg-type]
            interval=0.02,
            patience=patience,
            recent_seconds=usual or {},
        )
        running = asyncio.create_task(watcher.run())
        waiting: list[Awaitable[Job]] = [
            watcher.ended(job_id, "turbo", fresh=fresh) for job_id in job_ids
        ]
        async with asyncio.timeout(10):
            results = asyncio.gather(*waiting, return_exceptions=True)
            await asyncio.wait([running, results], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            results.cancel()
            return [running.exception()]
        running.cancel()
        return await results

    return asyncio.run(main())


def test_few_jobs_are_asked_for_one_by_one() -> None:
    provider = ScriptedProvider(jobs={"a": job("a"), "b": job("b", "FAILED")})
    assert [found.status for found in watch(provider, "a", "b")] == ["COMPLETED", "FAILED"]
    assert provider.kinds == ["job", "job"]


def test_one_page_answers_for_many() -> None:
    names = [f"j{number}" for number in range(50)]
    provider = ScriptedProvider(jobs={name: job(name) for name in names})
    assert all(found.is_completed for found in watch(provider, *names))
    assert provider.kinds == ["list"]


def test_what_is_on_no_page_is_asked_for_by_itself() -> None:
    provider = ScriptedProvider(
        pages=[page(job("a"), job("b"), cursor="2"), page(job("c"))],
        jobs={name: job(name) for name in "abcd"},
    )
    assert all(found.is_completed for found in watch(provider, *"abcd"))
    assert ("job", "d") in provider.asked


def test_running_and_unknown_words_are_not_the_end() -> None:
    states = [job("a", word) for word in ("QUEUED", "PROCESSING", "THINKING", "COMPLETED")]
    provider = ScriptedProvider(jobs={"a": states})
    assert watch(provider, "a")[0].is_completed
    assert len(provider.asked) == 4


@pytest.mark.parametrize("trouble", [Transient("503"), Transient("429", retry_after=0.01)])
def test_trouble_passes(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def short(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr("ideogram_pipeline.generation.watching.asyncio.sleep", short)
    provider = ScriptedProvider(jobs={"a": [trouble, trouble, job("a")]})
    assert watch(provider, "a")[0].is_completed
    assert waits[1] >= 1 and waits[2] >= 2, "it waits longer each time"


@pytest.mark.parametrize("trouble", [NotFound("404"), Malformed("no id")])
def test_one_job_without_a_record_does_not_hold_up_the_other(trouble: Exception) -> None:
    provider = ScriptedProvider(jobs={"a": [trouble], "b": job("b")})
    first, second = watch(provider, "a", "b", patience=0.1)
    assert first is trouble
    assert second.is_completed


def test_a_record_that_comes_late_is_found() -> None:
    provider = ScriptedProvider(jobs={"a": [NotFound("404"), job("a")]})
    assert watch(provider, "a")[0].is_completed


def test_a_job_that_nobody_waits_for_any_more_may_have_no_record() -> None:
    """Waiting was stopped while its record was asked for."""

    async def main() -> None:
        class Slow(ScriptedProvider):
            async def job(self, job_id: str) -> Job:
                watcher.stop()
                await asyncio.sleep(0)
                raise NotFound("404")

        provider = Slow()
        watcher = Watcher(
            provider,  # type: ignore[arg-type]
            interval=0.02,
            patience=30.0,
            recent_seconds={},
        )
        running = asyncio.create_task(watcher.run())
        async with asyncio.timeout(10):
            with pytest.raises(StillRunning):
                await watcher.ended("a", "turbo", fresh=False)
        await asyncio.sleep(0.01)
        assert not running.done()
        running.cancel()

    asyncio.run(main())


def test_when_nothing_moves_waiting_ends() -> None:
    provider = ScriptedProvider(jobs={name: job(name, "PROCESSING") for name in "abc"})
    results = watch(provider, *"abc", patience=0.1)
    assert [type(found) for found in results] == [StillRunning] * 3


def test_a_refused_key_ends_the_watch() -> None:
    assert isinstance(watch(ScriptedProvider(jobs={"a": KeyRefused("401")}), "a")[0], KeyRefused)


def test_the_first_look_at_a_new_job_comes_when_its_tier_is_usually_done() -> None:
    async def main() -> None:
        provider = ScriptedProvider(jobs={"new": job("new"), "old": job("old")})
        watcher = Watcher(
            provider,  # type: ignore[arg-type]
            interval=0.02,
            patience=60,
            recent_seconds={"turbo": [3600.0]},
        )
        running = asyncio.create_task(watcher.run())
        new = asyncio.create_task(watcher.ended("new", "turbo", fresh=True))
        assert (await watcher.ended("old", "turbo", fresh=False)).is_completed
        assert provider.asked == [("job", "old")]
        for task in (new, running):
            task.cancel()
        await asyncio.gather(new, running, return_exceptions=True)

    asyncio.run(main())


@dataclass
class House:
    """A provider whose jobs take their time, and who counts what it is asked."""

    clock: SimulatedTime
    seconds: Callable[[], float]
    fate: Callable[[int], str] = lambda number: "COMPLETED"
    tells_times: bool = True
    trip: float = 0.05
    """Seconds to and from the provider."""
    asked: Counter[str] = field(default_factory=Counter)
    jobs: dict[str, tuple[float, float, str]] = field(default_factory=dict)
    """When each begins and ends, and how."""
    waited: list[float] = field(default_factory=list)
    """Seconds from each job's end until we knew of it."""

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def begin(self) -> str:
        name = f"j{len(self.jobs)}"
        self.jobs[name] = (self.now, self.now + self.seconds(), self.fate(len(self.jobs)))
        return name

    async def job(self, job_id: str) -> Job:
        self.asked["job"] += 1
        return await self._answer(lambda: self._job(job_id))

    async def newest_jobs(self, cursor: str | None = None, *, status: str | None = None) -> JobPage:
        self.asked["list"] += 1

        def answer() -> JobPage:
            found = [
                job for job in map(self._job, reversed(self.jobs)) if status in (None, job.status)
            ]
            start = int(cursor or 0)
            more = len(found) > start + 100
            return JobPage(
                tuple(found[start : start + 100]), str(start + 100) if more else None, more
            )

        return await self._answer(answer)

    async def _answer(self, make: Callable[[], Any]) -> Any:
        await asyncio.sleep(self.trip / 2)
        answer = make()
        await asyncio.sleep(self.trip / 2)
        return answer

    def _job(self, job_id: str) -> Job:
        began, ends, fate = self.jobs[job_id]
        if self.now < ends:
            return Job(job_id, "PROCESSING", MODEL, None)
        moments = [
            NOW + timedelta(seconds=at) if self.tells_times else None for at in (began, ends)
        ]
        return Job(job_id, fate, MODEL, moments[0], moments[1])

    def buy(self, images: int, slots: int, *, apart: float = 0.01, **terms: Any) -> float:
        """Buy so many, so many at a time; the seconds that it took."""

        async def main() -> None:
            values = {"interval": 3.0, "patience": 900.0, "recent_seconds": {}} | terms
            watcher = Watcher(self, **values)  # type: ignore[arg-type]
            running = asyncio.create_task(watcher.run())
            free = asyncio.Semaphore(slots)
            door = asyncio.Lock()

            async def one() -> None:
                async with free:
                    async with door:
                        await asyncio.sleep(apart)
                    name = self.begin()
                    await asyncio.sleep(self.trip / 2)
                    await watcher.ended(name, "turbo", fresh=True)
                    self.waited.append(self.now - self.jobs[name][1])

            await asyncio.gather(*(one() for _ in range(images)))
            running.cancel()

        began = self.now
        with asyncio.Runner(loop_factory=lambda: SimulatedLoop(self.clock)) as runner:
            runner.run(main())
        return self.now - began

    @property
    def looks(self) -> float:
        """Looks for each image."""
        return self.asked.total() / len(self.jobs)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Callable[..., House]:
    clock = SimulatedTime(AT)
    monkeypatch.setattr(watching, "time", SimpleNamespace(monotonic=clock.monotonic))
    monkeypatch.setattr(watching, "SHORTEST_WAIT", 0.05)
    monkeypatch.setattr(watching, "FIRST_LOOK", 0.5)
    return lambda seconds, **more: House(clock, seconds, **more)


def spread_around(usual: float, spread: float = 0.25) -> Callable[[], float]:
    chance = random.Random(7)
    return lambda: usual * min(2.5, max(0.6, chance.lognormvariate(0.0, spread)))


@pytest.mark.parametrize(
    ("spread", "apart"), [(0.25, 0.01), (0.05, 0.01), (0.0, 0.01), (0.0, 0.1), (0.0, 0.5)]
)
def test_one_look_serves_five_of_fifty_in_flight(
    house: Callable[..., House], spread: float, apart: float
) -> None:
    """And no picture waits for longer than the interval."""
    at = house(spread_around(25.0, spread))
    chance = spread_around(25.0, spread)
    at.buy(1000, 50, apart=apart, recent_seconds={"turbo": [chance() for _ in range(40)]})
    assert at.looks <= 0.21
    assert max(at.waited) <= 3.0 + 4 * at.trip


@pytest.mark.parametrize(("slots", "usual"), [(1, 6.0), (8, 6.0), (8, 25.0), (50, 2.0), (50, 25.0)])
def test_jobs_of_equal_length_are_met_when_they_end(
    house: Callable[..., House], slots: int, usual: float
) -> None:
    at = house(lambda: usual, trip=0.02)
    took = at.buy(20 * slots, slots, apart=0.002)
    assert took <= 1.05 * 20 * usual
    # The first wave found out how long they take.
    assert mean(at.waited[slots:]) <= 0.03 * usual


@pytest.mark.parametrize("slots", [1, 3, 8, 50])
@pytest.mark.parametrize("known", [True, False])
def test_no_picture_waits_longer_than_the_interval(
    house: Callable[..., House], slots: int, known: bool
) -> None:
    at = house(spread_around(25.0))
    chance = spread_around(25.0)
    before = {"turbo": [chance() for _ in range(40)]} if known else {}
    at.buy(20 * slots, slots, recent_seconds=before)
    late = [waited for waited in at.waited if waited > 3.0 + 2 * at.trip]
    assert len(late) <= 0.02 * len(at.waited), "but for one quicker than the last forty"


def test_few_jobs_take_few_looks_each(house: Callable[..., House]) -> None:
    at = house(spread_around(25.0))
    at.buy(40, 1, recent_seconds={"turbo": [25.0]})
    assert at.looks <= 5


@pytest.mark.parametrize("spread", [0.0, 0.25])
def test_five_hundred_in_flight_cost_no_more_an_image_than_fifty(
    house: Callable[..., House], spread: float
) -> None:
    at = house(spread_around(25.0, spread))
    at.buy(2000, 500, apart=0.002, recent_seconds={"turbo": [25.0]})
    assert at.looks <= 0.2


@pytest.mark.parametrize(("fate", "late"), [("FAILED", 4.0), ("CANCELLED", 15.0)])
def test_in_a_large_account_what_ends_otherwise_is_met_too(
    house: Callable[..., House], fate: str, late: float
) -> None:
    at = house(spread_around(10.0, 0.1), fate=lambda number: "COMPLETED" if number % 9 else fate)
    at.buy(900, 300, apart=0.001, recent_seconds={"turbo": [10.0]})
    assert max(at.waited) <= late
    assert at.looks <= 0.3


@pytest.mark.parametrize(("before", "tells_times"), [(30.0, True), (5.0, True), (5.0, False)])
def test_a_changed_pace_is_learned(
    house: Callable[..., House], before: float, tells_times: bool
) -> None:
    at = house(lambda: 20.0, tells_times=tells_times)
    at.buy(80, 1, recent_seconds={"turbo": [before] * 40})
    assert mean(at.waited[40:]) < 0.5


def test_a_process_that_stood_still_has_not_learned_that_jobs_take_long(
    house: Callable[..., House],
) -> None:
    """It was stopped for a day; the provider says that the job took two seconds."""
    at = house(lambda: 2.0)

    async def main() -> float:
        watcher = Watcher(at, interval=3, patience=1e6, recent_seconds={})  # type: ignore[arg-type]
        running = asyncio.create_task(watcher.run())
        first = asyncio.create_task(watcher.ended(at.begin(), "turbo", fresh=True))
        await asyncio.sleep(1)
        at.clock.advance(86_400)
        await first
        began = at.now
        await watcher.ended(at.begin(), "turbo", fresh=True)
        running.cancel()
        return at.now - began

    with asyncio.Runner(loop_factory=lambda: SimulatedLoop(at.clock)) as runner:
        assert runner.run(main()) < 2.5


def test_an_old_job_is_looked_at_by_its_age(house: Callable[..., House]) -> None:
    at = house(lambda: 25.0)

    async def main() -> None:
        watcher = Watcher(at, interval=3, patience=900, recent_seconds={"turbo": [25.0] * 5})  # type: ignore[arg-type]
        running = asyncio.create_task(watcher.run())
        name = at.begin()
        await asyncio.sleep(10)
        await watcher.ended(name, "turbo", fresh=False, age=10.0)
        running.cancel()

    with asyncio.Runner(loop_factory=lambda: SimulatedLoop(at.clock)) as runner:
        runner.run(main())
    assert at.now < 25.5
    assert at.asked.total() <= 5
