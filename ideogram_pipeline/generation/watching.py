"""Waiting for jobs to end, with few requests: one page of the list answers for a hundred jobs.

Each job is due for a look when it has probably ended, by the times of those before it, or when it
may have ended for as long as the poll interval. What is due waits a little for what will be due
soon, so that one request answers for all of them.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush

from ideogram_pipeline.apiframe.errors import KeyRefused, Malformed, ProviderError, Transient
from ideogram_pipeline.apiframe.limits import JOBS_PAGE_MAX
from ideogram_pipeline.apiframe.model import Job, JobPage
from ideogram_pipeline.generation.expecting import Expectation
from ideogram_pipeline.generation.provider import Provider

FIRST_LOOK = 0.5
"""Seconds to the first look at a job of a tier of which nothing is known yet."""
SHORTEST_WAIT = 0.01
"""Least seconds between two looks."""
GROWTH = 0.15
"""While nothing is known, the next look comes after this share of a job's age."""
WORTH_A_PAGE = 3
"""Jobs that are out from which on the list is asked instead of each that is due."""
COMPANY_WITHIN = 0.05
"""What is due waits for the next that will be, if it is due within this share of the usual time."""
WORTH_A_LOOK = 0.25
"""Slots may stand idle for one request, all together, for this share of the usual time."""
LET_RUN = 0.002
MOST_LET_RUN = 0.1
"""What was just seen to run is let run for this share of the usual time, for each job that is out
and at most: looks that are due for others see it too."""
MOST_PAGES = 2
"""Pages that are read of the list in one look, and one more for each page that our jobs would fill;
others may use the account too."""
LATE_BIRTH = 1.0
"""Most seconds from a submission at the provider until it counts as one here."""
TIMES_MISSING = 3
"""How often a late job may be missing among the ended ones before it is asked for by itself: it may
have ended in another way."""
ASKED_BY_THEMSELVES = 10
"""Most of those in one look."""
EARLY = 0.9
"""Where the provider does not say when a job ended, it is taken to be this share of when we saw."""
OLD_JOB_PATIENCE = 30.0
"""Seconds for which a job of an earlier run may have no record; a new one has all our patience."""


class StillRunning(Exception):
    """Our patience has ended before the job; it goes on at the provider, and is not lost."""


@dataclass(slots=True)
class _Watched:
    job_id: str
    tier: str
    fresh: bool
    since: float
    """When we began to wait."""
    born: float
    """When it was submitted."""
    looked: float
    """Until when it is known not to have ended."""
    due: float = 0.0
    deadline: float = 0.0
    """When it must be looked at, with or without company."""
    is_in_line: bool = False
    missing: int = 0
    done: asyncio.Future[Job] = field(default_factory=asyncio.Future)


