"""Paging through the account's jobs, newest first, as far back as they matter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial

from ideogram_pipeline.apiframe.model import Job
from ideogram_pipeline.apiframe.retrying import patiently
from ideogram_pipeline.generation.provider import Provider


class Listing:
    """One sweep over the list of jobs.

    Args:
        provider: To be asked.
        since: Older jobs are left out, and end the sweep; ``None`` for all there are.
    """

    def __init__(self, provider: Provider, since: datetime | None) -> None:
        self._provider = provider
        self._since = since
        self.seen: set[str] = set()
        """Ids of the jobs that were given."""
        self.has_passed = False
        """A job older than ``since`` was met, so that nothing newer is missing."""
        self.has_ended = False
        """The provider says that there are no more."""

    async def pages(self) -> AsyncIterator[list[Job]]:
        """Yield the jobs page by page, each job once.

        Raises:
            ProviderError: The records cannot be read now.
        """
        cursor: str | None = None
        while True:
            page = await patiently(partial(self._provider.newest_jobs, cursor))
            recent = [job for job in page.jobs if not self._is_older(job)]
            new = [job for job in recent if job.id not in self.seen]
            self.seen.update(job.id for job in new)
            if new:
                yield new
            cursor = page.next_cursor
            self.has_passed = len(recent) < len(page.jobs)
            self.has_ended = not page.has_more or not cursor
            # A server that does not heed the cursor would give its first page for ever.
            if self.has_passed or self.has_ended or not new:
                return

    def _is_older(self, job: Job) -> bool:
        if self._since is None or job.created_at is None:
            return False
        return job.created_at < self._since
