"""From a completed job to a file in its place: the provider's bytes, whole, checked, on disk."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from functools import partial
from glob import escape
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
from ideogram_pipeline.files import make_folder
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.attempt import Attempt, StoredImage
from ideogram_pipeline.generation.batching import Batches
from ideogram_pipeline.generation.filing import Filed, Filing, hash_of
from ideogram_pipeline.generation.group_commit import GroupCommit
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.provider import Provider

TRIES = 5
FIRST_WAIT = 0.5
AT_A_TIME = 32
"""Files that are fetched side by side. A dead run may have left thousands; the time that a fetch
may take does not begin before its turn."""
GIVEN_UP_AFTER = timedelta(hours=72)
"""Age of a job at which a file or record that is not found is taken to be purged although nobody
says so. By the provider's newest contract it keeps files for 24 h, by older ones for months."""
MOST_PIXELS = 50_000_000
"""The largest picture of this model has one million; more is an attack or a mistake."""

_EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


class NotAPicture(Exception):
    """The downloaded file is not a whole PNG, JPEG or WebP picture."""


class Collector:
    """Files the pictures of completed jobs below ``folder``/images."""

    def __init__(
        self,
        provider: Provider,
        downloader: Downloader,
        commit: GroupCommit,
        filing: Batches[Filing, Filed],
        folder: Path,
    ) -> None:
        self._provider = provider
        self._downloader = downloader
        self._commit = commit
        self._filing = filing
        self._folder = folder
        self._incoming = folder / "images" / ".incoming"
        self._doors = asyncio.Semaphore(AT_A_TIME)
        try:
            make_folder(self._incoming)
        except OSError as error:
            raise StorageError(
                f"{self._incoming} cannot be made: {error.strerror or error}. Nothing new was "
                "bought; mend the folder or the disk and run again."
            ) from error

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
        salvaged = await self._salvage(attempt)
        if salvaged:
            return salvaged
        trouble: Exception | str = ""
        for tried in range(TRIES):
            if tried:
                await asyncio.sleep(FIRST_WAIT * 2**tried)
            try:
                if job is None or not job.result_urls:
                    job = await patiently(partial(self._provider.job, attempt.job_id or ""))
                if job.expired:
                    return await self.expire(attempt)
                if not job.result_urls:
                    trouble = "the provider names no file yet"
                    continue
                part = self._part(attempt)
                async with self._doors:
                    download = await self._downloader.fetch(job.result_urls[0], part)
                kept = await self._keep(attempt, part, download.sha256)
                self._doubtful(attempt).unlink(missing_ok=True)
                return kept
            except KeyRefused:
                raise
            except (HostNotAllowed, TooLarge) as error:
                trouble = error
                break
            except (NotAPicture, ProviderError) as error:
                trouble, job = error, None
        if isinstance(trouble, Gone | NotFound) and self.is_given_up(attempt):
            return await self.expire(attempt)
        return await self._commit(
            Journal.remark, attempt, f"paid and completed, but not fetched: {trouble}"
        )

    def is_given_up(self, attempt: Attempt) -> bool:
        """Whether what the provider does not find any more is so old that it was purged."""
        return self._provider.clock.now() - attempt.intended_at > GIVEN_UP_AFTER

    async def expire(self, attempt: Attempt) -> Attempt:
        """Close an attempt that was paid and whose picture is gone at the provider.

        Unless an earlier life has left a file of it that can be decoded.
        """
        part, doubtful = self._part(attempt), self._doubtful(attempt)
        if doubtful.exists():
            doubtful.replace(part)
            with suppress(NotAPicture):
                return await self._keep(attempt, part, await asyncio.to_thread(hash_of, part))
        when = "and deleted here" if attempt.sha256 else "before it was fetched"
        return await self._commit(
            Journal.close,
            attempt,
            schema.EXPIRED,
            f"paid ({attempt.credits} credits), and purged by the provider {when}",
        )

    def _part(self, attempt: Attempt) -> Path:
        return self._incoming / f"{attempt.idempotency_key}.part"

    def _doubtful(self, attempt: Attempt) -> Path:
        return self._part(attempt).with_suffix(".doubtful")

    async def _keep(self, attempt: Attempt, part: Path, sha256: str) -> Attempt:
        """Check a file that is wholly written and move it to its place, for good."""
        try:
            width, height, image_format = await asyncio.to_thread(inspect, part)
        except NotAPicture:
            part.unlink(missing_ok=True)
            raise
        # The hash first: by it alone a later life may take the file in its place for this one.
        attempt = await self._commit(Journal.note_content, attempt, sha256)
        filed = await self._filing.ask(Filing(part, self._usual_place(attempt, image_format)))
        path = filed.place.relative_to(self._folder).as_posix()
        stored = StoredImage(path, sha256, filed.bytes, width, height, image_format.lower())
        return await self._commit(Journal.store, attempt, stored)

    def _usual_place(self, attempt: Attempt, image_format: str) -> Path:
        return self._folder / "images" / attempt.file_name(_EXTENSIONS[image_format])

    def _taken_places(self, attempt: Attempt, image_format: str) -> list[Path]:
        usual = self._usual_place(attempt, image_format)
        return sorted(usual.parent.glob(f"{escape(usual.stem)}*{usual.suffix}"))

    async def _salvage(self, attempt: Attempt) -> Attempt | None:
        """Adopt what an earlier life has put on the disk, but not into the journal."""
        part = self._part(attempt)
        if part.exists():
            found = await asyncio.to_thread(hash_of, part)
            # Before its hash is noted, a power cut may have torn it. A PNG would tell; any other
            # is fetched once more, and only taken if that is not to be had.
            if attempt.sha256 is None and not _has_checksums(part):
                part.replace(self._doubtful(attempt))
            elif attempt.sha256 in (None, found):
                with suppress(NotAPicture):
                    return await self._keep(attempt, part, found)
            part.unlink(missing_ok=True)
        if attempt.sha256 is None:
            return None
        for image_format in _EXTENSIONS:
            for place in self._taken_places(attempt, image_format):
                if await asyncio.to_thread(hash_of, place) == attempt.sha256:
                    # Renamed already; through the other door once more, so that its name is synced.
                    place.replace(part)
                    return await self._keep(attempt, part, attempt.sha256)
        return None


def _has_checksums(path: Path) -> bool:
    """Whether decoding a picture finds any damage; that of a JPEG or WebP overlooks some."""
    with path.open("rb") as content:
        return content.read(8) == b"\x89PNG\r\n\x1a\n"


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
            # Cameras' several-frame JPEGs are JPEG to everybody but Pillow.
            image_format = "JPEG" if image.format == "MPO" else str(image.format)
            return image.width, image.height, image_format
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NotAPicture(f"the file is not a whole picture: {error}") from None
