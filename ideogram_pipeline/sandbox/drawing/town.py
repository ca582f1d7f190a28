"""Houses, towers, lamps, fences: the parts that people have built."""

from __future__ import annotations

from ideogram_pipeline.sandbox.drawing.canvas import Canvas, Spot
from ideogram_pipeline.sandbox.drawing.paint import LIT, Colour, darker, lighter

WALLS: tuple[Colour, ...] = (
    (236, 198, 150), (226, 146, 122), (166, 190, 202), (242, 224, 192), (184, 160, 190),
    (150, 186, 160),
)  # fmt: skip
ROOFS: tuple[Colour, ...] = ((186, 84, 70), (122, 78, 92), (80, 98, 124), (200, 120, 70))
CREAM: Colour = (252, 246, 234)
IRON: Colour = (56, 62, 84)


def house(canvas: Canvas, x: float, y: float, size: float, far: int = 0) -> None:
    """A gabled house, ``size`` wide."""
    dice = canvas.dice("house", int(x), far)
    at = canvas.at(x, y, size, far)
    wall, roof = dice.pick(WALLS), dice.pick(ROOFS)
    top = -dice.between(0.62, 0.95)
    if dice.chance(70):
        at.box(0.16, top - 0.42, 0.12, 0.4, darker(roof))
    at.box(-0.5, top, 1, -top, wall)
    at.box(0.28, top, 0.22, -top, darker(wall, 10))
    at.shape([(-0.58, top), (0, top - 0.46), (0.58, top)], roof)
    at.shape([(0, top - 0.46), (0.58, top), (0.2, top)], darker(roof))
    at.box(-0.1, -0.36, 0.2, 0.36, darker(roof, 30), corner=0.06)
    for middle in (-0.32, 0.32):
        at.box(middle - 0.08, top * 0.78, 0.16, 0.2, lighter(wall, 50))
        glass: Colour = LIT if canvas.light.dark else (116, 152, 176)
        at.box(middle - 0.06, top * 0.78 + 0.02, 0.12, 0.16, glass)


def village(canvas: Canvas, y: float, size: float, far: int, share: int) -> None:
    """A row of houses with gaps, ``share`` percent of the places taken."""
    dice = canvas.dice("village")
    x = dice.between(0, 1) * size
    while x < canvas.width:
        wide, low = size * dice.between(0.8, 1.15), y + dice.between(-0.1, 0.1) * size
        if dice.chance(share):
            house(canvas, x, low, wide, far)
        x += size * dice.between(1.05, 1.7)


def skyline(canvas: Canvas, y: float, size: tuple[float, float], far: int, wall: Colour) -> None:
    """A row of towers, about ``size`` wide and at most so high, that stand at ``y``."""
    dice = canvas.dice("skyline", far)
    x = -dice.between(0, 0.6) * size[0]
    while x < canvas.width:
        wide = size[0] * dice.between(0.7, 1.25)
        tall = size[1] * dice.between(0.5, 1.0) / wide
        shade = dice.below(18)
        colour = darker(wall, shade) if dice.chance(60) else lighter(wall, shade)
        at = canvas.at(x, y, wide, far)
        _roof(at, dice.below(5), tall, colour)
        at.box(0, -tall, 1, tall, colour)
        if canvas.detail:
            at.box(0.8, -tall, 0.2, tall, darker(colour, 12))
        _windows(at, tall, colour)
        x += wide * dice.between(0.92, 1.3)


def _roof(at: Spot, kind: int, tall: float, wall: Colour) -> None:
    if kind == 0:
        at.shape([(0, -tall), (0.5, -tall - 0.4), (1, -tall)], darker(wall, 12))
    elif kind == 1:
        at.box(0.18, -tall - 0.22, 0.64, 0.24, wall)
        at.box(0.47, -tall - 0.7, 0.06, 0.5, wall)
    elif kind == 2:
        at.disc(0.5, -tall, 0.42, darker(wall, 8))
    elif kind == 3 and at.canvas.detail:
        at.box(0.6, -tall - 0.3, 0.22, 0.2, (150, 104, 80), corner=0.04)
        for leg in (0.64, 0.74):
            at.box(leg, -tall - 0.12, 0.04, 0.14, wall)


