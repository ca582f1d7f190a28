"""Small things that stand on shelves and counters; lengths are in units of the canvas."""

from __future__ import annotations

from ideogram_pipeline.sandbox.drawing.canvas import Canvas, Spot
from ideogram_pipeline.sandbox.drawing.furniture import IRON, WOOD
from ideogram_pipeline.sandbox.drawing.paint import Colour, darker, lighter, mix
from ideogram_pipeline.sandbox.drawing.story import Story

PAPERBACKS: tuple[Colour, ...] = (
    (196, 82, 74), (66, 116, 132), (238, 184, 84), (106, 146, 98), (150, 104, 150),
    (240, 226, 200), (60, 74, 112),
)  # fmt: skip
PORCELAIN: Colour = (240, 236, 226)


def jar_shelf(canvas: Canvas, x: float, y: float, wide: float) -> None:
    """A board of the given width around ``x``, full of jars."""
    dice = canvas.dice("shelf", int(y))
    u = canvas.unit
    left = x - wide / 2 + u * 2
    while left < x + wide / 2 - u * 4:
        tall, broad = dice.between(4, 9), dice.between(3, 5.5)
        glass = dice.pick((*PAPERBACKS, (214, 228, 226), (250, 240, 220)))
        at = canvas.at(left, y, u)
        at.box(0, -tall, broad, tall, glass, corner=0.9)
        if canvas.detail:
            at.box(broad * 0.12, -tall - 0.8, broad * 0.76, 1.2, darker(WOOD, 8))
            at.box(broad * 0.15, -tall * 0.65, broad * 0.7, tall * 0.35, lighter(glass, 50))
        left += u * (broad + dice.between(0.6, 2))
    canvas.box(x - wide / 2, y, wide, u * 1.5, WOOD)
    canvas.box(x - wide / 2, y + u * 1.1, wide, u * 0.5, darker(WOOD))


def book_shelf(canvas: Canvas, story: Story, y: float) -> None:
    """Books from wall to wall that stand at ``y``, with a globe or a plant here and there."""
    dice = canvas.dice("books", int(y))
    u = canvas.unit
    x = 0.0
    while x < canvas.width:
        at = canvas.at(x, y, u)
        if dice.chance(7):
            ornament = _globe if dice.chance(50) else _pot
            ornament(at, dice.pick(story.accents))
            x += u * 8
            continue
        wide, tall = dice.between(1.4, 3.0), dice.between(10, 14)
        back = dice.pick(PAPERBACKS)
        at.box(0, -tall, wide, tall, back)
        for mark in range(canvas.detail):
            band = tall * (0.8 if mark == 0 else 0.25)
            at.box(wide * 0.2, -band, wide * 0.6, 0.8, lighter(back, 45))
        x += u * (wide + 0.15 + (dice.between(1, 4) if dice.chance(8) else 0))


def _globe(at: Spot, colour: Colour) -> None:
    at.disc(3.4, -5.5, 3.2, (92, 150, 176))
    at.oval(2.4, -6, 1.4, 1.7, (128, 180, 116))
    at.box(1.4, -1.4, 4, 1.4, colour)


def _pot(at: Spot, colour: Colour) -> None:
    for lean in (1.8, 3.4, 5.0):
        at.oval(lean, -6.5, 1.2, 3.2, (86, 150, 98))
    at.shape([(0.8, -4), (6, -4), (5.2, 0), (1.6, 0)], colour)


def cups(at: Spot, colour: Colour) -> None:
    """Two cups, one on the other."""
    for base, ink in ((0, colour), (-4, lighter(colour, 60))):
        at.oval(3, base - 2.4, 1.6, 1.3, darker(ink, 16))
        at.oval(3, base - 2.4, 0.9, 0.7, PORCELAIN)
        at.box(-2.6, base - 4, 5.4, 4, ink, corner=1)


def cake(at: Spot, colour: Colour) -> None:
    """A cake with icing on a stand, under glass."""
    at.box(-0.6, -3, 1.2, 3, PORCELAIN)
    at.box(-5, -3.6, 10, 1.1, PORCELAIN, corner=0.5)
    at.box(-3.6, -7, 7.2, 3.5, (246, 216, 190), corner=0.5)
    at.box(-3.6, -8, 7.2, 2, mix(colour, (250, 170, 180), 60), corner=0.9)
    at.disc(0, -8.6, 0.9, (206, 50, 60))
    at.glow(0, -6.6, 4.8, 5, (255, 255, 255), 26)


def kettle(at: Spot, colour: Colour) -> None:
    """A kettle with its handle up."""
    metal = mix(colour, (200, 206, 214), 55)
    at.line([(-3, -6), (0, -10), (3, -6)], 0.8, IRON)
    at.shape([(2, -2.4), (6, -6.4), (5, -6.8), (2, -5)], metal)
    at.oval(0, -3.2, 4, 3.2, metal)
    at.box(-3.4, -1, 6.8, 1, darker(metal, 24))
    at.disc(0, -6.8, 0.8, IRON)


def vase(at: Spot, colour: Colour) -> None:
    """Three flowers in a vase."""
    for lean, bloom in ((-2, (248, 206, 90)), (0, (240, 120, 110)), (2, (250, 238, 226))):
        at.line([(0, -5), (lean, -10)], 0.4, (84, 140, 84))
        at.disc(lean, -10, 1.5, bloom)
        at.disc(lean, -10, 0.6, (214, 150, 60))
    at.oval(0, -2.6, 2.4, 2.6, lighter(colour, 30))
    at.box(-1.1, -6, 2.2, 2.6, lighter(colour, 30))
