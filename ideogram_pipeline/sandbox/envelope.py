"""Around every answer: the clock's `Date`, a request id, the count, and dropped connections."""

from __future__ import annotations

import logging
import secrets
from email.utils import formatdate
from functools import lru_cache

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ideogram_pipeline.sandbox.core import Sandbox

TRANSPORT = "sandbox_transport"
"""Name in the ASGI state under which the server's protocol hands over the connection."""

_log = logging.getLogger(__name__)
_NAMED = {
    "/v2/images/generate": "generate",
    "/v2/jobs": "jobs",
    "/v2/me": "me",
    "/v2/models": "models",
    "/v2/uploads": "uploads",
}
_PREFIXED = {"/v2/jobs/": "job", "/cdn/images/": "picture", "/cdn/uploads/": "upload"}


class ConnectionDropped(Exception):
    """Raised by a handler to end the connection here and now, with no (more) answer."""


def route_of(path: str) -> str:
    """The name under which requests for ``path`` are counted."""
    if path in _NAMED:
        return _NAMED[path]
    for prefix, name in _PREFIXED.items():
        if path.startswith(prefix):
            return name
    return "other"


class Envelope:
    """ASGI middleware around the whole sandbox."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self._app = app
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; only the provider's own routes are counted."""
        if scope["type"] != "http" or scope["path"].startswith("/sandbox/"):
            await self._app(scope, receive, send)
            return
        started = False

        async def send_enveloped(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._count(scope, str(message["status"]))
                message["headers"] += [
                    (b"date", _http_date(self._sandbox.now_ms() // 1000)),
                    (b"x-request-id", f"req_{secrets.token_hex(8)}".encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_enveloped)
        except ConnectionDropped:
            if not started:
                self._count(scope, "lost")
            await _drop(scope, receive)
        except ClientDisconnect:
            # The client has died within its request: nothing has happened, and nobody listens.
            self._count(scope, "lost")
        except Exception:
            # The last resort of any server. The error goes on to whoever runs the app.
            if not started:
                _log.exception("the sandbox failed on %s", scope["path"])
                answer = JSONResponse({"error": "Internal server error"}, 500)
                await answer(scope, receive, send_enveloped)
            raise

    def _count(self, scope: Scope, status: str) -> None:
        self._sandbox.state.execute(
            "INSERT INTO requests VALUES (?, ?, 1)"
            " ON CONFLICT (route, status) DO UPDATE SET number = number + 1",
            (route_of(scope["path"]), status),
        )


@lru_cache(maxsize=16)
def _http_date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode()


async def _drop(scope: Scope, receive: Receive) -> None:
    transport = scope.get("state", {}).get(TRANSPORT)
    if transport is None:
        # In process there is no connection: the client's transport raises what it would have seen.
        import httpx

        raise httpx.ReadError("the sandbox dropped the connection")
    # What was written still arrives; what was announced and not written never does.
    transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
