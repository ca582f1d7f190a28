"""What a catalog holds once it is read and checked: characters, prompts, and the rows refused."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ideogram_pipeline.apiframe.model import RenderingSpeed

if TYPE_CHECKING:
    from ideogram_pipeline.catalog.prompts import Prompts

PictureFormat = Literal["png", "jpeg", "webp"]
Refresh = str
"""When a row is made anew: ``never``, ``daily``, ``weekly``, ``monthly``, or a cron expression of
five fields in capitals with single spaces (``0 6 * * MON``)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An input picture on disk that was decoded and found fit to send.

    Its identity is the SHA-256 of its content: paths and upload URLs change, the content decides
    what is drawn.
    """

    path: Path
    sha256: str
    bytes: int
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    format: PictureFormat


@dataclass(frozen=True, slots=True)
class Character:
    """One row of ``characters``: the partition key, its one reference, and defaults for prompts."""

    character_id: str
    name: str
    reference: Picture
    style_type: str | None = None
    rendering_speed: RenderingSpeed | None = None
    aspect_ratio: str | None = None
    prompt_prefix: str | None = None
    prompt_suffix: str | None = None
    monthly_credit_budget: int | None = None
    """Most credits that this character may cost in a calendar month (UTC)."""
    line: int = 0
    """Line of the file (or row of the table) that it was read from, counted from 1."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One row of ``prompts``; ``None`` means blank, to be filled from the character's defaults."""

    prompt_id: str
    character_id: str
    prompt: str
    aspect_ratio: str | None = None
    resolution: str | None = None
    seed: int | None = None
    style_type: str | None = None
    magic_prompt_option: str | None = None
    rendering_speed: RenderingSpeed | None = None
    image: Picture | None = None
    mask: Picture | None = None
    variations: int = 1
    refresh: Refresh = "never"
    enabled: bool = True
    title: str | None = None
    tags: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a row that people are told."""

    file: str
    """The file as the user named it, with the table where a file holds several."""
    line: int
    """Line at which the row begins (or row of the table), counted from 1."""
    column: str
    """Blank where the whole row is at fault, as with too many cells."""
    value: str
    """The cell as it was found; of a question, as it was read."""
    reason: str
    """What is wrong and what to do, in words that can follow the name of the column."""
    character_id: str | None = None
    row_id: str | None = None
    """The id as written in the row: of the character, or of the prompt."""

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        value = self.value if len(self.value) <= 80 else f"{self.value[:79]}…"
        found = f" (found {value!r})" if value else ""
        return f"{self.file}, line {self.line}{column}: {self.reason}{found}"


class Reject(Remark):
    """One reason why a row was refused; the other rows go on without it."""

    __slots__ = ()


class Question(Remark):
    """A row that is used as it stands, though it may not say what was meant."""

    __slots__ = ()


@dataclass(frozen=True)
class Catalog:
    """Everything that could be read: the fit rows in the order of the files, and the rejects."""

    characters: dict[str, Character]
    prompts: Prompts
    rejects: tuple[Reject, ...] = ()
    source: str = ""
    prompts_name: str = ""
    """What messages call the table of the prompts."""
    content: str | None = None
    """SHA-256 over the bytes of its tables and pictures, where it was read from files and nothing
    was refused: what is read from the same bytes is the same."""

    @cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 by character over all that decides its pictures; titles and tags do not count."""
        from ideogram_pipeline.catalog.digests import digests

        return digests(self.characters, self.prompts)

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """What is worth a second look in rows that are used all the same."""
        from ideogram_pipeline.catalog.questions import questions

        return tuple(questions(self.prompts, self.prompts_name))
