"""A TCP server that answers by script, for what a well-behaved server would never do."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from pydantic import SecretStr

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.transport import Timeouts

CANARY = "afk_canary_0123456789abcdef"
JOB = "6f1c1d4e-8a53-4d0f-9a5b-0c8f2f7f4b11"
QUICK = Timeouts(connect=2.0, read=0.15, total=0.4)


def http(status: int, body: bytes | object = b"", **headers: str) -> bytes:
    """A whole HTTP/1.1 answer; anything but bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"content-length": str(len(content))}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status} Scripted\r\n{head}\r\n".encode() + content


@dataclass(frozen=True)
class Step:
    """What happens to one request."""

    send: bytes = b""
    then: Literal["keep", "close", "reset", "idle", "hang", "drip"] = "keep"
    """``idle`` and ``hang`` both do nothing more; after ``hang`` and ``drip`` only the client's
    limits of time can end the exchange."""
    read_body: bool = True


class ScriptedServer:
    """Answers request after request by its steps, the last one again and again."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.requests: list[bytes] = []
        """Head and body of each request as it came."""
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1000)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while await self._answer(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        body = await _body(head, reader) if step.read_body else b""
        self.requests.append(head + body)
        writer.write(step.send)
        await writer.drain()
        if step.then in ("idle", "hang"):
            await self._stopping.wait()
        while step.then == "drip":
            writer.write(b" ")
            await asyncio.sleep(0.02)
        if step.then == "reset":
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        return step.then == "keep"


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    return await reader.readexactly(int(fields.get(b"content-length", b"0")))


def timeouts(*steps: Step) -> Timeouts:
    """Short limits only where they are to strike, so that a busy machine changes no result."""
    return QUICK if any(step.then in ("hang", "drip") for step in steps) else Timeouts()


def client(url: str, *steps: Step) -> ApiframeClient:
    """A client with the canary as its key, for a server with these steps."""
    return ApiframeClient(base_url=url, api_key=SecretStr(CANARY), timeouts=timeouts(*steps))


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
