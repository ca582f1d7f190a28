"""A city street: towers, shops, lamps, puddles."""

from __future__ import annotations

from ideogram_pipeline.sandbox.drawing import town
from ideogram_pipeline.sandbox.drawing.canvas import Canvas
from ideogram_pipeline.sandbox.drawing.paint import LIT, Colour, darker, lighter, mix
from ideogram_pipeline.sandbox.drawing.sky import paint_sky
from ideogram_pipeline.sandbox.drawing.story import Story

_TOWERS: tuple[Colour, ...] = ((122, 128, 170), (150, 124, 150), (112, 146, 160))


def city(canvas: Canvas, story: Story) -> None:
    """Towers behind towers, shops at the street, lamps."""
    u, line = canvas.unit, canvas.horizon
    dice = canvas.dice("city")
    paint_sky(canvas, story)
    tall = line * 0.62
    tower = dice.pick(_TOWERS)
    street = line + u * 14
    town.skyline(canvas, street, (u * 13, tall + u * 16), 62, tower)
    town.skyline(canvas, street, (u * 16, tall * 0.74 + u * 14), 34, darker(tower, 8))
    x = -dice.between(0, 10) * u
    while x < canvas.width:
        wide = u * dice.between(24, 34)
        _shop(canvas, story, (x, street), (wide, u * dice.between(30, 40)))
        x += wide
    town.paving(canvas, street, (178, 172, 176))
    for number in range(int(canvas.width / (u * 60)) + 1):
        town.lamp(canvas, u * 9 + number * u * 62, street + u * 5, u * 40)


def _shop(
    canvas: Canvas, story: Story, corner: tuple[float, float], size: tuple[float, float]
) -> None:
    """A shop with a flat above it; ``corner`` is its lower left."""
    (x, y), (wide, tall) = corner, size
    dice = canvas.dice("shop", int(x))
    wall = dice.pick(town.WALLS)
    trim = dice.pick((*story.accents, (196, 70, 66), (60, 120, 110)))
    u = canvas.unit
    canvas.box(x, y - tall, wide, tall, wall, 4)
    canvas.box(x, y - tall - u * 1.4, wide, u * 2.2, darker(wall, 24), 4)
    glass = LIT if canvas.light.dark else (136, 172, 190)
    for column in range(3):
        left = x + wide * (0.12 + column * 0.29)
        pane = glass if dice.chance(62) else darker(wall, 40)
        canvas.box(left, y - tall * 0.86, wide * 0.18, tall * 0.24, lighter(wall, 45), 4)
        canvas.box(left + wide * 0.02, y - tall * 0.84, wide * 0.14, tall * 0.20, pane)
    canvas.box(x + wide * 0.08, y - tall * 0.42, wide * 0.54, tall * 0.34, darker(wall, 36))
    canvas.box(x + wide * 0.10, y - tall * 0.40, wide * 0.50, tall * 0.30, glass)
    canvas.box(x + wide * 0.70, y - tall * 0.42, wide * 0.2, tall * 0.42, darker(wall, 46))
    town.awning(canvas.at(x + wide * 0.02, y - tall * 0.52, wide * 0.66), trim)


def street_front(canvas: Canvas, story: Story) -> None:
    """Puddles when it rains."""
    if story.weather != "rain":
        return
    dice = canvas.dice("puddles")
    u = canvas.unit
    sheen = canvas.light.sky[2]
    for _ in range(3 + canvas.detail * 2):
        x, y = dice.between(0, canvas.width), canvas.height - dice.between(1.5, 10) * u
        at = canvas.at(x, y, u * dice.between(4, 9))
        at.oval(0, 0, 1, 0.2, mix(sheen, (120, 150, 180), 40))
        at.oval(-0.2, 0, 0.45, 0.07, lighter(sheen))
