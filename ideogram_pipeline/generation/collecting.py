"""From a completed job to a file in its place: the provider's bytes, whole, checked, on disk."""

from __future__ import annotations

import asyncio
import hashlib
import os
from datetime import timedelta
from functools import partial
from pathlib import Path

from PIL import Image

from ideogram_pipeline.apiframe.download import Downloader
from ideogram_pipeline.apiframe.errors import (
    Gone,
    HostNotAllowed,
    KeyRefused,
    NotFound,
    ProviderError,
    TooLarge,
)
from ideogram_pipeline.apiframe.model import Job
from ideogram_pipeline.apiframe.retrying import patiently
from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.attempt import Attempt, StoredImage
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.provider import Provider

TRIES = 5
FIRST_WAIT = 0.5
RETENTION = timedelta(hours=24)
"""How long the provider keeps a file, by its newest contract, counted from the job's creation."""
MOST_PIXELS = 50_000_000
"""The largest picture of this model has one million; more is an attack or a mistake."""

_EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


class NotAPicture(Exception):
    """The downloaded file is not a whole PNG, JPEG or WebP picture."""


class Collector:
    """Files the pictures of completed jobs below ``folder``/images."""

    def __init__(
        self, provider: Provider, downloader: Downloader, journal: Journal, folder: Path
    ) -> None:
        self._provider = provider
        self._downloader = downloader
        self._journal = journal
        self._folder = folder
        self._incoming = folder / "images" / ".incoming"
        self._incoming.mkdir(parents=True, exist_ok=True)

    async def collect(self, attempt: Attempt, job: Job | None) -> Attempt:
        """Fetch, check and file the picture of a completed attempt.

        Args:
            attempt: In state ``completed``.
            job: As just seen; ``None`` asks the provider, since addresses may have changed.

        Returns:
            The attempt as ``stored`` or ``expired``; or still ``completed`` when the file cannot
            be had now. The next run tries again; it is never bought again.

        Raises:
            StorageError: The disk does not take the file.
            ProviderError: The key is refused.
        """
        salvaged = await asyncio.to_thread(self._salvage, attempt)
        if salvaged:
            return self._journal.store(attempt, salvaged)
        trouble: Exception | str = ""
        for tried in range(TRIES):
            if tried:
                await asyncio.sleep(FIRST_WAIT * 2**tried)
            try:
                if job is None or not job.result_urls:
                    job = await patiently(partial(self._provider.job, attempt.job_id or ""))
                if job.expired:
                    return self._expire(attempt)
                if not job.result_urls:
                    trouble = "the provider names no file yet"
                    continue
                return self._journal.store(attempt, await self._fetch(attempt, job.result_urls[0]))
            except KeyRefused:
                raise
            except (HostNotAllowed, TooLarge) as error:
                trouble = error
                break
            except (NotAPicture, ProviderError) as error:
                trouble, job = error, None
        age = self._provider.clock.now() - attempt.intended_at
        if isinstance(trouble, Gone | NotFound) and age > RETENTION:
            return self._expire(attempt)
        return self._journal.remark(attempt, f"paid and completed, but not fetched: {trouble}")

    def _expire(self, attempt: Attempt) -> Attempt:
        return self._journal.close(
            attempt,
            schema.EXPIRED,
            f"paid ({attempt.credits} credits), and purged by the provider before it was fetched",
        )

    async def _fetch(self, attempt: Attempt, url: str) -> StoredImage:
        part = self._part(attempt)
        download = await self._downloader.fetch(url, part)
        return await asyncio.to_thread(self._file, attempt, part, download.sha256)

    def _part(self, attempt: Attempt) -> Path:
        return self._incoming / f"{attempt.idempotency_key}.part"

    def _target(self, attempt: Attempt, image_format: str) -> Path:
        return self._folder / "images" / attempt.file_name(_EXTENSIONS[image_format])

    def _file(self, attempt: Attempt, part: Path, sha256: str) -> StoredImage:
        """Check a file that is wholly on the disk and move it to its place, for good."""
        try:
            width, height, image_format = inspect(part)
        except NotAPicture:
            part.unlink(missing_ok=True)
            raise
        target = self._target(attempt, image_format)
        if target.exists():
            # Of a journal that was lost: what was paid for is never written over.
            target = target.with_stem(f"{target.stem}-{attempt.job_id}")
        try:
            size = part.stat().st_size
            _make_folder(target.parent)
            part.replace(target)
            _sync(target.parent)
        except OSError as error:
            raise StorageError(
                f"{target} cannot be written: {error.strerror or error}. The picture is paid and "
                "kept; mend the folder or the disk and run again."
            ) from error
        path = target.relative_to(self._folder).as_posix()
        return StoredImage(path, sha256, size, width, height, image_format.lower())

    def _salvage(self, attempt: Attempt) -> StoredImage | None:
        """Adopt what an earlier life has put on the disk, but not into the journal."""
        part = self._part(attempt)
        places = [self._target(attempt, kind) for kind in _EXTENSIONS] if attempt.epoch > 1 else []
        for found in (*places, part):
            if not found.exists():
                continue
            try:
                inspect(found)
            except NotAPicture:
                found.unlink()
                continue
            _sync(found)
            if found != part:
                found.replace(part)
            return self._file(attempt, part, hashlib.sha256(part.read_bytes()).hexdigest())
        return None


def inspect(path: Path) -> tuple[int, int, str]:
    """Decode a picture to the end.

    Returns:
        Width and height in pixels, and the format: ``PNG``, ``JPEG`` or ``WEBP``.

    Raises:
        NotAPicture: It is something else, or not whole.
    """
    formats = tuple(_EXTENSIONS)
    try:
        with Image.open(path, formats=formats) as image:
            image.verify()  # load() forgives a missing end of a PNG and compares no checksums
        with Image.open(path, formats=formats) as image:
            if image.width * image.height > MOST_PIXELS:
                raise NotAPicture(f"{image.width}x{image.height} pixels are more than allowed")
            image.load()
            return image.width, image.height, str(image.format)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NotAPicture(f"the file is not a whole picture: {error}") from None


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _sync(path: Path) -> None:
    """Make the content of a file, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
