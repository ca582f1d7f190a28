"""Hills, mountains, water, boats: what the plants and houses of a landscape stand on."""

from __future__ import annotations

from collections.abc import Sequence

from ideogram_pipeline.sandbox.drawing.canvas import Canvas, Point
from ideogram_pipeline.sandbox.drawing.paint import Colour, Dice, darker, lighter, mix

SNOW: Colour = (244, 248, 252)
SAND: Colour = (244, 216, 164)
SEA: Colour = (42, 132, 168)


def hill(
    canvas: Canvas, name: str, base: float, rise: float, colour: Colour, far: int = 0
) -> list[Point]:
    """A rolling layer of ground that reaches down to the bottom; returns its upper edge."""
    knots = max(2, round(canvas.width / (canvas.unit * 55)))
    edge = _ridge(canvas.dice("hill", name), canvas.width, base, rise, knots)
    canvas.shape([*edge, (canvas.width, canvas.height), (0, canvas.height)], colour, far)
    if canvas.detail:
        lip = [(x, y + canvas.unit * 0.7) for x, y in reversed(edge)]
        canvas.shape([*edge, *lip], lighter(colour, 26), far)
    return edge


def height_at(edge: Sequence[Point], x: float) -> float:
    """The y of a hill's edge at ``x``."""
    step = edge[1][0] - edge[0][0]
    return edge[min(max(int(x / step), 0), len(edge) - 1)][1]


def _ridge(dice: Dice, width: int, base: float, rise: float, knots: int) -> list[Point]:
    """A rolling line from the left edge to the right, at most ``rise`` above ``base``."""
    swells = [dice.between(0, 0.82) for _ in range(knots + 1)]
    bumps = [dice.between(0, 0.18) for _ in range(knots * 3 + 1)]
    steps = max(24, knots * 10)
    line = []
    for step in range(steps + 1):
        along = step / steps
        line.append((width * along, base - rise * (_eased(swells, along) + _eased(bumps, along))))
    return line


def _eased(knots: Sequence[float], along: float) -> float:
    place = along * (len(knots) - 1)
    at = min(int(place), len(knots) - 2)
    t = place - at
    return knots[at] + (knots[at + 1] - knots[at]) * t * t * (3 - 2 * t)


def mountains(canvas: Canvas, base: float, reach: float, far: int, rock: Colour) -> None:
    """A chain of peaks with a lit side, a shaded side and snow on top."""
    dice = canvas.dice("mountains", far)
    x = -canvas.unit * 14
    while x < canvas.width + canvas.unit * 14:
        half, tall = reach * dice.between(0.55, 1.0), reach * dice.between(0.62, 1.0)
        tip = half * dice.between(-0.15, 0.15)
        at = canvas.at(x, base, 1, far)
        at.shape([(-half, 0), (tip, -tall), (half, 0)], rock)
        at.shape([(tip, -tall), (tip + half * 0.12, 0), (half, 0)], darker(rock, 16))
        left, right = tip - (tip + half) * 0.3, tip + (half - tip) * 0.3
        middle = tip + (right - tip) * 0.2
        canvas.at(x, base, 1, far // 2).shape(
            [(tip, -tall), (right, -tall * 0.7), ((middle + right) / 2, -tall * 0.784),
             (middle, -tall * 0.664), ((left + middle) / 2, -tall * 0.766), (left, -tall * 0.7)],
            SNOW,
        )  # fmt: skip
        x += half * dice.between(0.7, 1.15)


def water(canvas: Canvas, top: float, bottom: float, colour: Colour = SEA) -> None:
    """Water in bands that darken towards the viewer, with crests and glints."""
    canvas.gradient((mix(colour, canvas.light.sky[2], 45), colour, darker(colour, 26)), top, bottom)
    dice = canvas.dice("water")
    u = canvas.unit
    for _ in range(int((12, 30, 56)[canvas.detail] * canvas.width / (100 * u))):
        near = dice.between(0, 1)
        x, y = dice.between(-0.05, 1) * canvas.width, top + (bottom - top) * near * near + u * 0.4
        length, thick = u * (2 + 9 * near), u * (0.14 + 0.34 * near)
        crest = lighter(colour, 34 if dice.chance(40) else 14)
        canvas.box(x, y, length, thick, crest, corner=thick / 2)


def boat(canvas: Canvas, x: float, y: float, size: float, sail: Colour, far: int = 0) -> None:
    """A little sailing boat, ``size`` long."""
    at = canvas.at(x, y, size, far)
    at.shape([(-0.5, -0.14), (0.5, -0.14), (0.34, 0.08), (-0.36, 0.08)], (150, 84, 60))
    at.box(-0.015, -1.1, 0.03, 1, (112, 78, 60))
    at.shape([(0.04, -1.08), (0.44, -0.24), (0.04, -0.24)], sail)
    at.shape([(-0.05, -0.98), (-0.34, -0.24), (-0.05, -0.24)], lighter(sail, 40))
