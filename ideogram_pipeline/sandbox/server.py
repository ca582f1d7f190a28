"""The sandbox as a real HTTP server: in a thread of this process, or as the process's only job."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ideogram_pipeline.errors import ConfigurationError, PipelineError
from ideogram_pipeline.sandbox.app import create_app
from ideogram_pipeline.sandbox.envelope import TRANSPORT
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.state import State

_START_SECONDS = 30.0


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol; it shows the application its connection, so that faults can cut it."""

    # asyncio announces any transport; uvicorn, like this, serves only those that read and write.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


class _Server(uvicorn.Server):
    """Tells when it answers."""

    def __init__(self, config: uvicorn.Config, on_answering: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_answering = on_answering

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_answering()


class SandboxServer:
    """A sandbox on a port of 127.0.0.1, from entering the context until leaving it.

    Args:
        options: What to choose.
        state: An open state (which outlives the server), a file, or `None` for memory.
        port: The port; 0 takes a free one.
    """

    def __init__(
        self,
        options: SandboxOptions | None = None,
        state: State | Path | None = None,
        *,
        port: int = 0,
    ) -> None:
        self._options = options
        self._state = state
        self._port = port

    @property
    def url(self) -> str:
        """The base URL, such as `http://127.0.0.1:41234`; known once it is entered."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        """Start it; it answers when this returns.

        Raises:
            ConfigurationError: the port is taken.
            StorageError: the state file cannot be used.
        """
        listener = _listen("127.0.0.1", self._port)
        self._port = listener.getsockname()[1]
        answers = threading.Event()
        try:
            app = create_app(self._options, self._state)
            self._server = _Server(_config(app), answers.set)
        except BaseException:
            listener.close()
            raise
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [listener]},
            name="apiframe-sandbox",
            daemon=True,
        )
        self._thread.start()
        if not answers.wait(_START_SECONDS):
            raise PipelineError(f"The sandbox did not start within {_START_SECONDS:g} s.")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it and wait until it has."""
        self._server.should_exit = True
        self._thread.join()


def serve_forever(
    host: str,
    port: int,
    options: SandboxOptions,
    state: Path | None = None,
    *,
    on_listening: Callable[[str], None],
) -> None:
    """Serve until the process is interrupted.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        options: What to choose.
        state: A file that keeps the state, or `None` for memory.
        on_listening: Told the base URL as soon as it can be called.

    Raises:
        ConfigurationError: the port is taken, or the host is not one of this machine.
        StorageError: the state file cannot be used.
    """
    with _listen(host, port) as listener:
        url = f"http://{host}:{listener.getsockname()[1]}"
        # Not before: a signal that comes while it starts may stop it half.
        server = _Server(_config(create_app(options, state)), lambda: on_listening(url))
        # uvicorn shuts down in good order and then raises the signal again.
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        # The application sends a date of its own clock.
        date_header=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise ConfigurationError(
            f"The sandbox cannot listen on {host}:{port}: {error.strerror}."
            " Stop what uses the port, or choose another one with --port."
        ) from error
