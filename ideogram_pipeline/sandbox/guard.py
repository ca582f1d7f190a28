"""Before and after each API call: who calls, and which fault strikes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from ideogram_pipeline.sandbox.core import Refusal, Sandbox, refuse, too_many
from ideogram_pipeline.sandbox.envelope import ConnectionDropped
from ideogram_pipeline.sandbox.faults import Route, Strike
from ideogram_pipeline.sandbox.submission import note_key

_PAGE = (
    "<!DOCTYPE html><html><head><title>500</title></head><body>Internal Server Error</body></html>"
)
_UNAVAILABLE = "Service temporarily unavailable"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who an API key stands for: each key is a user of its own, all in one team."""

    key: str
    user: str
    """The user's id: the same for the same key, wherever and whenever."""

    @property
    def is_admin(self) -> bool:
        """Whether the user may see the whole team's jobs."""
        return "admin" in self.key


Handler = Callable[[Request, Caller], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def authenticate(sandbox: Sandbox, request: Request) -> Caller:
    """Who calls.

    Raises:
        Refusal: 401 without a key or with a wrong one, 403 with an inactive one.
    """
    key = request.headers.get("x-api-key")
    if not key:
        raise refuse(401, "API key is required")
    known = sandbox.options.keys
    if not key.startswith("afk_") or (known and key not in known):
        raise refuse(401, "Invalid API key")
    if "inactive" in key:
        raise refuse(403, "API key is inactive")
    return _caller(key)


@lru_cache
def _caller(key: str) -> Caller:
    return Caller(key, str(uuid.uuid5(uuid.NAMESPACE_URL, f"user:{key}")))


def guarded(sandbox: Sandbox, route: Route, handler: Handler) -> Endpoint:
    """An endpoint that asks for a key, and lets faults strike before and after ``handler``."""

    async def endpoint(request: Request) -> Response:
        caller = authenticate(sandbox, request)
        if route == "generate":
            note_key(sandbox, request.headers.get("idempotency-key"))
        strike = sandbox.faults.strike(route)
        if strike and strike.stage == "before":
            _strike_before(strike)
        answer = await handler(request, caller)
        return answer if strike is None else await _strike_after(strike, answer, sandbox)

    return endpoint


def _strike_before(strike: Strike) -> None:
    match strike.name:
        case "rate_limited" | "poll_rate_limited":
            raise too_many("Rate limit exceeded", 1.0 if strike.seconds is None else strike.seconds)
        case "html_500":
            raise Refusal(500, _PAGE)
        case "lost_before":
            raise ConnectionDropped
        case "upload_failed":
            raise refuse(502, "Upload to the CDN failed")
        case _:  # unavailable_before, poll_unavailable
            raise refuse(503, _UNAVAILABLE)


async def _strike_after(strike: Strike, answer: Response, sandbox: Sandbox) -> Response:
    match strike.name:
        case "lost_after":
            raise ConnectionDropped
        case "unavailable_after":
            raise refuse(503, _UNAVAILABLE)
        case "html_500_after":
            raise Refusal(500, _PAGE)
        case "truncated_json":
            half = bytes(answer.body)[: len(answer.body) // 2]
            return Response(half, answer.status_code, media_type="application/json")
        case _:  # slow; a fault of another stage never gets here
            usual = sandbox.options.slow_seconds
            await asyncio.sleep(usual if strike.seconds is None else strike.seconds)
            return answer


def answer_refusal(_request: Request, refusal: Exception) -> Response:
    """A refusal as an answer."""
    assert isinstance(refusal, Refusal)
    if isinstance(refusal.content, str):
        return HTMLResponse(refusal.content, refusal.status, refusal.headers)
    return JSONResponse(refusal.content, refusal.status, refusal.headers)
