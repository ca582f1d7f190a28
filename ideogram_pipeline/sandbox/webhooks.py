"""Webhooks: news of a job sent to a URL on this machine, signed, while the server lives.

Best effort, as at the provider: what a stopped server did not send is never sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from urllib.parse import urlsplit

from ideogram_pipeline.sandbox import contract
from ideogram_pipeline.sandbox.contract import GenerateImageRequest
from ideogram_pipeline.sandbox.core import Sandbox
from ideogram_pipeline.sandbox.jobs import JobRow, find_job
from ideogram_pipeline.sandbox.options import WebhookSignature

_LOCAL_HOSTS = ("127.0.0.1", "localhost")
_TRIES = 3
_TIMEOUT_SECONDS = 5.0
# The clock may be advanced from outside, so a job is looked at more often than it seems to need.
_LONGEST_NAP_SECONDS = 0.25


def sign(body: bytes, api_key: str, form: WebhookSignature) -> str:
    """The value of `X-Webhook-Signature`.

    The vendor's SDK takes the raw bytes of SHA-256(API key) as the HMAC key, code in the field
    its hexadecimal text; no document settles which is right.
    """
    digest = hashlib.sha256(api_key.encode())
    secret = digest.digest() if form == "raw" else digest.hexdigest().encode()
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


class Webhooks:
    """The deliveries under way in one server."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._tasks: set[asyncio.Task[None]] = set()

    def watch(
        self, job_id: str, api_key: str, request: GenerateImageRequest, base_url: str
    ) -> None:
        """Deliver the news of a new job when there are any."""
        wanted = request.get("webhookEvents", ["completed", "failed"])
        url = request["webhookUrl"]
        if urlsplit(url).hostname not in _LOCAL_HOSTS:
            self._note(job_id, "failed")
            return
        task = asyncio.create_task(self._follow(job_id, api_key, url, list(wanted), base_url))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Give up what is not delivered yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(
        self, job_id: str, api_key: str, url: str, wanted: list[str], base_url: str
    ) -> None:
        last = "QUEUED"
        delivered = True
        while last in ("QUEUED", "PROCESSING"):
            job = find_job(self._sandbox, job_id)
            if job is None:  # the sandbox was reset
                return
            now = self._sandbox.now_ms()
            status = job.status(now)
            if status == last:
                change = job.started_ms if status == "QUEUED" else job.finished_ms
                await asyncio.sleep(min(_LONGEST_NAP_SECONDS, max(0.001, (change - now) / 1000)))
                continue
            last = status
            event, news = _news(job, now, base_url)
            if event in wanted:
                delivered &= await self._deliver(url, api_key, event, news)
        self._note(job_id, "delivered" if delivered else "failed")

    async def _deliver(self, url: str, api_key: str, event: str, news: object) -> bool:
        import httpx

        body = json.dumps(news).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Webhook-Event": event,
            "X-Webhook-Signature": sign(body, api_key, self._sandbox.options.webhook_signature),
        }
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
            for _ in range(_TRIES):
                try:
                    answer = await client.post(url, content=body, headers=headers)
                except httpx.HTTPError:
                    continue
                if answer.is_success:
                    return True
        return False

    def _note(self, job_id: str, status: str) -> None:
        self._sandbox.state.execute(
            "UPDATE jobs SET webhook_status = ? WHERE id = ?", (status, job_id)
        )


def _news(job: JobRow, now: int, base_url: str) -> tuple[contract.WebhookEvent, dict[str, object]]:
    """Name and payload of the event that a status is (docs-v2.apiframe.ai, webhooks)."""
    shown = job.as_json(now, base_url)
    news: dict[str, object] = {"jobId": job.id, "status": shown["status"], "model": shown["model"]}
    event: contract.WebhookEvent
    fields: tuple[str, ...]
    match shown["status"]:
        case "COMPLETED":
            event = "completed"
            fields = ("progress", "result", "creditCost", "completedAt")
        case "PROCESSING":
            event, fields = "progress", ("progress",)
        case _:
            event, fields = "failed", ("error",)
    news |= {name: value for name, value in shown.items() if name in fields}
    return event, {"event": event, **news}
