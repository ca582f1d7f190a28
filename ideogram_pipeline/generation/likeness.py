"""How like a job's echo is to a request: whether the one was made for the other.

The provider echoes what a job was asked for. Every request carries a seed of its own, so the job
of an attempt can be told from all others by comparing that echo with the bytes in the journal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from ideogram_pipeline.apiframe.model import INPUT_PARAMS


class Likeness(Enum):
    """How a job's echoed input compares with the bytes that we sent."""

    SAME = "same"
    """All of ours is echoed and equal, the addresses of the inputs too."""
    LIKE = "like"
    """Nothing that is echoed contradicts ours. The provider may keep the inputs under addresses
    of its own, write words in another case, or leave out what it likes, but not the prompt."""
    UNCLEAR = "unclear"
    """It cannot be told: too little is echoed, or our seed beside something that is not ours.
    Nothing may be bought again on the strength of this."""
    OTHER = "other"
    """Another seed: somebody asked for something else."""


def compare(sent: Mapping[str, Any], echoed: Mapping[str, Any] | None) -> Likeness:
    """Compare a submitted body with a job's ``input``.

    The echo may be the body itself or flattened, and may hold more.
    """
    ours, theirs = dict(leaves(sent)), dict(leaves(echoed or {}))
    ours.pop("model", None)  # the listing is of one model
    common = {name: (theirs[name], ours[name]) for name in ours if name in theirs}
    if "seed" in common and not _equal(*common["seed"]):
        is_number = str(theirs["seed"]).removesuffix(".0").isdecimal()
        return Likeness.OTHER if is_number else Likeness.UNCLEAR
    if "prompt" not in common:
        return Likeness.UNCLEAR
    if len(common) == len(ours) and all(_equal(*pair) for pair in common.values()):
        return Likeness.SAME
    said = (pair for name, pair in common.items() if name not in INPUT_PARAMS)
    if all(_equal(*map(_plain, pair)) for pair in said):
        return Likeness.LIKE
    return Likeness.UNCLEAR


def _equal(theirs: object, ours: object) -> bool:
    return theirs == ours or str(theirs) == str(ours)


def _plain(value: object) -> object:
    return plain_text(value) if isinstance(value, str) else value


def plain_text(text: str) -> str:
    """A text without what a server may change in it: case, spaces, composition of letters."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values of a body or an echo, inner levels first: the outer one wins in a dict.

    A name without a value says nothing, and is left out.
    """
    for value in tree.values():
        if isinstance(value, Mapping):
            yield from leaves(value)
    for name, value in tree.items():
        if value is not None and not isinstance(value, Mapping):
            yield name, value
