"""Waiting for jobs to end, with few requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from ideogram_pipeline.apiframe.errors import KeyRefused, Malformed, NotFound, Transient
from ideogram_pipeline.apiframe.model import MODEL, Job
from ideogram_pipeline.generation import watching
from ideogram_pipeline.generation.watching import StillRunning, Watcher
from ideogram_pipeline_tests.generation.fakes import NOW, ScriptedProvider, page


def job(job_id: str, status: str = "COMPLETED") -> Job:
    return Job(job_id, status, "m", None)


def watch(
    provider: ScriptedProvider,
    *job_ids: str,
    patience: float = 30.0,
    fresh: bool = False,
    usual: dict[str, float] | None = None,
) -> list[Any]:
    """Watch jobs together; gives each one's job or error."""

    async def main() -> list[Any]:
        watcher = Watcher(
            provider,  # type: ignore[arg-type]
            interval=0.02,
            patience=patience,
            usual_seconds=usual or {},
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
            usual_seconds={},
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
            usual_seconds={"turbo": 3600.0},
        )
        running = asyncio.create_task(watcher.run())
        new = asyncio.create_task(watcher.ended("new", "turbo", fresh=True))
        assert (await watcher.ended("old", "turbo", fresh=False)).is_completed
        assert provider.asked == [("job", "old")]
        for task in (new, running):
            task.cancel()
        await asyncio.gather(new, running, return_exceptions=True)

    asyncio.run(main())


def test_a_process_that_stood_still_has_not_learned_that_jobs_take_long() -> None:
    """It was stopped for a day; the provider says that the job took two seconds."""

    async def main() -> dict[str, float]:
        provider = ScriptedProvider()
        watcher = Watcher(provider, interval=3, patience=900, usual_seconds={})  # type: ignore[arg-type]
        a_day_ago = time.monotonic() - 86_400
        watcher._watched["job-1"] = watching._Watched("turbo", True, a_day_ago, a_day_ago)
        ended = NOW + timedelta(seconds=2)
        watcher._seen(Job("job-1", "COMPLETED", MODEL, created_at=NOW, completed_at=ended))
        return watcher._usual

    assert asyncio.run(main())["turbo"] <= 2
