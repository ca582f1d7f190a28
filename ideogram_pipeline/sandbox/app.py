"""The sandbox as an ASGI application, for a server or, in tests, in process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ideogram_pipeline.sandbox.api import api_routes
from ideogram_pipeline.sandbox.cdn import cdn_routes
from ideogram_pipeline.sandbox.control import control_routes
from ideogram_pipeline.sandbox.core import Refusal, Sandbox
from ideogram_pipeline.sandbox.envelope import Envelope
from ideogram_pipeline.sandbox.guard import answer_refusal
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.state import State
from ideogram_pipeline.sandbox.webhooks import Webhooks


def create_app(
    options: SandboxOptions | None = None, state: State | Path | None = None
) -> Starlette:
    """Put a sandbox together.

    In process (`httpx.ASGITransport`) a dropped connection raises `httpx.ReadError`.

    Args:
        options: What to choose; the defaults are a provider without faults.
        state: An open state, which stays the caller's to close; or a file, or `None` for one in
            memory, which the application closes when it is shut down.

    Raises:
        StorageError: when the state file cannot be used.
    """
    owned = not isinstance(state, State)
    opened = state if isinstance(state, State) else State(state)
    sandbox = Sandbox(options or SandboxOptions(), opened)
    webhooks = Webhooks(sandbox)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await webhooks.stop()
        if owned:
            opened.close()

    app = Starlette(
        routes=[
            *api_routes(sandbox, webhooks),
            *cdn_routes(sandbox),
            *control_routes(sandbox),
        ],
        middleware=[Middleware(Envelope, sandbox=sandbox)],
        exception_handlers={Refusal: answer_refusal, HTTPException: _answer_http_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _answer_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
