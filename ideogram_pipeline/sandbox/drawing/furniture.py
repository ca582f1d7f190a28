"""Walls, floors and what stands in rooms."""

from __future__ import annotations

from ideogram_pipeline.sandbox.drawing import land
from ideogram_pipeline.sandbox.drawing.canvas import Canvas, Spot
from ideogram_pipeline.sandbox.drawing.paint import LIT, Colour, darker, lighter, mix
from ideogram_pipeline.sandbox.drawing.plants import SEASONS
from ideogram_pipeline.sandbox.drawing.story import Story

WALLPAPERS: tuple[Colour, ...] = (
    (240, 214, 182), (188, 212, 200), (236, 190, 176), (184, 202, 222), (226, 208, 228),
    (246, 224, 160),
)  # fmt: skip
WOOD: Colour = (170, 116, 78)
IRON: Colour = (70, 66, 78)
WHITE: Colour = (252, 248, 238)


def wallpaper(canvas: Canvas) -> Colour:
    """Paper the wall down to the horizon, striped or dotted; returns its colour."""
    dice = canvas.dice("wallpaper")
    paper = dice.pick(WALLPAPERS)
    u, line = canvas.unit, canvas.horizon
    striped = dice.chance(50)
    canvas.gradient((darker(paper, 10), paper, lighter(paper, 24)), 0, line + u)
    if not canvas.detail:
        return paper
    motif = darker(paper, 7)
    columns = range(int(canvas.width / (u * 8)) + 1)
    if striped:
        for column in columns:
            canvas.box(column * u * 8, 0, u * 3, line, motif)
        return paper
    for row in range(int(line / (u * 6)) + 1):
        for column in columns:
            x = (column + row % 2 * 0.5) * u * 8
            canvas.disc(x, row * u * 6, u * 0.8, motif)
    return paper


def tiling(canvas: Canvas, top: float, bottom: float, tint: Colour) -> None:
    """White tiles across the wall, some of them tinted."""
    u = canvas.unit
    white: Colour = (244, 240, 230)
    joint: Colour = (222, 214, 204)
    side = u * 5.5
    rows, columns = int((bottom - top) / side), int(canvas.width / side) + 1
    canvas.box(0, top, canvas.width, bottom - top, white)
    for row in range(rows):
        for column in range(columns):
            if (row * 7 + column * 3) % 5 == 0 and canvas.detail:
                canvas.box(column * side, top + row * side, side, side, mix(white, tint, 60))
        canvas.box(0, top + row * side, canvas.width, u * 0.3, joint)
    for column in range(columns):
        canvas.box(column * side, top, u * 0.3, bottom - top, joint)


def floorboards(canvas: Canvas, top: float, colour: Colour) -> None:
    """Boards that run towards the viewer."""
    u, middle = canvas.unit, canvas.width / 2
    canvas.gradient((lighter(colour, 10), colour, darker(colour, 12)), top, canvas.height)
    count = int(canvas.width / (u * 16)) + 3
    for board in range(-count, count + 1):
        ends = [(middle + board * u * 9, top), (middle + board * u * 17, canvas.height)]
        canvas.line(ends, u * 0.35, darker(colour, 20))


def window(canvas: Canvas, story: Story, x: float, y: float, size: tuple[float, float]) -> None:
    """A curtained window of the given size around ``x``, ``y``, with the sky of the hour."""
    u = canvas.unit
    wide, tall = size
    left, top = x - wide / 2, max(u * 4, y - tall / 2)
    tall = y + tall / 2 - top
    canvas.box(left - u * 1.6, top - u * 1.6, wide + u * 3.2, tall + u * 3.2, WHITE, corner=u)
    _view(canvas, story, (left, top, wide, tall))
    canvas.box(x - u * 0.6, top, u * 1.2, tall, WHITE)
    canvas.box(left, top + tall * 0.42, wide, u * 1.2, WHITE)
    canvas.box(left - u * 3, top + tall + u, wide + u * 6, u * 2.2, darker(WHITE, 8))
    cloth = mix(story.accents[-1], (255, 246, 232), 34)
    for side in (-1, 1):
        edge = x + side * (wide / 2 + u * 2.4)
        canvas.shape(
            [(edge, top - u * 3), (x + side * wide * 0.27, top - u * 3),
             (x + side * wide * 0.36, top + tall * 0.5),
             (x + side * (wide / 2 - u), top + tall + u), (edge + side * u * 1.4, top + tall + u)],
            cloth,
        )  # fmt: skip
    canvas.box(left - u * 4, top - u * 4, wide + u * 8, u * 1.4, darker(WOOD, 10), corner=u * 0.6)


def _view(canvas: Canvas, story: Story, pane: tuple[float, float, float, float]) -> None:
    left, top, wide, tall = pane
    high, middle, low = canvas.light.sky
    season = SEASONS[story.season]
    bands = 14
    for band in range(bands):
        share = band * 200 // bands
        ink = mix(high, middle, share) if share < 100 else mix(middle, low, share - 100)
        canvas.box(left, top + tall * band / bands, wide, tall / bands + 1, ink)
    sun: Colour = (250, 244, 214) if canvas.light.dark else (255, 244, 196)
    place = 0.72 if canvas.light.dark else 0.28
    canvas.disc(left + wide * place, top + tall * 0.24, wide * 0.09, sun)
    ground = top + tall * 0.78
    for across, size in ((0.16, 0.13), (0.5, 0.09), (0.82, 0.15)):
        canvas.disc(left + wide * across, ground, wide * size, season.crowns[0], 34)
    canvas.box(left, ground, wide, top + tall - ground, season.ground, 24)


