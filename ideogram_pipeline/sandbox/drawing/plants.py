"""Trees, grass and flowers, in the colours of a season."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ideogram_pipeline.sandbox.drawing.canvas import Canvas, Point, Spot
from ideogram_pipeline.sandbox.drawing.land import SNOW, height_at
from ideogram_pipeline.sandbox.drawing.paint import Colour, darker, lighter, mix

BARK: Colour = (112, 78, 60)


@dataclass(frozen=True, slots=True)
class Season:
    """What a time of the year paints a landscape with."""

    ground: Colour
    crowns: tuple[Colour, ...]
    blooms: tuple[Colour, ...]


SEASONS = {
    "spring": Season(
        ground=(140, 192, 96),
        crowns=((242, 176, 192), (250, 206, 214), (150, 194, 104)),
        blooms=((250, 236, 240), (246, 170, 190), (250, 220, 110)),
    ),
    "summer": Season(
        ground=(112, 176, 86),
        crowns=((70, 146, 84), (94, 166, 80), (52, 126, 90)),
        blooms=((250, 214, 90), (238, 104, 92), (252, 246, 236), (168, 120, 200)),
    ),
    "autumn": Season(
        ground=(188, 168, 84),
        crowns=((226, 130, 54), (204, 88, 52), (238, 178, 70)),
        blooms=((214, 108, 60), (240, 196, 100)),
    ),
    "winter": Season(
        ground=(226, 236, 246),
        crowns=((92, 134, 138), (70, 112, 124), (112, 150, 150)),
        blooms=(),
    ),
}


def round_tree(at: Spot, crown: Colour) -> None:
    """A broad tree; its size is its height."""
    at.shape([(-0.08, 0), (-0.04, -0.6), (0.04, -0.6), (0.08, 0)], BARK)
    at.disc(0.15, -0.52, 0.21, darker(crown, 14))
    at.disc(-0.17, -0.55, 0.21, crown)
    at.disc(0.02, -0.74, 0.26, crown)
    if at.canvas.detail:
        at.disc(-0.07, -0.80, 0.15, lighter(crown, 14))
    if at.canvas.detail > 1:
        for x, y in ((0.1, -0.66), (-0.18, -0.56), (0.17, -0.52), (0.0, -0.9)):
            at.oval(x, y, 0.035, 0.018, lighter(crown, 30))


def pine(at: Spot, crown: Colour, snowy: bool = False) -> None:
    """A conifer; its size is its height."""
    at.box(-0.04, -0.2, 0.08, 0.2, BARK)
    for top, low, half in ((-0.52, -0.12, 0.27), (-0.78, -0.36, 0.21), (-1.0, -0.60, 0.15)):
        at.shape([(-half, low), (0, top), (half, low)], crown)
        at.shape([(0, top), (half, low), (half * 0.1, low)], darker(crown))
        if snowy:
            reach, edge = half * 0.45, top + (low - top) * 0.45
            at.shape(
                [(0, top), (reach, edge), (reach * 0.3, edge - 0.03), (-reach * 0.2, edge + 0.03),
                 (-reach, edge)], SNOW,
            )  # fmt: skip


def poplar(at: Spot, crown: Colour) -> None:
    """A slim tree; its size is its height."""
    at.box(-0.025, -0.3, 0.05, 0.3, BARK)
    at.oval(0, -0.58, 0.15, 0.42, crown)
    if at.canvas.detail:
        at.oval(-0.04, -0.62, 0.07, 0.30, lighter(crown))


def palm(at: Spot, lean: float) -> None:
    """A palm that leans sideways by ``lean`` of its height."""
    at.line([(0, 0), (lean * 0.25, -0.5), (lean, -1)], 0.07, (150, 108, 76))
    fronds = (
        (-0.46, 0.12), (-0.40, -0.14), (0.46, 0.12), (0.40, -0.14), (-0.1, -0.30), (0.2, 0.24),
        (-0.22, 0.26),
    )  # fmt: skip
    for x, y in fronds:
        green: Colour = (62, 140, 92) if y < 0 else (46, 118, 88)
        middle = lean + x * 0.5
        over, under = (middle, y * 0.5 - 1.14), (middle, y * 0.5 - 1.04)
        at.shape([(lean, -1), over, (lean + x, y - 1), under], green)
    for x in (-0.04, 0.05):
        at.disc(lean + x, -0.96, 0.045, (120, 78, 54))


def grove(
    canvas: Canvas,
    edge: Sequence[Point],
    season: Season,
    size: float,
    far: int,
    density: float,
    kinds: str = "rrpo",
) -> None:
    """Trees along the edge of a hill.

    ``kinds`` holds a letter for each sort to choose from: r(ound), p(ine) and o for poplars.
    """
    dice = canvas.dice("grove", far)
    winter = season is SEASONS["winter"]
    x = dice.between(-0.05, 0.05) * canvas.width
    while x < canvas.width * 1.03:
        tall = size * dice.between(0.75, 1.2)
        crown, kind = dice.pick(season.crowns), dice.pick(kinds)
        at = canvas.at(x, height_at(edge, x) + size * 0.06, tall * 1.15, far)
        if kind == "p":
            pine(at, darker(crown, 10), winter)
        elif kind == "o":
            poplar(at, crown)
        else:
            round_tree(at, crown)
        x += size * dice.between(0.35, 1.5) / density


def side_trees(canvas: Canvas, season: Season, size: float) -> None:
    """Large trees that frame the scene, left or right or both."""
    dice = canvas.dice("side trees")
    for side in (-1, 1):
        x = canvas.width * (0.5 + side * dice.between(0.40, 0.52))
        y = canvas.horizon + canvas.unit * dice.between(14, 20)
        crown, tall = dice.pick(season.crowns), size * dice.between(0.9, 1.3)
        if dice.chance(72):
            round_tree(canvas.at(x, y, tall), crown)


def grass(
    canvas: Canvas, top: float, bottom: float, colour: Colour, blooms: Sequence[Colour]
) -> None:
    """Tufts and flowers from ``top`` to ``bottom``, larger towards the viewer."""
    dice = canvas.dice("grass", int(top))
    u = canvas.unit
    area = canvas.width * (bottom - top) / (100 * u) ** 2
    count = int((60, 150, 320)[canvas.detail] * area)
    for y, x in sorted((dice.between(top, bottom), dice.between(0, 1)) for _ in range(count)):
        at = canvas.at(x * canvas.width, y, u * 0.8 + (y - canvas.horizon) * 0.06)
        if blooms and dice.chance(34):
            flower(at, 1.7, dice.pick(blooms))
            continue
        for lean in (-0.5, 0.0, 0.5):
            blade = [(lean - 0.18, 0), (lean * 1.9, -1.3), (lean + 0.18, 0)]
            at.shape(blade, darker(colour, 14))


def flower(at: Spot, tall: float, bloom: Colour) -> None:
    """A flower on its stem, ``tall`` times the size of the spot."""
    at.line([(0, 0), (0, -tall)], tall * 0.12, (74, 132, 70))
    if not at.canvas.detail:
        at.disc(0, -tall, tall * 0.3, bloom)
        return
    petal = tall * 0.2
    for x, y in ((0.0, -1.0), (0.95, -0.3), (0.6, 0.8), (-0.6, 0.8), (-0.95, -0.3)):
        at.disc(x * petal, y * petal - tall, petal * 0.82, bloom)
    at.disc(0, -tall, petal * 0.7, mix(bloom, (250, 200, 70), 75))


def mushroom(at: Spot) -> None:
    """A toadstool; its size is its height."""
    at.box(-0.12, -0.6, 0.24, 0.6, (246, 234, 214), corner=0.1)
    cap = [(-0.48, -0.48), (-0.3, -0.84), (0, -1), (0.3, -0.84), (0.48, -0.48)]
    at.shape(cap, (206, 72, 62))
    for x, y in ((-0.18, -0.66), (0.06, -0.82), (0.24, -0.6)):
        at.disc(x, y, 0.08, (252, 240, 224))


def branches(canvas: Canvas, leaf: Colour) -> None:
    """Leafy branches that reach into the upper left corner, close to the viewer."""
    dice = canvas.dice("branches")
    u = canvas.unit
    for _ in range(4):
        y, reach, sag = u * dice.between(-6, 12), dice.between(18, 36), dice.between(2, 16)
        at = canvas.at(-u * 4, y, u)
        joints = [(reach * t / 7, sag * t * t / 49) for t in range(8)]
        at.line(joints, 0.7, darker(BARK, 20))
        for x, y in joints[1:]:
            for way in (-1, 1):
                size, rise = dice.between(3.2, 5.2), way * dice.between(0.35, 0.8)
                _leaf(at, (x, y), (size * 0.85, size * rise), darker(leaf, 16 + dice.below(28)))


def _leaf(at: Spot, stem: Point, axis: Point, colour: Colour) -> None:
    outline = ((0, 0), (0.35, 0.3), (0.75, 0.2), (1, 0), (0.75, -0.2), (0.35, -0.3))
    (x, y), (ax, ay) = stem, axis
    at.shape([(x + a * ax - b * ay, y + a * ay + b * ax) for a, b in outline], colour)
