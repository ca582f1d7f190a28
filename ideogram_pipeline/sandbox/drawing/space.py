"""The ground of a moon, under planets and stars."""

from __future__ import annotations

from ideogram_pipeline.sandbox.drawing import land
from ideogram_pipeline.sandbox.drawing.canvas import Canvas, Spot
from ideogram_pipeline.sandbox.drawing.paint import Colour, darker, lighter
from ideogram_pipeline.sandbox.drawing.sky import paint_stars
from ideogram_pipeline.sandbox.drawing.story import Story

_ROCKS: tuple[Colour, ...] = ((176, 170, 190), (206, 172, 160), (160, 178, 196))
_CLOUDS: tuple[Colour, ...] = ((150, 90, 190), (80, 120, 210), (226, 120, 160))


def space(canvas: Canvas, story: Story) -> None:
    """A ringed planet and a blue one, a rocket between craters."""
    u, line = canvas.unit, canvas.horizon
    dice = canvas.dice("space")
    canvas.gradient(canvas.light.sky, 0, line + u * 12)
    _nebula(canvas)
    paint_stars(canvas, line, 90)
    x, y = dice.between(0.68, 0.86) * canvas.width, dice.between(0.22, 0.40) * line
    _ringed(canvas.at(x, y, u * dice.between(10, 14)), dice.pick(((236, 150, 96), (120, 190, 200))))
    x, y = dice.between(0.10, 0.32) * canvas.width, dice.between(0.30, 0.55) * line
    _blue(canvas.at(x, y, u * dice.between(6, 9)))
    rock = dice.pick(_ROCKS)
    land.hill(canvas, "rim", line + u * 6, u * 10, darker(rock, 24), 10)
    land.hill(canvas, "far", line + u * 12, u * 5, darker(rock, 12))
    land.hill(canvas, "near", line + u * 19, u * 4, rock)
    _craters(canvas, line + u * 18, rock)
    x = canvas.width * dice.pick((0.14, 0.86))
    _rocket(canvas.at(x, line + u * 18, u * 34), story.accents[0])


def _nebula(canvas: Canvas) -> None:
    dice = canvas.dice("nebula")
    u = canvas.unit
    for _ in range(5 * (canvas.detail + 1)):
        x, y = dice.between(0, canvas.width), dice.between(0.05, 0.9) * canvas.horizon
        rx, ry = u * dice.between(14, 34), u * dice.between(5, 12)
        canvas.glow_oval(x, y, rx, ry, dice.pick(_CLOUDS), 9)


def _craters(canvas: Canvas, top: float, rock: Colour) -> None:
    dice = canvas.dice("craters")
    u = canvas.unit
    for _ in range(6 + canvas.detail * 5):
        x, depth = dice.between(0, canvas.width), dice.between(0, 1)
        at = canvas.at(x, top + (canvas.height - top) * 0.95 * depth, u * (2 + 6 * depth))
        at.oval(0, 0, 1, 0.3, darker(rock, 22))
        at.oval(0, 0.07, 0.88, 0.23, darker(rock, 10))


def _ringed(at: Spot, colour: Colour) -> None:
    ring = lighter(colour, 34)
    at.oval(0, 0, 1.9, 0.42, ring)
    at.oval(0, 0, 1.6, 0.28, (40, 28, 84))
    at.disc(0, 0, 1, colour)
    at.oval(0.1, 0.45, 0.84, 0.16, darker(colour, 14))
    at.oval(-0.1, -0.4, 0.8, 0.12, lighter(colour, 22))
    at.line([(-1.85, 0.08), (-1.0, 0.33), (0, 0.41), (1.0, 0.33), (1.85, 0.08)], 0.14, ring)


def _blue(at: Spot) -> None:
    at.glow(0, 0, 1.35, 1.35, (120, 190, 240), 16)
    at.disc(0, 0, 1, (70, 140, 206))
    for x, y, rx, ry in (
        (-0.3, -0.35, 0.42, 0.28),
        (0.35, 0.15, 0.36, 0.4),
        (-0.3, 0.5, 0.3, 0.18),
    ):
        at.oval(x, y, rx, ry, (104, 178, 112))


def _rocket(at: Spot, trim: Colour) -> None:
    for side in (-1, 1):
        at.shape([(side * 0.1, -0.4), (side * 0.3, 0), (side * 0.1, -0.1)], trim)
    at.oval(0, -0.5, 0.17, 0.48, (240, 238, 244))
    at.shape([(-0.125, -0.82), (0, -1.02), (0.125, -0.82)], trim)
    at.disc(0, -0.6, 0.08, (70, 110, 150))
    at.disc(0, -0.6, 0.055, (150, 206, 232))
    at.box(-0.1, -0.06, 0.2, 0.06, (90, 92, 116))
