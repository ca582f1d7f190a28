"""The connection under the client and the downloader: aiohttp's, behind httpx's interface.

aiohttp needs a fraction of the CPU of httpx's own transport when many requests are in flight. It
never sends a POST a second time by itself (it does so once for idempotent methods whose
kept connection had died), and the session here keeps no cookies and reads neither proxies nor
``netrc`` from the environment, so that a key travels to the named host only. ``SSL_CERT_FILE`` is
honoured.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from ideogram_pipeline.apiframe.decoding import one_line

KEEP_ALIVE: Final = 4.0
"""Seconds that an idle connection is kept: less than the 5 s after which common servers close
theirs, because a POST that meets such a closing has an unknown outcome."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Most seconds for each part of one exchange, and for the whole of it."""

    connect: float = 10.0
    read: float = 60.0
    """Without a single byte arriving."""
    pool: float = 20.0
    """To get a connection, making one included."""
    total: float = 90.0
    """From the first step to the last byte: neither a body that trickles nor an upload that nobody
    reads, for which aiohttp has no limit, may hang for ever."""

    def for_httpx(self) -> httpx.Timeout:
        """The parts that httpx knows; ``total`` is kept by whoever makes the call."""
        return httpx.Timeout(self.total, connect=self.connect, read=self.read, pool=self.pool)


class Connection:
    """What a client of one host, or a downloader, sends its requests through.

    Not ``httpx.AsyncClient``: what that does besides (redirects, which would carry the key along,
    cookies, proxies, credentials of ``netrc``) must not happen here, and to find out that there is
    nothing of it to do costs it almost half of what a request takes.
    """

    def __init__(
        self,
        *,
        headers: Mapping[str, str],
        timeouts: Timeouts,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Make a connection.

        Args:
            headers: Sent with every request.
            timeouts: In seconds; ``total`` is kept by whoever makes the call.
            transport: Another transport, for tests.
        """
        self._headers = {"Accept": "*/*", "User-Agent": "ideogram-pipeline", **headers}
        self._extensions = {"timeout": timeouts.for_httpx().as_dict()}
        self._transport = transport or open_transport()

    async def send(
        self, method: str, url: httpx.URL | str, *, headers: Mapping[str, str] = {}, **parts: Any
    ) -> httpx.Response:
        """Send one request; the body of the answer is still to be read, and to be closed.

        Args:
            method: Such as ``GET``.
            url: Whole, with host.
            headers: Besides those of every request.
            parts: ``params``, ``content`` or ``files``, as ``httpx.Request`` takes them.

        Raises:
            Exception: Whatever the network does, see ``never_left`` and ``explain``.
        """
        request = httpx.Request(
            method, url, headers={**self._headers, **headers}, extensions=self._extensions, **parts
        )
        answer = await self._transport.handle_async_request(request)
        answer.request = request
        return answer

    async def aclose(self) -> None:
        """Close what is kept open."""
        await self._transport.aclose()


@functools.cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the authorities takes tens of milliseconds."""
    return httpx.create_ssl_context()


def open_transport() -> httpx.AsyncBaseTransport:
    """A transport without a limit of its own on connections; callers bound what is in flight."""
    context = _tls()

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=context, keepalive_timeout=KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    return AiohttpTransport(verify=context, client=session)


def never_left(error: BaseException) -> bool:
    """Whether ``error`` proves that not a byte of the request was sent.

    The name of the httpx exception does not say: httpx-aiohttp 0.1 turns *every* aiohttp
    ``ClientConnectionError``, a reset while waiting for the answer among them, into
    ``httpx.ConnectTimeout``. aiohttp's own classes do say, and the mapping keeps them as the
    cause: its connector alone raises the two named here, and it works before anything is written.
    """
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientError):
        return isinstance(cause, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError))
    return isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))


def explain(error: Exception) -> str:
    """What went wrong on the way, in one line for people."""
    mapped = isinstance(error.__cause__, aiohttp.ClientError)
    cause = error.__cause__ if mapped else error
    if isinstance(cause, aiohttp.ConnectionTimeoutError | httpx.ConnectTimeout):
        return "no connection in time"
    if isinstance(cause, TimeoutError | httpx.TimeoutException):
        return "no whole answer in time"
    if isinstance(cause, aiohttp.ClientConnectorError):
        return f"no connection ({one_line(str(cause.os_error))})"
    # Its own text would repeat the address, whose query may hold a signature.
    said = cause.message if isinstance(cause, aiohttp.ClientResponseError) else str(cause)
    return f"{type(cause).__name__}: {one_line(said)}"
