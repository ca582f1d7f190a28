"""Input pictures at the provider: uploaded once for each content while the address lives."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

from ideogram_pipeline.catalog.model import Picture
from ideogram_pipeline.errors import CatalogError
from ideogram_pipeline.generation.provider import Provider
from ideogram_pipeline.generation.uploads import Uploads
from ideogram_pipeline.planning.model import PlannedImage

LIFE = timedelta(hours=1)
"""How long an upload is taken to live when the provider does not say ("~1-2 h", its OpenAPI)."""
MARGIN = timedelta(minutes=15)
"""Life that must be left, so that a queued job still finds its input."""


class References:
    """Addresses of input pictures, by the SHA-256 of their content."""

    def __init__(self, provider: Provider, uploads: Uploads) -> None:
        self._provider = provider
        self._uploads = uploads
        self._one_at_a_time: dict[str, asyncio.Lock] = {}

    async def urls(self, planned: PlannedImage) -> dict[str, str]:
        """Make every input of ``planned`` available and return its addresses.

        Raises:
            CatalogError: A file has changed since the catalog was read.
            ProviderError: The provider does not take the upload.
        """
        return {p.sha256: await self._url(p) for p in planned.inputs.values()}

    def forget(self, planned: PlannedImage) -> None:
        """Upload the inputs of ``planned`` anew next time; a failed job may have missed them."""
        self._uploads.forget([picture.sha256 for picture in planned.inputs.values()])

    async def _url(self, picture: Picture) -> str:
        # Others wait for the first upload of the same content instead of repeating it.
        async with self._one_at_a_time.setdefault(picture.sha256, asyncio.Lock()):
            now = self._provider.clock.now()
            known = self._uploads.url(picture.sha256, alive_at=now + MARGIN)
            if known:
                return known
            content = await asyncio.to_thread(_read, picture)
            upload = await self._provider.upload(
                content, filename=picture.path.name, content_type=f"image/{picture.format}"
            )
            expires_at = upload.expires_at or now + LIFE
            self._uploads.remember(picture.sha256, upload.url, expires_at=expires_at)
            return upload.url


def _read(picture: Picture) -> bytes:
    try:
        content = picture.path.read_bytes()
    except OSError as error:
        raise CatalogError(f"{picture.path} cannot be read any more: {error}. Run again.") from None
    if hashlib.sha256(content).hexdigest() != picture.sha256:
        raise CatalogError(f"{picture.path} has changed since the catalog was read. Run again.")
    return content
