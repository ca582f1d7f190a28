"""A scene in the forest: trunks in three depths, light falling through."""

from __future__ import annotations

from ideogram_pipeline.sandbox.drawing import land, plants
from ideogram_pipeline.sandbox.drawing.canvas import Canvas
from ideogram_pipeline.sandbox.drawing.paint import Colour, darker, lighter, mix
from ideogram_pipeline.sandbox.drawing.plants import BARK, SEASONS, Season
from ideogram_pipeline.sandbox.drawing.sky import paint_stars
from ideogram_pipeline.sandbox.drawing.story import Story

_BARKS: tuple[Colour, ...] = (BARK, (92, 70, 70), (128, 96, 74))
_MOSS: Colour = (60, 110, 70)


def forest(canvas: Canvas, story: Story) -> None:
    """Trunks behind trunks under a canopy, a clearing, shafts of light."""
    season = SEASONS[story.season]
    u, line = canvas.unit, canvas.horizon
    high, middle, low = canvas.light.sky
    deep = darker(season.crowns[0], 22)
    glade = lighter(mix(low, season.crowns[1], 38), 26)
    canvas.gradient((mix(high, deep, 40), mix(middle, deep, 34), glade), 0, line + u * 12)
    if canvas.light.dark:
        paint_stars(canvas, line * 0.7, 30)
    for depth, far in enumerate((58, 36, 10)):
        ground = line + u * (3 + depth * 5)
        _trunks(canvas, depth, ground, far)
        _crowns(canvas, depth, season, far)
        floor = mix(season.ground, (70, 96, 66), 48 - depth * 12)
        land.hill(canvas, f"floor{depth}", ground + u * 3, u * 4, floor, far)
    moss = mix(season.ground, _MOSS, 46)
    plants.grass(canvas, line + u * 17, canvas.floor, moss, season.blooms[:1])
    if canvas.detail and not canvas.light.dark:
        _rays(canvas, line + u * 20)


def _trunks(canvas: Canvas, depth: int, ground: float, far: int) -> None:
    dice = canvas.dice("trunks", depth)
    u = canvas.unit
    x = dice.between(-8, 8) * u
    while x < canvas.width + u * 6:
        bark, lean = dice.pick(_BARKS), dice.between(-0.6, 0.6)
        at = canvas.at(x, ground + u * 2, u * (2.4 + depth * 1.9), far)
        top = -at.y / at.size
        at.shape([(-0.9, 0), (lean - 0.4, top), (lean + 0.4, top), (0.9, 0)], bark)
        if canvas.detail:
            shade = [(0.3, 0), (lean + 0.12, top), (lean + 0.4, top), (0.9, 0)]
            at.shape(shade, darker(bark, 22))
        if canvas.detail > 1 and depth:
            for mark in range(1, 6):
                at.box(lean * 0.5 - 0.35, top * (mark + mark % 2 * 0.4) / 7, 0.4, 0.08,
                       darker(bark, 30))  # fmt: skip
        x += u * dice.between(13, 24) * (1 + depth * 0.45)


def _crowns(canvas: Canvas, depth: int, season: Season, far: int) -> None:
    dice = canvas.dice("crowns", depth)
    u, line = canvas.unit, canvas.horizon
    crown = darker(season.crowns[depth], 12)
    x = -u * 6
    while x < canvas.width + u * 6:
        y = line * (0.30 - depth * 0.13) * dice.between(0.5, 1.1)
        at = canvas.at(x, y, u * dice.between(8, 13), far)
        at.disc(0, 0, 1, crown)
        if canvas.detail:
            at.disc(-0.25, -0.3, 0.55, lighter(crown, 9))
        x += at.size * 0.9
    if depth == 0:
        canvas.box(0, 0, canvas.width, line * 0.16, crown, far)


def _rays(canvas: Canvas, low: float) -> None:
    dice = canvas.dice("rays")
    u = canvas.unit
    for _ in range(3 + canvas.detail):
        x = dice.between(0.1, 1.0) * canvas.width
        wide, drift = u * dice.between(4, 10), u * dice.between(26, 40)
        ray = [(x, 0), (x + wide, 0), (x + wide * 1.6 - drift, low), (x - drift, low)]
        canvas.veil(ray, (255, 244, 190), 15)


def forest_front(canvas: Canvas, story: Story) -> None:
    """Tufts and toadstools."""
    season = SEASONS[story.season]
    u = canvas.unit
    top, bottom = canvas.floor + u * 2, canvas.height + u * 2
    plants.grass(canvas, top, bottom, mix(season.ground, _MOSS, 46), season.blooms[:1])
    dice = canvas.dice("mushrooms")
    for _ in range(2 + canvas.detail * 2):
        x, y = dice.between(0.03, 0.97) * canvas.width, canvas.height - u * dice.between(0.5, 5)
        plants.mushroom(canvas.at(x, y, u * dice.between(3.3, 6)))