def lamps(canvas: Canvas, story: Story) -> None:
    """Lamps on long cords, with shades in the character's colour, lit in the dark."""
    u = canvas.unit
    count = max(1, int(canvas.width / (u * 60)))
    drop = max(min(u * 20, canvas.horizon * 0.3), canvas.horizon - u * 78)
    for number in range(count):
        x = canvas.width * (number + 0.5) / count
        canvas.box(x - u * 0.25, 0, u * 0.5, drop, IRON)
        at = canvas.at(x, drop, u)
        if canvas.light.dark:
            at.glow(0, 4, 16, 16, LIT, 20)
            at.glow(0, 4, 9, 9, LIT, 26)
        at.disc(0, 4, 2, (255, 240, 190))
        at.shape([(-1.6, 0), (1.6, 0), (6, 4.6), (-6, 4.6)], story.accents[0])


def rug(canvas: Canvas, story: Story) -> None:
    """An oval rug in the character's colours under its feet."""
    u = canvas.unit
    wide = min(canvas.width * 0.46, u * 62)
    main, trim = story.accents[0], story.accents[-1]
    rings = ((1.0, lighter(trim, 34)), (0.92, main), (0.74, lighter(main, 34)), (0.66, main))
    for share, colour in rings:
        wool = mix(colour, (240, 220, 196), 22)
        canvas.oval(canvas.width / 2, canvas.floor - u * 2, wide * share, u * 11 * share, wool)


def fireplace(canvas: Canvas, x: float, y: float) -> None:
    """A fire in a hearth of pale stone, candles on the mantelpiece."""
    at = canvas.at(x, y, canvas.unit)
    stone: Colour = (214, 196, 184)
    soot: Colour = (66, 46, 52)
    at.box(-21, -30, 42, 30, stone)
    at.box(-24, -33, 48, 4, darker(WOOD, 8), corner=1)
    if canvas.detail:
        for row in range(5):
            for column in range(row % 2, 5, 2):
                at.box(-20 + column * 8.4, -28 + row * 5.8, 7, 4, darker(stone, 8), corner=1)
    at.box(-13, -21, 26, 21, soot, corner=5)
    at.box(-13, -8, 26, 8, soot)
    flames = ((8.0, 15.0, (226, 96, 48)), (5.4, 11.0, (246, 156, 54)), (2.8, 6.5, (255, 226, 130)))
    for wide, tall, flame in flames:
        at.shape(
            [(-wide, -2), (-wide * 0.9, -tall * 0.5), (-wide * 0.3, -tall * 0.7), (0, -tall - 2),
             (wide * 0.4, -tall * 0.62), (wide * 0.9, -tall * 0.5), (wide, -2)], flame,
        )  # fmt: skip
    at.box(-10, -3.4, 20, 2.6, (110, 70, 54), corner=1.3)
    at.glow(0, -8, 24, 24, (255, 180, 90), 12)
    for place, tall in ((-17, 6), (16, 8)):
        at.box(place - 0.9, -33 - tall, 1.8, tall, WHITE)
        at.oval(place, -34.4 - tall, 0.8, 1.4, (255, 190, 80))


def frames(canvas: Canvas, lowest: float) -> None:
    """Framed pictures in rows, from ``lowest`` up as far as the wall goes."""
    u = canvas.unit
    dice = canvas.dice("frames")
    y = lowest
    while y > u * 16:
        x = u * dice.between(10, 26)
        while x < canvas.width - u * 8:
            if dice.chance(70):
                at = canvas.at(x, y - u * dice.between(0, 6), u)
                frame = dice.pick(((206, 160, 84), (120, 82, 66), (250, 246, 236)))
                paper = dice.pick(((206, 226, 226), (250, 236, 210), (60, 74, 112)))
                at.box(-5.5, 0, 11, 13, frame)
                at.box(-4.5, 1, 9, 11, paper)
                dice.pick((_peak, _sail, _portrait))(at)
            x += u * dice.between(22, 40)
        y -= u * 26


def _peak(at: Spot) -> None:
    at.disc(1, 4.6, 1.6, (250, 226, 150))
    at.shape([(-4.5, 12), (-1, 6.4), (4.5, 12)], (110, 150, 130))


def _sail(at: Spot) -> None:
    at.box(-4.5, 9.4, 9, 2.6, (90, 146, 172))
    land.boat(at.canvas, at.x, at.y + at.size * 9.8, at.size * 4.5, (240, 120, 100))


def _portrait(at: Spot) -> None:
    at.disc(0, 5.2, 1.7, (236, 150, 110))
    at.box(-2.4, 8.4, 4.8, 3.6, (96, 130, 150), corner=1)


def plant(canvas: Canvas, x: float, y: float) -> None:
    """A pot plant with long leaves."""
    at = canvas.at(x, y, canvas.unit)
    leaves = ((-7.0, 22), (-3.5, 29), (0.5, 33), (4.0, 28), (7.5, 21))
    for number, (lean, tall) in enumerate(leaves):
        green: Colour = (100, 164, 106) if number % 2 else (78, 142, 98)
        middle, half = lean * 1.1, tall * 0.55
        at.shape([(0, -8), (middle - 2, -half), (lean * 1.4, -tall), (middle + 2, -half)], green)
    at.shape([(-5.6, -10), (5.6, -10), (4.2, 0), (-4.2, 0)], (206, 122, 86))
    at.box(-6.2, -11.4, 12.4, 2.6, (220, 140, 100))