def _windows(at: Spot, tall: float, wall: Colour) -> None:
    canvas = at.canvas
    dice = canvas.dice("windows", at.far, int(at.x))
    columns = (2, 3, 4)[canvas.detail]
    cell = 0.8 / columns
    lit = 58 if canvas.light.dark else 6
    for row in range(int(tall / (cell * 1.5))):
        for column in range(columns):
            glass = LIT if dice.chance(lit) else darker(wall, 30)
            if dice.chance(88):
                left, top = cell * (column + 0.3), cell * (row * 1.5 + 0.55) - tall
                at.box(left, top, cell * 0.5, cell * 0.8, glass)


def lamp(canvas: Canvas, x: float, y: float, size: float) -> None:
    """A street lamp, ``size`` high, lit in the dark."""
    at = canvas.at(x, y, size)
    at.box(-0.016, -0.86, 0.032, 0.86, IRON)
    at.box(-0.05, -0.06, 0.1, 0.06, IRON)
    at.shape([(-0.08, -0.88), (0, -1), (0.08, -0.88)], IRON)
    if canvas.light.dark:
        for ring in range(1 + canvas.detail):
            at.glow(0, -0.83, 0.14 + 0.1 * ring, 0.14 + 0.1 * ring, LIT, 26)
    glass: Colour = LIT if canvas.light.dark else (226, 232, 226)
    at.box(-0.055, -0.88, 0.11, 0.12, glass, corner=0.03)


def fence(canvas: Canvas, y: float, size: float) -> None:
    """A picket fence across the picture, ``size`` high."""
    at = canvas.at(0, y, size)
    across = canvas.width / size
    for rail in (-0.3, -0.68):
        at.box(0, rail, across, 0.09, darker(CREAM, 12))
    for post in range(int(across / 0.42) + 1):
        x = post * 0.42
        at.shape([(x, 0), (x, -0.84), (x + 0.1, -1), (x + 0.2, -0.84), (x + 0.2, 0)], CREAM)


def lighthouse(canvas: Canvas, x: float, y: float, size: float, band: Colour) -> None:
    """A banded lighthouse, ``size`` high; its beam is on in the dark."""
    at = canvas.at(x, y, size, 8)
    if canvas.light.dark:
        lens, reach = y - size * 0.9, canvas.width
        for side in (-1, 1):
            end = x + side * reach
            beam = [(x, lens), (end, lens - reach * 0.17), (end, lens + reach * 0.06)]
            canvas.veil(beam, LIT, 20)
    for part in range(5):
        low, high = part * 0.16, (part + 1) * 0.16
        a, b = 0.13 - low * 0.055, 0.13 - high * 0.055
        at.shape([(-a, -low), (-b, -high), (b, -high), (a, -low)], band if part % 2 else CREAM)
    at.box(-0.112, -0.82, 0.224, 0.025, (70, 78, 98))
    glass: Colour = LIT if canvas.light.dark else (190, 220, 230)
    at.box(-0.058, -0.93, 0.117, 0.11, glass)
    at.shape([(-0.08, -0.92), (0, -1), (0.08, -0.92)], band)
    at.box(-0.026, -0.13, 0.052, 0.13, (92, 62, 66), corner=0.023)


def awning(at: Spot, stripe: Colour) -> None:
    """A striped awning, scalloped at its lower edge; its size is its width."""
    cell = 1 / 8
    for part in range(8):
        cloth = stripe if part % 2 else CREAM
        left = part * cell
        a, b = 0.06 + left * 0.88, 0.06 + (left + cell) * 0.88
        at.shape([(left, cell), (a, 0), (b, 0), (left + cell, cell)], cloth)
        at.disc(left + cell / 2, cell, cell / 2, cloth)


def paving(canvas: Canvas, top: float, colour: Colour) -> None:
    """A pavement from ``top`` down, with joints that run towards the viewer."""
    u, middle = canvas.unit, canvas.width / 2
    canvas.box(0, top, canvas.width, canvas.height - top, colour)
    canvas.box(0, top, canvas.width, u * 0.9, lighter(colour, 34))
    if not canvas.detail:
        return
    joint = darker(colour, 12)
    for row in (0.16, 0.38, 0.68):
        canvas.box(0, top + (canvas.height - top) * row, canvas.width, u * 0.25, joint)
    step = u * (18 if canvas.detail == 1 else 12)
    count = int(canvas.width / step) + 2
    for number in range(-count, count):
        ends = [(middle + number * step, top), (middle + number * step * 1.7, canvas.height)]
        canvas.line(ends, u * 0.25, joint)
