"""The one door to the provider's API: each method makes one request.

Nothing here tries again: a submit that is tried again without thought is paid again, and for the
rest the engine's loops know best when to ask. (aiohttp asks a GET once more by itself if the kept
connection had died, never a POST.) ``retrying.patiently`` is for one-off questions.
"""

from __future__ import annotations

import asyncio
import re
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from ideogram_pipeline.apiframe import answers, decoding
from ideogram_pipeline.apiframe.answers import Answer, NoAnswer
from ideogram_pipeline.apiframe.clock import ProviderClock
from ideogram_pipeline.apiframe.errors import Malformed
from ideogram_pipeline.apiframe.limits import JOBS_PAGE_MAX
from ideogram_pipeline.apiframe.model import (
    MODEL,
    Account,
    Job,
    JobPage,
    SubmitOutcome,
    Upload,
)
from ideogram_pipeline.apiframe.transport import (
    Connection,
    Timeouts,
    explain,
    never_left,
)
from ideogram_pipeline.errors import ConfigurationError

_MOST_BYTES: Final = 32 * 1024 * 1024
"""Of one JSON answer; a page of 100 jobs has some hundred kilobytes."""

_TIMEOUTS = Timeouts()


class ApiframeClient:
    """A connection to the API for one key; use it as ``async with``.

    Args:
        base_url: Where the API is, such as ``https://api.apiframe.ai``.
        api_key: Sent to that host only, in ``X-API-Key``; in no ``repr``, message or exception.
        timeouts: In seconds, for each request.
        transport: Another transport, for tests.

    Raises:
        ConfigurationError: If the key cannot be a header, or the address holds a password.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: SecretStr,
        timeouts: Timeouts = _TIMEOUTS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        if not _fits_a_header(api_key):
            raise ConfigurationError(
                "APIFRAME_API_KEY: is empty or holds spaces, line ends or letters that a key "
                "cannot have. Copy the key again."
            )
        if httpx.URL(base_url).userinfo:
            raise ConfigurationError("APIFRAME_BASE_URL: must not hold a user name or password.")
        self.clock = ProviderClock()
        """The provider's time, as its answers tell it."""
        self._key = api_key
        self._timeouts = timeouts
        self._http = Connection(
            headers={
                "X-API-Key": api_key.get_secret_value(),
                "Accept-Encoding": "gzip, deflate",
            },
            timeouts=timeouts,
            transport=transport,
        )
        self._generate = httpx.URL(f"{self.base_url}/v2/images/generate")

    def __repr__(self) -> str:
        return f"ApiframeClient(base_url={self.base_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def submit(self, body: bytes, *, idempotency_key: str) -> SubmitOutcome:
        """Send one paid request, once, and say what is known about the money.

        Args:
            body: The JSON to send, byte for byte as the journal has it.
            idempotency_key: At most 255 characters; within 24 h the provider answers the same key
                and body with the job that it already has.

        Never raises for anything that the network or the server does.
        """
        return answers.outcome(
            await self._exchange(
                "POST",
                self._generate,
                content=body,
                headers={"Content-Type": "application/json", "Idempotency-Key": idempotency_key},
            )
        )

    async def job(self, job_id: str) -> Job:
        """A job with its ``input``.

        Raises:
            NotFound: No such job, or another account's.
            ProviderError: As ``apiframe.errors`` sorts them; so do all methods below.
        """
        if decoding.job_id(job_id) is None:
            raise Malformed(f"Not a job id: {job_id!r:.80}")
        return decoding.decode_job(await self._ask("GET", f"/v2/jobs/{quote(job_id, safe='')}"))

    async def jobs(self, *, cursor: str | None = None, status: str | None = None) -> JobPage:
        """One page of the account's jobs of this model, newest first, without their ``input``.

        Args:
            cursor: ``next_cursor`` of the page before.
            status: The only status to list, such as ``COMPLETED``; ``None`` for all.
        """
        params = {"model": MODEL, "limit": str(JOBS_PAGE_MAX)}
        if cursor is not None:
            params["cursor"] = cursor
        if status is not None:
            params["status"] = status
        return decoding.decode_page(await self._ask("GET", "/v2/jobs", params=params))

    async def account(self) -> Account:
        """Whose key it is, and the balance of its team in credits."""
        return decoding.decode_account(await self._ask("GET", "/v2/me"))

    async def price_range(self) -> tuple[float, float] | None:
        """Least and most credits of one picture in the public price list, where it tells them."""
        return decoding.decode_price_range(await self._ask("GET", "/v2/models"))

    async def upload(self, content: bytes, *, filename: str, content_type: str) -> Upload:
        """Hand over an input picture; free of charge, and gone again after an hour or two."""
        files = {"file": (filename, content, content_type)}
        return decoding.decode_upload(await self._ask("POST", "/v2/uploads", files=files))

    async def _ask(self, method: str, path: str, **request: Any) -> Any:
        """The JSON of a 2xx answer; everything else is raised.

        Raised here, where no exception is being handled, so that the error's chain does not reach
        the request and its headers.
        """
        exchange = await self._exchange(method, self.base_url + path, **request)
        if isinstance(exchange, Answer) and 200 <= exchange.status < 300:
            try:
                return exchange.json()
            except ValueError:
                pass
        raise answers.error(exchange, base_url=self.base_url)

    async def _exchange(
        self, method: str, url: httpx.URL | str, **request: Any
    ) -> Answer | NoAnswer:
        """One request and whatever came back, in time or not; raises nothing of the network's."""
        answer: httpx.Response | None = None
        body: bytes | None = None
        trouble, unsent = "", False
        try:
            async with asyncio.timeout(self._timeouts.total):
                answer = await self._http.send(method, url, **request)
                self.clock.observe(answer.headers.get("date"))
                body = await _read(answer)
        except Exception as error:
            # Not a list of classes: aiohttp lets some through that httpx-aiohttp does not map, and
            # whichever it is, the request may have left, and that is all that matters.
            trouble, unsent = explain(error), never_left(error)
        trouble = trouble.replace(self._key.get_secret_value(), "[key]")
        if answer is None:
            return NoAnswer(trouble, unsent)
        if body is not None:
            body = body.replace(self._key.get_secret_value().encode(), b"[key]")
        return Answer(answer.status_code, answer.headers, body, self.clock.now(), trouble)


def _fits_a_header(api_key: SecretStr) -> bool:
    return re.fullmatch(r"[!-~]+", api_key.get_secret_value()) is not None


async def _read(answer: httpx.Response) -> bytes:
    body = bytearray()
    try:
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise ValueError(f"more than {_MOST_BYTES} bytes")
    finally:
        await answer.aclose()
    return bytes(body)
