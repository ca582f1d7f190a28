"""The account's own records: whether a request of unknown outcome was accepted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from ideogram_pipeline.apiframe.errors import NotFound
from ideogram_pipeline.apiframe.model import Job
from ideogram_pipeline.apiframe.retrying import patiently
from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.likeness import Likeness, compare
from ideogram_pipeline.generation.listing import Listing
from ideogram_pipeline.generation.provider import Provider

LOOK_BACK = timedelta(minutes=10)
"""How much earlier than the intent a job may be dated: two servers, two clocks."""
LOOK_BACK_UNSURE = timedelta(hours=26)
"""The same where the provider's answers carry no time, and the intent has that of this machine; and
where the job may have been made for an older intent, within the 24 h that a key lives."""


@dataclass(frozen=True, slots=True)
class Search:
    """What the account's records say about an attempt."""

    matches: tuple[Job, ...]
    """Jobs that no attempt has and whose request is the ``SAME``, oldest first."""
    near: tuple[Job, ...]
    """Such jobs whose request is ``LIKE`` ours, oldest first."""
    exhaustive: bool
    """The listing reached back past the intent and every candidate could be compared."""


class Records:
    """The account's jobs, as far as they had to be looked at."""

    def __init__(self, provider: Provider, journal: Journal) -> None:
        self._provider = provider
        self._journal = journal
        self._inputs: dict[str, Job] = {}
        self._one_at_a_time = asyncio.Lock()

    async def search(self, attempt: Attempt) -> Search:
        """Look for the job of ``attempt``: its body says for what, its intent how far back.

        Raises:
            ProviderError: The records cannot be read now.
        """
        async with self._one_at_a_time:
            since = self._since(attempt)
            jobs, reached = await self._unclaimed(since)
            found: dict[Likeness, list[Job]] = {likeness: [] for likeness in Likeness}
            for job in reversed(jobs):
                found[compare(attempt.request, job.input)].append(job)
            return Search(
                matches=tuple(found[Likeness.SAME]),
                near=tuple(found[Likeness.LIKE]),
                exhaustive=reached and not found[Likeness.UNCLEAR] and not found[Likeness.LIKE],
            )

    async def orphans(self, since: datetime | None) -> list[Job]:
        """Every job of this model in the account that no attempt has, newest first.

        Args:
            since: Older ones are not looked at; ``None`` for all that the provider lists.

        Raises:
            ProviderError: The records cannot be read now.
        """
        async with self._one_at_a_time:
            jobs, _ = await self._unclaimed(since)
            return jobs

    def _since(self, attempt: Attempt) -> datetime:
        """The time before which no job can be this attempt's."""
        intended_at = min(attempt.intended_at, attempt.begun_at or attempt.intended_at)
        sure = self._provider.clock.is_told and not attempt.conflicted
        # After a conflict the job may be one that a lost journal, or another machine, has made.
        return intended_at - (LOOK_BACK if sure else LOOK_BACK_UNSURE)

    async def _unclaimed(self, since: datetime | None) -> tuple[list[Job], bool]:
        """Unclaimed jobs with their ``input``, and whether the listing reached past ``since``."""
        jobs: list[Job] = []
        listing = Listing(self._provider, since)
        async for page in listing.pages():
            claimed = self._journal.claimed_jobs([job.id for job in page])
            for listed in page:
                if listed.id not in claimed:
                    jobs.append(await self._with_input(listed))
        if since is None or listing.has_passed:
            return jobs, listing.has_passed or listing.has_ended
        # The end of all records proves nothing if some of ours are missing from them.
        proven = listing.has_ended and not self._journal.has_jobs_before(since)
        return jobs, proven and self._journal.jobs_since(since) <= listing.seen

    async def _with_input(self, listed: Job) -> Job:
        """A listed job with what was asked of it, unless its record is gone."""
        if listed.id not in self._inputs:
            try:
                self._inputs[listed.id] = await patiently(partial(self._provider.job, listed.id))
            except NotFound:
                return replace(listed, input=None)
        return self._inputs[listed.id]
