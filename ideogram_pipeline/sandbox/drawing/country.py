"""Scenes in the country: a meadow, a garden, a snowfield."""

from __future__ import annotations

from ideogram_pipeline.sandbox.drawing import land, plants, town
from ideogram_pipeline.sandbox.drawing.canvas import Canvas, Spot
from ideogram_pipeline.sandbox.drawing.land import SNOW
from ideogram_pipeline.sandbox.drawing.paint import Colour, darker, mix
from ideogram_pipeline.sandbox.drawing.plants import SEASONS
from ideogram_pipeline.sandbox.drawing.sky import paint_sky
from ideogram_pipeline.sandbox.drawing.story import Story


def meadow(canvas: Canvas, story: Story) -> None:
    """Hills behind hills, a village far away, trees, and a path through the grass."""
    season = SEASONS[story.season]
    u, line = canvas.unit, canvas.horizon
    paint_sky(canvas, story)
    if canvas.dice("peaks").chance(55):
        land.mountains(canvas, line + u * 6, u * 30, 62, (112, 122, 158))
    back = land.hill(canvas, "far", line + u * 3, u * 13, darker(season.ground, 10), 52)
    plants.grove(canvas, back, season, u * 9, 52, 1.6)
    middle = land.hill(canvas, "middle", line + u * 9, u * 10, season.ground, 26)
    inhabited = story.has("village", "town", "cottage", "cottages", "letter", "farm", "lane")
    town.village(
        canvas, line + u * 6.5, u * (13 if inhabited else 10), 25, 100 if inhabited else 30
    )
    plants.grove(canvas, middle, season, u * 18, 22, 0.8)
    land.hill(canvas, "near", line + u * 16, u * 6, mix(season.ground, (90, 160, 90), 14))
    _path(canvas, line + u * 13)
    plants.grass(canvas, line + u * 19, canvas.floor, season.ground, season.blooms)
    plants.side_trees(canvas, season, u * 46)


def _path(canvas: Canvas, top: float) -> None:
    """A path that winds from ``top`` towards the viewer and widens."""
    dice = canvas.dice("path")
    u = canvas.unit
    start = dice.between(0.3, 0.7) * canvas.width
    bend = start + dice.between(-16, 16) * u
    end = canvas.width / 2 + dice.between(-12, 12) * u
    left, right = [], []
    for step in range(13):
        t = step / 12
        x = start * (1 - t) * (1 - t) + 2 * bend * t * (1 - t) + end * t * t
        y, half = top + (canvas.height - top) * t, u * (0.6 + 15 * t * t)
        left.append((x - half, y))
        right.append((x + half, y))
    canvas.shape([*left, *reversed(right)], (232, 206, 158))


def meadow_front(canvas: Canvas, story: Story) -> None:
    """Grass and flowers before the feet."""
    season = SEASONS[story.season]
    u = canvas.unit
    top, bottom = canvas.floor + u * 2, canvas.height + u * 2
    plants.grass(canvas, top, bottom, season.ground, season.blooms)
    if canvas.detail > 1:
        plants.branches(canvas, season.crowns[0])


def garden(canvas: Canvas, story: Story) -> None:
    """A glasshouse, a fence, beds in rows and fruit trees."""
    season = SEASONS[story.season]
    u, line = canvas.unit, canvas.horizon
    paint_sky(canvas, story)
    back = land.hill(canvas, "far", line + u * 1, u * 10, darker(season.ground, 8), 50)
    plants.grove(canvas, back, season, u * 12, 46, 1.8, "rro")
    x = canvas.width * canvas.dice("garden").pick((0.22, 0.78))
    _glasshouse(canvas.at(x, line + u * 8, u * 40))
    town.fence(canvas, line + u * 9, u * 9)
    canvas.box(0, line + u * 8.4, canvas.width, canvas.height, season.ground)
    plants.side_trees(canvas, season, u * 42)
    for row in range(3):
        _bed(canvas, story, row)


def _glasshouse(at: Spot) -> None:
    frame: Colour = (250, 248, 240)
    at.box(-0.5, -0.55, 1, 0.55, (198, 228, 226))
    at.shape([(-0.55, -0.55), (-0.3, -0.82), (0.3, -0.82), (0.55, -0.55)], (176, 214, 218))
    dice = at.canvas.dice("glasshouse")
    for plant in range(7):
        at.disc(plant * 0.14 - 0.42, -dice.between(0.06, 0.18), 0.08, (136, 188, 146))
    for bar in range(7):
        x = bar / 6 - 0.5
        at.box(x - 0.008, -0.55, 0.016, 0.55, frame)
        at.line([(x, -0.55), (x * 0.6, -0.82)], 0.014, frame)
    for beam in (0.0, 0.275, 0.55):
        at.box(-0.5, -beam - 0.008, 1, 0.016, frame)


def _bed(canvas: Canvas, story: Story, row: int) -> None:
    dice = canvas.dice("bed", row)
    u = canvas.unit
    y = canvas.horizon + u * (13 + row * 8)
    canvas.box(-u, y, canvas.width + 2 * u, u * (2.2 + row * 0.7), (126, 88, 66), corner=u)
    vegetables = row % 2 == canvas.dice("crop").below(2)
    bloom = dice.pick(SEASONS[story.season].blooms or (SNOW,))
    x = dice.between(0, 4) * u
    while x < canvas.width:
        at = canvas.at(x, y, u * (3.4 + row * 1.4))
        if vegetables:
            at.disc(0, 0, 0.5, (86, 150, 92))
            at.disc(-0.1, -0.12, 0.3, (122, 182, 108))
        else:
            plants.flower(at, 1.3, bloom)
        x += u * (5 + row * 1.6)


def snowfield(canvas: Canvas, story: Story) -> None:
    """Mountains, firs under snow, a cabin."""
    season = SEASONS["winter"]
    u, line = canvas.unit, canvas.horizon
    dice = canvas.dice("snowfield")
    paint_sky(canvas, story)
    reach = min(line * 0.62, u * 60)
    land.mountains(canvas, line + u * 8, reach, 46, (104, 122, 164))
    land.mountains(canvas, line + u * 9, reach * 0.55, 26, (96, 116, 156))
    back = land.hill(canvas, "far", line + u * 7, u * 9, (206, 222, 240), 22)
    plants.grove(canvas, back, season, u * 13, 30, 1.5, "p")
    middle = land.hill(canvas, "middle", line + u * 15, u * 9, (222, 234, 246), 8)
    town.house(canvas, canvas.width * dice.pick((0.2, 0.8)), line + u * 12, u * 19, 8)
    plants.grove(canvas, middle, season, u * 26, 8, 0.6, "p")
    land.hill(canvas, "near", line + u * 24, u * 6, SNOW)
    for side in (0.04, 0.97):
        at = canvas.at(canvas.width * side, canvas.floor, u * dice.between(44, 60))
        plants.pine(at, season.crowns[0], snowy=True)


def snow_front(canvas: Canvas, _story: Story) -> None:
    """Soft drifts in the snow before the feet."""
    dice = canvas.dice("drifts")
    u = canvas.unit
    for _ in range(3 + canvas.detail * 3):
        x, y = dice.between(0, canvas.width), canvas.height - dice.between(0, 9) * u
        canvas.oval(x, y, u * dice.between(5, 14), u * dice.between(0.5, 1.2), (212, 226, 242))
