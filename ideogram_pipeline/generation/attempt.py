"""An attempt: one paid submission for a planned image, as the journal knows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.times import from_text


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of the journal; each transition returns the next version of it."""

    id: int
    fingerprint: str
    number: int
    idempotency_key: str
    state: str
    owner: str
    epoch: int
    doubt: bool
    """An earlier send of this very request may have been accepted without our knowing."""
    conflicted: bool
    """The provider has said (409) that a job was made under this key, for another body."""
    run_id: str
    character_id: str
    prompt_id: str
    variation: int
    edition: str
    rendering_speed: str
    seed: int
    credits: int
    body: bytes
    intended_at: datetime
    """By the provider's clock, before the first send."""
    begun_at: datetime | None
    """The same by this machine's; ``None`` for what was adopted or restored."""
    submitted_at: datetime | None
    job_id: str | None
    error: str | None
    retriable: bool
    sha256: str | None
    """Of the picture, as soon as it was downloaded whole."""

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Attempt:
        """Read a row of ``COLUMNS``."""
        values = list(row)
        for place, read in _READERS:
            values[place] = read(values[place])
        return cls(*values)

    @property
    def request(self) -> dict[str, Any]:
        """The submitted body, decoded."""
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded

    def file_name(self, extension: str) -> PurePosixPath:
        """Where people find the picture, below the images folder; unique to this attempt."""
        name = f"{self.edition}-v{self.variation}-a{self.number}.{extension}"
        return PurePosixPath(self.character_id, self.prompt_id, name)


COLUMNS = tuple(schema.attempts.c[name] for name in Attempt.__slots__)
"""What an attempt is read from."""


def _moment(text: str | None) -> datetime | None:
    return from_text(text) if text else None


_READERS: tuple[tuple[int, Callable[[Any], Any]], ...] = tuple(
    (Attempt.__slots__.index(name), read)
    for name, read in (
        ("doubt", bool),
        ("conflicted", bool),
        ("retriable", bool),
        ("intended_at", from_text),
        ("begun_at", _moment),
        ("submitted_at", _moment),
    )
)


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A picture on disk: the provider's bytes, whole, decoded once to be sure."""

    path: str
    """Below the folder of the mode, with forward slashes."""
    sha256: str
    bytes: int
    width: int
    height: int
    format: str