class Watcher:
    """Looks after every job that is out; run it beside the tasks that wait in ``ended``."""

    def __init__(
        self,
        provider: Provider,
        *,
        interval: float,
        patience: float,
        recent_seconds: Mapping[str, Iterable[float]],
    ) -> None:
        """Make a watcher.

        Args:
            provider: To be asked.
            interval: Most seconds for which a job may have ended without our looking.
            patience: Seconds without any job ending after which waiting ends.
            recent_seconds: Seconds that earlier jobs took, by tier, as far as they are known.
        """
        self._provider = provider
        self._interval = interval
        self._patience = patience
        self._expected: defaultdict[str, Expectation] = defaultdict(Expectation)
        self._expected.update({tier: Expectation(took) for tier, took in recent_seconds.items()})
        self._watched: dict[str, _Watched] = {}
        self._line: list[tuple[float, int, _Watched]] = []
        """A heap by due time; what was done or planned anew since leaves it at its head."""
        self._plans = 0
        self._wakes_at = 0.0
        self._clock_ahead = float("-inf")
        """Seconds by which the provider's clock is ahead of ours, which counts from some start."""
        self._news = asyncio.Event()
        self._last_ending = time.monotonic()
        self._stopped = False

    def stop(self) -> None:
        """Wait for no job any more: all who do are told that theirs is still running."""
        self._stopped = True
        self._give_up()

    async def ended(self, job_id: str, tier: str, *, fresh: bool, age: float = 0.0) -> Job:
        """Wait until a job is final.

        Args:
            job_id: The job.
            tier: Its rendering speed, which tells when a look is worth a request.
            fresh: Submitted just now; an older job is looked at without delay.
            age: Seconds since it was submitted.

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
        born = now - max(0.0, age)
        watched = _Watched(job_id, tier, fresh, since=now, born=born, looked=born)
        self._watched[job_id] = watched
        if not fresh:
            self._plan(watched, now, at=now)
        elif not self._expected[tier].is_known:
            self._plan(watched, now, at=now + FIRST_LOOK)
        else:
            self._plan(watched, now)
        if watched.due < self._wakes_at:
            self._news.set()
        try:
            return await watched.done
        finally:
            self._watched.pop(job_id, None)

    async def run(self) -> None:
        """Look at jobs when they are due, for ever; cancel it when nobody waits any more."""
        trouble = 0.0
        while True:
            await asyncio.sleep(max(trouble, SHORTEST_WAIT))
            due = await self._until_worth_a_look()
            try:
                await self._look(due)
                trouble = 0.0
            except (Transient, Malformed) as error:
                trouble = max(error.retry_after or 0.0, min(30.0, trouble * 2 or 1.0))
                for watched in due:
                    self._plan(watched, time.monotonic())
            self._give_up_when_nothing_moves()

    async def _until_worth_a_look(self) -> list[_Watched]:
        """Wait until jobs are due, and a little longer for others that soon will be."""
        due: list[_Watched] = []
        while True:
            now = time.monotonic()
            following = self._next()
            while following and following.due <= now:
                heappop(self._line)
                following.is_in_line = False
                due.append(following)
                following = self._next()
            if due and not (following and self._is_worth_waiting(due, following, now)):
                return due
            await self._sleep_until(following.due if following else None)

    def _next(self) -> _Watched | None:
        """The one that is due first."""
        while self._line:
            due, _, watched = self._line[0]
            if watched.due == due and not watched.done.done():
                return watched
            heappop(self._line)
        return None

    def _is_worth_waiting(self, due: list[_Watched], following: _Watched, now: float) -> bool:
        wait = following.due - now
        usual = self._expected[following.tier].usual
        idle = sum(following.due - watched.due for watched in due)
        return (
            wait <= COMPANY_WITHIN * usual
            and idle <= WORTH_A_LOOK * usual
            and following.due <= min(watched.deadline for watched in due)
        )

    async def _sleep_until(self, moment: float | None) -> None:
        """Sleep, or wake because something will be due before."""
        self._news.clear()
        self._wakes_at = float("inf") if moment is None else moment
        with suppress(TimeoutError):
            async with asyncio.timeout(None if moment is None else moment - time.monotonic()):
                await self._news.wait()

    async def _look(self, due: list[_Watched]) -> None:
        remaining = {watched.job_id: watched for watched in due if not watched.done.done()}
        if len(self._watched) > JOBS_PAGE_MAX:
            await self._read_ended(remaining)
        elif len(self._watched) >= WORTH_A_PAGE:
            await self._read_all(remaining)
        for watched in remaining.values():
            try:
                self._seen(await self._provider.job(watched.job_id))
            except (KeyRefused, Transient):
                raise
            except ProviderError as error:
                # This job's own trouble: its record is not there (yet), or is another key's of the
                # team, or cannot be read. The other jobs go on.
                self._trouble_with(watched, error)

    async def _read_all(self, remaining: dict[str, _Watched]) -> None:
        """See what the list says, and take from ``remaining`` what was on it."""
        cursor = None
        for _ in range(MOST_PAGES):
            page = await self._provider.newest_jobs(cursor)
            self._see(page, remaining)
            cursor = page.next_cursor
            if len(remaining) < WORTH_A_PAGE or not (page.has_more and cursor):
                return

    async def _read_ended(self, remaining: dict[str, _Watched]) -> None:
        """The same where more jobs are out than a page holds.

        The list begins with the newest, which run; so it is asked for the ended ones alone. What is
        not among them, and is newer than the last of them, runs. ``remaining`` keeps what is older.
        """
        cursor = None
        for _ in range(MOST_PAGES + len(self._watched) // JOBS_PAGE_MAX):
            page = await self._provider.newest_jobs(cursor, status="COMPLETED")
            self._see(page, remaining)
            cursor = page.next_cursor
            more = bool(page.jobs and page.has_more and cursor)
            covered_from = self._birth(page.jobs[-1]) if more else 0.0
            older = [w for w in remaining.values() if w.born <= covered_from]
            if len(older) < WORTH_A_PAGE or not more:
                break
        if remaining:
            self._see(await self._provider.newest_jobs(status="FAILED"), remaining)
        now = time.monotonic()
        asked = 0
        for watched in [w for w in self._watched.values() if w.born > covered_from]:
            late_after = self._expected[watched.tier].longest or OLD_JOB_PATIENCE
            watched.missing += now - watched.born > late_after
            is_missing = watched.missing >= TIMES_MISSING and watched.job_id in remaining
            if is_missing and asked < ASKED_BY_THEMSELVES:
                asked += 1
            else:
                remaining.pop(watched.job_id, None)
                self._runs(watched, now)

    def _see(self, page: JobPage, remaining: dict[str, _Watched]) -> None:
        for job in page.jobs:
            if job.id in self._watched:
                remaining.pop(job.id, None)
                self._seen(job)

    def _birth(self, job: Job) -> float:
        """When a job was submitted at the latest, by our clock; infinity where that is unknown."""
        if job.created_at is None:
            return float("inf")
        return job.created_at.timestamp() - self._clock_ahead + LATE_BIRTH

    def _trouble_with(self, watched: _Watched, error: ProviderError) -> None:
        if watched.done.done():
            return  # waiting was stopped meanwhile
        now = time.monotonic()
        self._runs(watched, now)
        patience = self._patience if watched.fresh else min(self._patience, OLD_JOB_PATIENCE)
        if now - watched.since > patience:
            watched.done.set_exception(error)

    def _seen(self, job: Job) -> None:
        watched = self._watched.get(job.id)
        if watched is None or watched.done.done():
            return
        now = time.monotonic()
        if job.created_at and watched.fresh:
            ahead = job.created_at.timestamp() - watched.born
            self._clock_ahead = max(self._clock_ahead, ahead)
        if not job.is_final:
            watched.missing = 0
            self._runs(watched, now)
            return
        self._last_ending = now
        if job.is_completed and watched.fresh:
            self._expected[watched.tier].note(_seconds_of(job, watched, now))
        watched.done.set_result(job)

    def _runs(self, watched: _Watched, now: float) -> None:
        """It had not ended when we looked."""
        watched.looked = now
        if watched.due <= now or now >= watched.born + self._expected[watched.tier].soonest:
            self._plan(watched, now)

    def _plan(self, watched: _Watched, now: float, *, at: float | None = None) -> None:
        """Decide when to look at a job next."""
        expected = self._expected[watched.tier]
        age = now - watched.born
        if at is None and expected.is_known:
            probably = watched.born + expected.probable_end(age)
            let_run = SHORTEST_WAIT
            if watched.looked > watched.born:
                crowd = min(MOST_LET_RUN, LET_RUN * len(self._watched))
                let_run = max(let_run, min(expected.spread, crowd * expected.usual))
            at = max(now + let_run, probably)
        elif at is None:
            at = now + max(SHORTEST_WAIT, GROWTH * (now - watched.since))
        watched.deadline = max(watched.looked, watched.born + expected.soonest) + self._interval
        due = max(now, min(at, watched.deadline))
        if due != watched.due or not watched.is_in_line:
            watched.due, watched.is_in_line = due, True
            self._plans += 1
            heappush(self._line, (due, self._plans, watched))

    def _give_up_when_nothing_moves(self) -> None:
        if time.monotonic() - self._last_ending > self._patience:
            self._give_up()

    def _give_up(self) -> None:
        for watched in self._watched.values():
            if not watched.done.done():
                watched.done.set_exception(StillRunning())


def _seconds_of(job: Job, watched: _Watched, now: float) -> float:
    """How long a job took."""
    age = now - watched.born
    if job.created_at and job.completed_at:
        # This process may have stood still meanwhile; the provider has not.
        return max(0.0, min(age, (job.completed_at - job.created_at).total_seconds()))
    # Else a look that came late would make the next one later still.
    return max(watched.looked - watched.born, EARLY * age)
