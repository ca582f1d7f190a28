"""Where the provider has our input pictures, for the hour or two that it keeps them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select

from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.times import from_text, to_text

_uploads = schema.uploads


@dataclass(frozen=True, slots=True)
class _Address:
    url: str
    expires_at: datetime


class Uploads:
    """Addresses by the SHA-256 of the content; each provider has its own."""

    def __init__(self, database: Database, base_url: str) -> None:
        self._db = database
        self._base_url = base_url
        self._known: dict[str, _Address | None] = {}
        """What the journal says, as far as it was asked; each picture to be bought asks here."""

    def url(self, sha256: str, *, alive_at: datetime) -> str | None:
        """The address of a content, if it will still live at ``alive_at``."""
        known = self._known.get(sha256)
        if known is None or known.expires_at <= alive_at:
            # Another run may have uploaded it meanwhile.
            known = self._known[sha256] = self._read(sha256)
        return known.url if known and known.expires_at > alive_at else None

    def remember(self, sha256: str, url: str, *, expires_at: datetime) -> None:
        """Keep an address for as long as it lives."""
        values = {"base_url": self._base_url, "sha256": sha256, "url": url}
        with self._db.write() as connection:
            connection.execute(_uploads.delete().where(self._of([sha256])))
            connection.execute(_uploads.insert().values(**values, expires_at=to_text(expires_at)))
        self._known[sha256] = _Address(url, expires_at)

    def forget(self, contents: Collection[str]) -> None:
        """Let these contents be uploaded anew: the provider may have lost them."""
        for sha256 in contents:
            self._known.pop(sha256, None)
        with self._db.write() as connection:
            connection.execute(_uploads.delete().where(self._of(contents)))

    def _read(self, sha256: str) -> _Address | None:
        query = select(_uploads.c.url, _uploads.c.expires_at).where(self._of([sha256]))
        with self._db.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _Address(row.url, from_text(row.expires_at))

    def _of(self, contents: Collection[str]) -> ColumnElement[bool]:
        return and_(_uploads.c.base_url == self._base_url, _uploads.c.sha256.in_(contents))
