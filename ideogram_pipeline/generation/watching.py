"""Waiting for jobs to end, with few requests: one page of the list answers for a hundred jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ideogram_pipeline.apiframe.errors import KeyRefused, Malformed, ProviderError, Transient
from ideogram_pipeline.apiframe.model import Job
from ideogram_pipeline.generation.provider import Provider

FIRST_LOOK = 0.5
"""Seconds to the first look at a job of a tier whose usual time is not known yet."""
SHORTEST_WAIT = 0.1
GROWTH = 0.25
"""The next look at a job comes after this share of its age, so that a look is late by no more."""
WORTH_A_PAGE = 3
"""Jobs due at a time from which on the list is asked instead of each of them."""
SMOOTHING = 0.2
OLD_JOB_PATIENCE = 30.0
"""Seconds for which a job of an earlier run may have no record; a new one has all our patience."""


class StillRunning(Exception):
    """Our patience has ended before the job; it goes on at the provider, and is not lost."""


@dataclass(slots=True)
class _Watched:
    tier: str
    fresh: bool
    since: float
    due: float
    done: asyncio.Future[Job] = field(default_factory=asyncio.Future)


class Watcher:
    """Looks after every job that is out; run it beside the tasks that wait in ``ended``."""

    def __init__(
        self,
        provider: Provider,
        *,
        interval: float,
        patience: float,
        usual_seconds: Mapping[str, float],
    ) -> None:
        """Make a watcher.

        Args:
            provider: To be asked.
            interval: Most seconds between two looks at a job that is due.
            patience: Seconds without any job ending after which waiting ends.
            usual_seconds: Usual seconds of a job by tier, as far as they are known.
        """
        self._provider = provider
        self._interval = interval
        self._patience = patience
        self._usual = dict(usual_seconds)
        self._watched: dict[str, _Watched] = {}
        self._news = asyncio.Event()
        self._last_ending = time.monotonic()
        self._stopped = False

    def stop(self) -> None:
        """Wait for no job any more: all who do are told that theirs is still running."""
        self._stopped = True
        self._give_up()

    async def ended(self, job_id: str, tier: str, *, fresh: bool) -> Job:
        """Wait until a job is final.

        Args:
            job_id: The job.
            tier: Its rendering speed, which tells when the first look is worth a request.
            fresh: Submitted just now; an older job is looked at without delay.

        Raises:
            StillRunning: No job at all has ended for as long as our patience lasts, or waiting
                was stopped.
            ProviderError: The provider does not answer for it any more.
        """
        if self._stopped:
            raise StillRunning
        now = time.monotonic()
        if not self._watched:
            self._last_ending = now
        first_look = self._usual.get(tier, FIRST_LOOK) if fresh else 0.0
        watched = _Watched(tier, fresh, now, now + first_look)
        self._watched[job_id] = watched
        self._news.set()
        try:
            return await watched.done
        finally:
            self._watched.pop(job_id, None)

    async def run(self) -> None:
        """Look at jobs when they are due, for ever; cancel it when nobody waits any more."""
        trouble = 0.0
        while True:
            await self._sleep_until_due(trouble)
            due = [job_id for job_id, w in self._watched.items() if w.due <= time.monotonic()]
            try:
                await self._look(due)
                trouble = 0.0
            except (Transient, Malformed) as error:
                trouble = max(error.retry_after or 0.0, min(30.0, trouble * 2 or 1.0))
            self._give_up_when_nothing_moves()

    async def _sleep_until_due(self, trouble: float) -> None:
        await asyncio.sleep(max(trouble, SHORTEST_WAIT))
        while True:
            self._news.clear()
            waits = [watched.due - time.monotonic() for watched in self._watched.values()]
            if waits and min(waits) <= 0:
                return
            try:
                await asyncio.wait_for(self._news.wait(), min(waits, default=None))
            except TimeoutError:
                return

    async def _look(self, due: list[str]) -> None:
        remaining = dict.fromkeys(due)
        if len(due) >= WORTH_A_PAGE:
            cursor = None
            for _ in range(1 + len(due) // 100):
                page = await self._provider.newest_jobs(cursor)
                for job in page.jobs:
                    if job.id in remaining:
                        del remaining[job.id]
                        self._seen(job)
                cursor = page.next_cursor
                if not remaining or not page.has_more or not cursor:
                    break
        for job_id in remaining:
            try:
                self._seen(await self._provider.job(job_id))
            except (KeyRefused, Transient):
                raise
            except ProviderError as error:
                # This job's own trouble: its record is not there (yet), or is another key's of the
                # team, or cannot be read. The other jobs go on.
                self._trouble_with(job_id, error)

    def _trouble_with(self, job_id: str, error: ProviderError) -> None:
        watched = self._watched.get(job_id)
        if watched is None or watched.done.done():
            return  # waiting was stopped meanwhile
        self._postpone(job_id)
        patience = self._patience if watched.fresh else min(self._patience, OLD_JOB_PATIENCE)
        if time.monotonic() - watched.since > patience:
            watched.done.set_exception(error)

    def _seen(self, job: Job) -> None:
        watched = self._watched.get(job.id)
        if watched is None or watched.done.done():
            return
        if not job.is_final:
            self._postpone(job.id)
            return
        self._last_ending = time.monotonic()
        took = self._last_ending - watched.since
        if job.created_at and job.completed_at:
            # This process may have stood still meanwhile; the provider has not.
            took = min(took, (job.completed_at - job.created_at).total_seconds())
        if job.is_completed and watched.fresh:
            usual = self._usual.get(watched.tier, took)
            self._usual[watched.tier] = usual + SMOOTHING * (took * (1 - GROWTH) - usual)
        watched.done.set_result(job)

    def _postpone(self, job_id: str) -> None:
        watched = self._watched[job_id]
        now = time.monotonic()
        age = now - watched.since
        watched.due = now + min(self._interval, max(SHORTEST_WAIT, age * GROWTH))

    def _give_up_when_nothing_moves(self) -> None:
        if time.monotonic() - self._last_ending > self._patience:
            self._give_up()

    def _give_up(self) -> None:
        for watched in self._watched.values():
            if not watched.done.done():
                watched.done.set_exception(StillRunning())
