"""Input pictures at the provider: uploaded once for each content while the address lives."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

from ideogram_pipeline.catalog.model import Picture
from ideogram_pipeline.errors import CatalogError
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.provider import Provider
from ideogram_pipeline.planning.model import PlannedImage

LIFE = timedelta(hours=1)
"""How long an upload is taken to live when the provider does not say ("~1-2 h", its OpenAPI)."""
MARGIN = timedelta(minutes=15)
"""Life that must be left, so that a queued job still finds its input."""


class References:
    """Addresses of input pictures, by the SHA-256 of their content."""

    def __init__(self, provider: Provider, journal: Journal) -> None:
        self._provider = provider
        self._journal = journal
        self._one_at_a_time: dict[str, asyncio.Lock] = {}

    async def urls(self, planned: PlannedImage) -> dict[str, str]:
        """Make every input of ``planned`` available and return its addresses.

        Raises:
            CatalogError: A file has changed since the catalog was read.
            ProviderError: The provider does not take the upload.
        """
        pictures = [planned.reference, planned.image, planned.mask]
        return {p.sha256: await self._url(p) for p in pictures if p is not None}

    def forget(self, planned: PlannedImage) -> None:
        """Upload the inputs of ``planned`` anew next time; a failed job may have missed them."""
        pictures = [planned.reference, planned.image, planned.mask]
        contents = [picture.sha256 for picture in pictures if picture is not None]
        self._journal.forget_uploads(self._provider.base_url, contents)

    async def _url(self, picture: Picture) -> str:
        # Others wait for the first upload of the same content instead of repeating it.
        async with self._one_at_a_time.setdefault(picture.sha256, asyncio.Lock()):
            now = self._provider.clock.now()
            base_url = self._provider.base_url
            known = self._journal.upload_url(base_url, picture.sha256, alive_at=now + MARGIN)
            if known:
                return known
            content = await asyncio.to_thread(_read, picture)
            upload = await self._provider.upload(
                content, filename=picture.path.name, content_type=f"image/{picture.format}"
            )
            expires_at = upload.expires_at or now + LIFE
            self._journal.remember_upload(base_url, picture.sha256, upload, expires_at=expires_at)
            return upload.url


def _read(picture: Picture) -> bytes:
    try:
        content = picture.path.read_bytes()
    except OSError as error:
        raise CatalogError(f"{picture.path} cannot be read any more: {error}. Run again.") from None
    if hashlib.sha256(content).hexdigest() != picture.sha256:
        raise CatalogError(f"{picture.path} has changed since the catalog was read. Run again.")
    return content
