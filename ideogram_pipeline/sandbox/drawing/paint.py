"""Colours, chance and light: what every painter of a scene works with."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

Colour = tuple[int, int, int]
T = TypeVar("T")

LIT: Colour = (255, 222, 130)
SUN: Colour = (255, 243, 203)
MOON: Colour = (248, 242, 216)


def mix(colour: Colour, other: Colour, percent: int) -> Colour:
    """``colour`` with so many percent of ``other`` stirred in."""
    red, green, blue = (
        (a * (100 - percent) + b * percent) // 100 for a, b in zip(colour, other, strict=True)
    )
    return red, green, blue


def lighter(colour: Colour, percent: int = 18) -> Colour:
    """Towards warm white."""
    return mix(colour, (255, 250, 236), percent)


def darker(colour: Colour, percent: int = 18) -> Colour:
    """Towards the indigo of a shadow."""
    return mix(colour, (24, 20, 56), percent)


class Dice:
    """Chance that falls the same way for the same key, in every process and on every machine."""

    def __init__(self, *key: object) -> None:
        self._random = random.Random("\x1f".join(map(str, key)))

    def below(self, limit: int) -> int:
        """A whole number from 0 to ``limit - 1``."""
        return int(self._random.random() * limit)

    def between(self, low: float, high: float) -> float:
        """A number from ``low`` up to ``high``."""
        return low + (high - low) * self._random.random()

    def chance(self, percent: float) -> bool:
        """True in so many percent of throws."""
        return self._random.random() * 100 < percent

    def pick(self, choices: Sequence[T]) -> T:
        """One of ``choices``."""
        return choices[self.below(len(choices))]


@dataclass(frozen=True, slots=True)
class Light:
    """A time of day: the sky from top to horizon, and what it does to every colour below it."""

    sky: tuple[Colour, Colour, Colour]
    haze: Colour
    tint: Colour
    strength: int
    """Percent of ``tint`` in every colour."""
    dark: bool = False
    """Lamps are lit and stars are out."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a request wants its picture rendered."""

    style: str
    """``Auto``, ``Fiction`` (bright and dreamy) or ``Realistic`` (muted and hazy)."""
    detail: int
    """0 for turbo, 1 for default, 2 for quality."""
    hue_shift: int
    """Degrees by which a model version turns the colours of the scene."""
    dream: Colour
    """What ``Fiction`` stirs into the scene."""
