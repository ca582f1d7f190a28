"""Where the provider has our input pictures, for the hour or two that it keeps them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select

from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.times import from_text, to_text

_uploads = schema.uploads


class Uploads:
    """Addresses by the SHA-256 of the content; each provider has its own."""

    def __init__(self, database: Database, base_url: str) -> None:
        self._db = database
        self._base_url = base_url

    def url(self, sha256: str, *, alive_at: datetime) -> str | None:
        """The address of a content, if it will still live at ``alive_at``."""
        query = select(_uploads.c.url, _uploads.c.expires_at).where(self._of([sha256]))
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return row.url if row and from_text(row.expires_at) > alive_at else None

    def remember(self, sha256: str, url: str, *, expires_at: datetime) -> None:
        """Keep an address for as long as it lives."""
        values = {"base_url": self._base_url, "sha256": sha256, "url": url}
        with self._db.write() as connection:
            connection.execute(_uploads.delete().where(self._of([sha256])))
            connection.execute(_uploads.insert().values(**values, expires_at=to_text(expires_at)))

    def forget(self, contents: Collection[str]) -> None:
        """Let these contents be uploaded anew: the provider may have lost them."""
        with self._db.write() as connection:
            connection.execute(_uploads.delete().where(self._of(contents)))

    def _of(self, contents: Collection[str]) -> ColumnElement[bool]:
        return and_(_uploads.c.base_url == self._base_url, _uploads.c.sha256.in_(contents))
