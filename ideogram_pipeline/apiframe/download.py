"""Fetching result files: without the key, from allowed hosts, bounded in bytes and time."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self
from urllib.parse import urljoin

import httpx

from ideogram_pipeline.apiframe.errors import Gone, ProviderError, TooLarge, Transient, Unreachable
from ideogram_pipeline.apiframe.hosts import AllowedHosts
from ideogram_pipeline.apiframe.retry_after import retry_after
from ideogram_pipeline.apiframe.transport import (
    Connection,
    Timeouts,
    explain,
    never_left,
)
from ideogram_pipeline.errors import PipelineError, StorageError

MOST_REDIRECTS: Final = 5
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of one result; a picture of this model has about 2 MB."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file as it arrived and as it now lies on the disk, fsynced."""

    sha256: str
    bytes: int


class Downloader:
    """A connection of its own for result files, that has never seen the key; use ``async with``.

    Args:
        base_url: Where the API is; its own host may serve results as well.
        extra_hosts: More hosts, as ``AllowedHosts.of`` takes them.
        timeouts: In seconds; ``total`` is for one file with all its redirects.
        transport: Another transport, for tests.

    Raises:
        ConfigurationError: If a host is not one.
    """

    def __init__(
        self,
        *,
        base_url: str,
        extra_hosts: Iterable[str] = (),
        timeouts: Timeouts = Timeouts(total=180.0),  # noqa: B008 (frozen)
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._hosts = AllowedHosts.of(base_url, extra_hosts)
        self._timeouts = timeouts
        self._http = Connection(
            headers={"Accept-Encoding": "identity"}, timeouts=timeouts, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def fetch(self, url: str, destination: Path, *, max_bytes: int = MOST_BYTES) -> Download:
        """Stream ``url`` into the new file ``destination`` and fsync it.

        The folder is not fsynced and nothing is renamed; whatever goes wrong, cancellation too, no
        file is left behind.

        Args:
            url: An address from a job's result.
            destination: Must not exist.
            max_bytes: Most bytes of the content.

        Raises:
            HostNotAllowed: For ``url`` or a redirect of it; nothing was asked of that host.
            Gone: 404 or 410.
            TooLarge: Announced or sent more than ``max_bytes``.
            Transient: 429, 5xx, a timeout, a broken or short body; ``Unreachable`` without a
                connection.
            ProviderError: Any other status, or too many redirects.
            StorageError: The file cannot be made or written.
        """
        try:
            async with asyncio.timeout(self._timeouts.total):
                return await self._follow(url, destination, max_bytes)
        except PipelineError:
            raise
        except Exception as error:
            # As in the client: some errors of aiohttp arrive unmapped. All are the network's.
            kind = Unreachable if never_left(error) else Transient
            raise kind(f"Cannot fetch {_shown(url)}: {explain(error)}") from None

    async def _follow(self, url: str, destination: Path, max_bytes: int) -> Download:
        for _ in range(1 + MOST_REDIRECTS):
            self._hosts.check(url)
            answer = await self._http.send("GET", url)
            async with contextlib.aclosing(answer):
                if not answer.has_redirect_location:
                    _check_status(answer)
                    return await _save(answer, destination, max_bytes)
                url = urljoin(url, answer.headers["location"])
        raise ProviderError(f"More than {MOST_REDIRECTS} redirects, the last to {_shown(url)}")


def _check_status(answer: httpx.Response) -> None:
    status = answer.status_code
    if status == 200:
        return
    message = f"HTTP {status} for {_shown(str(answer.url))}"
    kind: type[ProviderError] = ProviderError
    if status in (404, 410):
        kind, message = Gone, f"{message}: the provider no longer has this file."
    elif status in (408, 425, 429) or status >= 500:
        kind = Transient
    raise kind(
        message,
        request_id=answer.headers.get("x-request-id"),
        retry_after=retry_after(answer.headers, now=datetime.now(UTC)),
    )


async def _save(answer: httpx.Response, destination: Path, max_bytes: int) -> Download:
    shown = _shown(str(answer.url))
    length = answer.headers.get("content-length", "")
    announced = int(length) if length.isascii() and length.isdigit() else None
    if announced is not None and announced > max_bytes:
        raise TooLarge(f"{shown} has {announced} bytes, more than the {max_bytes} allowed.")
    digest, size = hashlib.sha256(), 0
    with _writing(destination):
        file = _create(destination)
    try:
        async for chunk in answer.aiter_bytes():
            size += len(chunk)
            if size > max_bytes:
                raise TooLarge(f"{shown} has more than the {max_bytes} bytes allowed.")
            digest.update(chunk)
            with _writing(destination):
                file.write(chunk)
        if size == 0 or (announced is not None and answer.num_bytes_downloaded != announced):
            raise Transient(f"{shown} broke off after {size} bytes.")
        with _writing(destination):
            # In a thread: with many downloads at once, a slow disk must not hold up the others.
            await asyncio.to_thread(_sync, file)
            file.close()
    except BaseException:
        with contextlib.suppress(OSError):
            file.close()
        with contextlib.suppress(OSError):
            destination.unlink()
        raise
    return Download(digest.hexdigest(), size)


def _create(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o666), "wb")


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"Cannot write {path}: {error.strerror or error}. The picture is paid and still at "
            "the provider; mend the folder or the disk and run again."
        ) from error


def _shown(url: str) -> str:
    """An address for messages: without its query, which may hold a signature."""
    return url.partition("?")[0][:300]
