"""The kinds of cells: what each accepts, in one sentence, and how it is read.

A kind is given the text of a cell that is not blank, without the white space around it, and
returns the value or raises `Refusal`. Its ``rule`` is the sentence that messages and
``docs/catalog.md`` show.

``certain`` says the same in SQL for the many cells about which there is no question, so that a
table of a million rows needs no Python for each. It may leave a cell open, which is then parsed
here; it must never accept what ``parse`` refuses, nor read it otherwise (a test compares the two).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import ClassVar, Protocol

from ideogram_pipeline.apiframe.limits import REFERENCE_MAX_BYTES
from ideogram_pipeline.catalog.sql import is_ascii, literal
from ideogram_pipeline.catalog.text import PLAIN_WORDS, normal_text

CellValue = str | int | bool | tuple[str, ...] | None

# White space among the control characters (tab, line ends, form feed, next line) becomes a space;
# the others, and the sign that stands for text already lost, have no place in a prompt.
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd]")
_WHOLE_NUMBER = re.compile(r"([+-]?[0-9]{1,18})(?:\.0+)?")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]+://|data:)")


class Refusal(ValueError):
    """Why a cell is not accepted, in words that can follow the name of its column."""


class Kind(Protocol):
    """What the cells of a column hold."""

    @property
    def rule(self) -> str:
        """What is accepted, in words."""

    def parse(self, cell: str) -> CellValue:
        """Read a cell that is not blank.

        Raises:
            Refusal: the cell breaks the rule.
        """

    def certain(self, cell: str) -> tuple[str, str]:
        """Two SQL expressions: whether ``parse`` certainly accepts the cell, and its value then.

        Args:
            cell: The SQL name of a cell that is not blank, without spaces around it.
        """


@dataclass(frozen=True)
class Identifier:
    """A name that is also a partition key and a folder, so it must do for both everywhere."""

    rule: ClassVar[str] = (
        "1 to 100 letters (A-Z, a-z), digits, dots, underscores and hyphens, "
        "beginning with a letter or digit"
    )

    def parse(self, cell: str) -> str:
        """Accept the id exactly as it is written."""
        if not _IDENTIFIER.fullmatch(cell):
            raise Refusal(f"must be {self.rule}")
        if ".." in cell or cell.endswith("."):
            raise Refusal("must not hold two dots in a row or end in a dot: it names a folder")
        if _DEVICE.fullmatch(cell):
            raise Refusal("is the name of a device on Windows, where no folder can be called that")
        return cell

    def certain(self, cell: str) -> tuple[str, str]:
        """Every id that keeps the rules."""
        device = f"regexp_full_match({cell}, {literal(_DEVICE.pattern)}, 'i')"
        return (
            f"length({cell}) <= 100 AND regexp_full_match({cell}, '[A-Za-z0-9][A-Za-z0-9._-]*')"
            f" AND NOT contains({cell}, '..') AND {cell} NOT LIKE '%.' AND NOT {device}",
            cell,
        )


@dataclass(frozen=True)
class Text:
    """Words, in Unicode NFC with single spaces."""

    rule: ClassVar[str] = "text"

    def parse(self, cell: str) -> str:
        """Return the text in its normal form."""
        if found := _UNPRINTABLE.search(cell):
            raise Refusal(_unprintable(found.group(), cell))
        return normal_text(cell)

    def certain(self, cell: str) -> tuple[str, str]:
        """Texts that are in their normal form already, in the writings that need no marks."""
        return f"regexp_full_match({cell}, {literal(PLAIN_WORDS)})", cell


@dataclass(frozen=True)
class Choice:
    """One of a few words, in any letter case; the value is the word in the case that is sent."""

    values: tuple[str, ...]
    no_value: str | None = None
    """A word that says the same as a blank cell."""
    rule_in_words: str | None = None
    """Instead of the list of values, where that is long."""

    @cached_property
    def _spellings(self) -> dict[str, str | None]:
        spellings: dict[str, str | None] = {value.casefold(): value for value in self.values}
        if self.no_value:
            spellings[self.no_value.casefold()] = None
        return spellings

    @property
    def rule(self) -> str:
        """The values."""
        return self.rule_in_words or "one of " + ", ".join(self.values)

    def parse(self, cell: str) -> str | None:
        """Return the value in the case that is sent."""
        folded = cell.casefold()
        if folded not in self._spellings:
            raise Refusal(f"must be {self.rule}{suggestion(cell, self.values)}")
        return self._spellings[folded]

    def certain(self, cell: str) -> tuple[str, str]:
        """Every one of the words."""
        return _one_of(cell, self._spellings)


@dataclass(frozen=True)
class WholeNumber:
    """A whole number; ``7.0`` counts as 7, since spreadsheets write it so."""

    minimum: int
    maximum: int | None = None

    @property
    def rule(self) -> str:
        """The range."""
        if self.maximum is None:
            return f"a whole number, {self.minimum} or more"
        return f"a whole number from {self.minimum} to {self.maximum}"

    def parse(self, cell: str) -> int:
        """Return the number."""
        found = _WHOLE_NUMBER.fullmatch(cell)
        number = int(found.group(1)) if found else None
        if number is None or not self.minimum <= number <= (self.maximum or number):
            raise Refusal(f"must be {self.rule}")
        return number

    def certain(self, cell: str) -> tuple[str, str]:
        """Numbers without a sign."""
        number = f"TRY_CAST(split_part({cell}, '.', 1) AS BIGINT)"
        most = "" if self.maximum is None else f" AND {number} <= {self.maximum}"
        return (
            f"regexp_full_match({cell}, '[0-9]{{1,18}}([.]0+)?')"
            f" AND {number} >= {self.minimum}{most}",
            number,
        )


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    rule: ClassVar[str] = "true or false (also yes or no, 1 or 0)"
    words: ClassVar[dict[str, bool]] = {
        **dict.fromkeys(("true", "yes", "1"), True),
        **dict.fromkeys(("false", "no", "0"), False),
    }

    def parse(self, cell: str) -> bool:
        """Return the meaning of the word."""
        flag = self.words.get(cell.casefold())
        if flag is None:
            raise Refusal(f"must be {self.rule}")
        return flag

    def certain(self, cell: str) -> tuple[str, str]:
        """Every one of the words."""
        return _one_of(cell, self.words)


@dataclass(frozen=True)
class Tags:
    """Words that the project only files."""

    rule: ClassVar[str] = "words separated by `;`"

    def parse(self, cell: str) -> tuple[str, ...]:
        """Return the tags in their order, without blank ones and repetitions."""
        tags = (tag.strip() for tag in Text().parse(cell).split(";"))
        return tuple(dict.fromkeys(tag for tag in tags if tag))

    def certain(self, cell: str) -> tuple[str, str]:
        """Tags of which none comes twice."""
        trimmed = f"list_transform(string_split({cell}, ';'), lambda tag: trim(tag))"
        tags = f"list_filter({trimmed}, lambda tag: tag <> '')"
        is_text, _ = Text().certain(cell)
        return f"{is_text} AND len(list_distinct({tags})) = len({tags})", tags


@dataclass(frozen=True)
class PictureFile:
    """The path of one picture; the file itself is judged in ``pictures``."""

    is_mask: bool = False

    @property
    def rule(self) -> str:
        """What the path must lead to."""
        megabytes = REFERENCE_MAX_BYTES // 1_000_000
        file = f"the path of one PNG, JPEG or WebP file of at most {megabytes} MB"
        return f"{file}, black where the image is painted anew" if self.is_mask else file

    def parse(self, cell: str) -> str:
        """Return the path as it is written."""
        if found := _UNPRINTABLE.search(cell):
            raise Refusal(_unprintable(found.group(), cell))
        if _ADDRESS.match(cell):
            raise Refusal(
                "is an address, and what it leads to can change: download the picture "
                "and give the path of the file"
            )
        return cell

    def certain(self, cell: str) -> tuple[str, str]:  # noqa: ARG002 (the same for every cell)
        """None: a picture has to be looked at."""
        return "false", "NULL"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean ...?`` for the nearest known word, or nothing."""
    spellings = {name.casefold(): name for name in known}
    near = get_close_matches(word.casefold(), spellings, n=1, cutoff=0.7)
    return f"; did you mean {spellings[near[0]]!r}?" if near else ""


def _one_of(cell: str, meanings: Mapping[str, str | bool | None]) -> tuple[str, str]:
    folded = f"lower({cell})"
    # Of other letters than A to Z, SQL's lower case is not Python's.
    fine = f"{is_ascii(cell)} AND {folded} IN ({', '.join(map(literal, meanings))})"
    cases = " ".join(f"WHEN {literal(w)} THEN {literal(v)}" for w, v in meanings.items())
    return fine, f"CASE {folded} {cases} END"


def _unprintable(character: str, cell: str) -> str:
    place = f"at position {cell.index(character) + 1}"
    if character == "\ufffd":
        return f"holds the sign for a lost letter (U+FFFD) {place}: type the text again"
    return f"holds the control character U+{ord(character):04X} {place}: remove it"
