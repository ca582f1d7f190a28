"""The provider as the engine sees it: the client behind the request rate, with patience."""

from __future__ import annotations

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.clock import ProviderClock
from ideogram_pipeline.apiframe.model import Account, Job, JobPage, SubmitOutcome, Upload
from ideogram_pipeline.apiframe.retrying import patiently
from ideogram_pipeline.generation.pacing import RequestRate


class Provider:
    """Sends requests at the pace that the account allows, and counts them."""

    def __init__(self, client: ApiframeClient, rate: RequestRate) -> None:
        self._client = client
        self._rate = rate

    @property
    def clock(self) -> ProviderClock:
        """The provider's time."""
        return self._client.clock

    @property
    def requests(self) -> int:
        """API requests sent so far, without downloads."""
        return self._rate.passed

    async def submit(self, attempt_body: bytes, *, idempotency_key: str) -> SubmitOutcome:
        """Send one paid request, once."""
        await self._rate.turn()
        return await self._client.submit(attempt_body, idempotency_key=idempotency_key)

    async def job(self, job_id: str) -> Job:
        """Ask for one job, once."""
        await self._rate.turn(is_look=True)
        return await self._client.job(job_id)

    async def newest_jobs(self, cursor: str | None = None, *, status: str | None = None) -> JobPage:
        """Ask for a page of the account's jobs, once; with ``status``, only of those in it."""
        await self._rate.turn(is_look=True)
        return await self._client.jobs(cursor=cursor, status=status)

    async def account(self) -> Account:
        """Ask who we are and what is left, trying again a few times."""

        async def ask() -> Account:
            await self._rate.turn()
            return await self._client.account()

        return await patiently(ask)

    async def upload(self, content: bytes, *, filename: str, content_type: str) -> Upload:
        """Upload an input picture, trying again a few times; uploads are free."""

        async def send() -> Upload:
            await self._rate.turn()
            return await self._client.upload(content, filename=filename, content_type=content_type)

        return await patiently(send)
