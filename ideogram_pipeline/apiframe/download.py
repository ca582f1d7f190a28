"""Fetching result files: without the key, from allowed hosts, bounded in bytes and time."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
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
_BLOCK_BYTES: Final = 256 * 1024
"""What is written at a time; so much of each file that is being fetched is kept in memory."""

_TIMEOUTS = Timeouts(total=180.0)


@dataclass(frozen=True, slots=True)
class Download:
    """A file as it arrived; it is not forced to the disk yet."""

    sha256: str
    bytes: int


class Downloader:
    """A connection of its own for result files, that has never seen the key; use ``async with``.

    Args:
        base_url: Where the API is; its own host may serve results as well.
        extra_hosts: More hosts, as ``AllowedHosts.of`` takes them.
        timeouts: In seconds; ``total`` is for one file with all its redirects.
        disk: Threads that write files, since to make one may take as long as an fsync; by default
            those of the event loop.
        transport: Another transport, for tests.

    Raises:
        ConfigurationError: If a host is not one.
    """

    def __init__(
        self,
        *,
        base_url: str,
        extra_hosts: Iterable[str] = (),
        timeouts: Timeouts = _TIMEOUTS,
        disk: Executor | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._disk = disk
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
        """Stream ``url`` into the new file ``destination``; to have it last is the caller's part.

        Whatever goes wrong, cancellation too, no file is left behind.

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
                    return await self._save(answer, destination, max_bytes)
                url = urljoin(url, answer.headers["location"])
        raise ProviderError(f"More than {MOST_REDIRECTS} redirects, the last to {_shown(url)}")

    async def _save(self, answer: httpx.Response, destination: Path, max_bytes: int) -> Download:
        shown = _shown(str(answer.url))
        length = answer.headers.get("content-length", "")
        announced = int(length) if length.isascii() and length.isdigit() else None
        if announced is not None and announced > max_bytes:
            raise TooLarge(f"{shown} has {announced} bytes, more than the {max_bytes} allowed.")
        file = _File(destination)
        size, block = 0, bytearray()
        loop = asyncio.get_running_loop()
        try:
            async for chunk in answer.aiter_bytes():
                size += len(chunk)
                if size > max_bytes:
                    raise TooLarge(f"{shown} has more than the {max_bytes} bytes allowed.")
                block += chunk
                if len(block) >= _BLOCK_BYTES:
                    await loop.run_in_executor(self._disk, file.write, block)
                    block = bytearray()
            if size == 0 or (announced is not None and answer.num_bytes_downloaded != announced):
                raise Transient(f"{shown} broke off after {size} bytes.")
            await loop.run_in_executor(self._disk, file.finish, block)
        except BaseException:
            file.discard()
            raise
        return Download(file.digest.hexdigest(), size)


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


class _File:
    """A file that is being written, in threads: to make one may take as long as an fsync."""

    def __init__(self, path: Path) -> None:
        self.digest = hashlib.sha256()
        self._path = path
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        self._is_discarded = False

    def write(self, block: bytes | bytearray) -> None:
        """Add to the file, which is made with the first block."""
        with self._lock:
            if self._is_discarded:
                return
            with _writing(self._path):
                if self._file is None:
                    self._file = _create(self._path)
                self._file.write(block)
            self.digest.update(block)

    def finish(self, block: bytes | bytearray) -> None:
        """Add the last block."""
        self.write(block)
        with self._lock, _writing(self._path):
            if self._file is not None:
                self._file.close()

    def discard(self) -> None:
        """Remove what was written, even while a thread is at it for a task that was cancelled."""
        with self._lock:
            self._is_discarded = True
            if self._file is None:
                return
            with contextlib.suppress(OSError):
                self._file.close()
            with contextlib.suppress(OSError):
                self._path.unlink()


def _create(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o666), "wb")


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
