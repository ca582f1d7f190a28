"""Scenes by the sea and in it: a beach, a harbour, a reef."""

from __future__ import annotations

from ideogram_pipeline.sandbox.drawing import land, plants, town
from ideogram_pipeline.sandbox.drawing.canvas import Canvas, Spot
from ideogram_pipeline.sandbox.drawing.land import SAND
from ideogram_pipeline.sandbox.drawing.paint import Colour, darker, lighter
from ideogram_pipeline.sandbox.drawing.sky import paint_sky
from ideogram_pipeline.sandbox.drawing.story import Story

SAIL: Colour = (250, 240, 220)
_FISH: tuple[Colour, ...] = ((250, 176, 70), (240, 96, 96), (250, 230, 120), (160, 220, 230))
_CORALS: tuple[Colour, ...] = ((238, 110, 120), (246, 164, 90), (178, 110, 196), (92, 186, 150))


def beach(canvas: Canvas, story: Story) -> None:
    """Sea to the horizon, sails, sand, a palm and a parasol."""
    u, line = canvas.unit, canvas.horizon
    dice = canvas.dice("beach")
    paint_sky(canvas, story)
    island, with_island = dice.between(0.05, 0.9) * canvas.width, dice.chance(60)
    if with_island:
        canvas.oval(island, line, u * 20, u * 6, (92, 140, 122), 40)
        canvas.oval(island + u * 14, line, u * 14, u * 4, (92, 140, 122), 48)
    shore = line + (canvas.height - line) * 0.42
    land.water(canvas, line, shore + u * 6)
    _sails(canvas, story, (0.08, 0.92), u * 6)
    land.hill(canvas, "foam", shore + u * 4.5, u * 4, (250, 252, 248))
    land.hill(canvas, "wet", shore + u * 6.5, u * 4, darker(SAND, 14))
    land.hill(canvas, "sand", shore + u * 9, u * 4, SAND)
    side = dice.pick((0.1, 0.9))
    plants.palm(canvas.at(canvas.width * side, shore + u * 14, u * 52), 0.2 if side < 0.5 else -0.2)
    x, y = canvas.width * (1 - side), shore + u * 15
    canvas.line([(x, y), (x + u * 3, y - u * 26)], u * 0.9, (250, 244, 230))
    _parasol(canvas.at(x + u * 3, y - u * 22, u * 15), story.accents[0])


def _sails(canvas: Canvas, story: Story, reach: tuple[float, float], size: float) -> None:
    dice = canvas.dice("sails")
    for number in range(1 + canvas.detail):
        x = dice.between(*reach) * canvas.width
        y = canvas.horizon + canvas.unit * (2 + number * 3.5)
        sail = dice.pick((*story.accents, SAIL))
        land.boat(canvas, x, y, size + canvas.unit * number * 3, sail, 20)


def _parasol(at: Spot, colour: Colour) -> None:
    ribs = (-1.0, -0.62, -0.22, 0.22, 0.62, 1.0)
    dome = (0.0, -0.38, -0.5, -0.5, -0.38, 0.0)
    for number in range(5):
        a, b = ribs[number], ribs[number + 1]
        cloth = colour if number % 2 == 0 else SAIL
        at.shape([(a, dome[number]), (b, dome[number + 1]), (b, 0), (a, 0)], cloth)


def beach_front(canvas: Canvas, _story: Story) -> None:
    """Shells and pebbles in the sand."""
    dice = canvas.dice("shells")
    u = canvas.unit
    for _ in range((6, 16, 34)[canvas.detail]):
        x, y = dice.between(0, canvas.width), canvas.height - dice.between(1, 20) * u
        colour = dice.pick((darker(SAND, 14), (250, 236, 214), (240, 150, 130), darker(SAND, 22)))
        canvas.oval(x, y, u * dice.between(0.4, 1.2), u * 0.5, colour)


def harbour(canvas: Canvas, story: Story) -> None:
    """A lighthouse on its rock, houses across the water, boats, and a jetty of planks."""
    u, line = canvas.unit, canvas.horizon
    dice = canvas.dice("harbour")
    paint_sky(canvas, story)
    side = dice.pick((0.17, 0.83))
    land.water(canvas, line, canvas.height, (46, 112, 146))
    if story.has("harbour", "harbor", "port", "quay", "fishing", "market"):
        coast = canvas.width * (1 - side)
        canvas.oval(coast, line + u * 1.6, u * 36, u * 2, (110, 130, 112), 26)
        for number in range(-2, 3):
            size = u * canvas.dice("coast", number).between(9, 13)
            town.house(canvas, coast + number * u * 12, line + u * 1.5, size, 26)
    at = canvas.at(canvas.width * side, line, u, 12)
    rock: Colour = (104, 108, 124)
    at.shape([(-24, 7), (-15, -3), (-3, -7), (12, -4), (25, 7)], rock)
    at.shape([(2, -6), (12, -4), (25, 7), (8, 7)], darker(rock))
    band = dice.pick(((204, 62, 62), (48, 92, 150), (34, 118, 112)))
    town.lighthouse(canvas, at.x, line - u * 4, min(u * 62, line * 0.78), band)
    _sails(canvas, story, (0.3, 0.75), u * 8)
    _jetty(canvas, canvas.floor - u * 10)


def _jetty(canvas: Canvas, top: float) -> None:
    u, middle = canvas.unit, canvas.width / 2
    plank: Colour = (168, 122, 86)
    canvas.box(0, top, canvas.width, canvas.height, plank)
    canvas.box(0, top, canvas.width, u * 1.1, lighter(plank, 30))
    count = int(canvas.width / (u * 11)) + 2
    for number in range(-count, count + 1):
        joint = [(middle + number * u * 8, top), (middle + number * u * 13, canvas.height)]
        canvas.line(joint, u * 0.4, darker(plank, 26))
    for place in (0.06, 0.94):
        at = canvas.at(canvas.width * place, top, u)
        at.box(-2.2, -9, 4.4, 20, darker(plank, 24), corner=1)
        at.box(-2.6, -6, 5.2, 1.6, (236, 222, 190), corner=0.6)


def reef(canvas: Canvas, _story: Story) -> None:
    """Under water: rays of light, corals, weed and fish."""
    u, line = canvas.unit, canvas.horizon
    canvas.gradient(canvas.light.sky, 0, canvas.height)
    rays = canvas.dice("rays")
    low = canvas.height * 0.8
    for _ in range(4 + canvas.detail):
        x, wide = rays.between(-0.1, 1) * canvas.width, u * rays.between(4, 12)
        ray = [(x, 0), (x + wide, 0), (x + wide * 2.4 + u * 24, low), (x + u * 24, low)]
        canvas.veil(ray, (224, 250, 246), 12)
    land.hill(canvas, "far", line + u * 6, u * 14, (40, 92, 140), 20)
    land.hill(canvas, "middle", line + u * 13, u * 8, (60, 110, 142))
    dice = canvas.dice("corals")
    for number in range(int(canvas.width / (u * 13)) + 1):
        x, y = (number + dice.between(0.1, 0.9)) * u * 13, line + u * dice.between(14, 20)
        at = canvas.at(x, y, u * dice.between(0.8, 1.4), 8)
        (_coral if dice.chance(55) else _weed)(at, dice.pick(_CORALS))
    canvas.gradient((SAND, darker(SAND, 22)), line + u * 22, canvas.height)
    land.hill(canvas, "sand", line + u * 21, u * 4, SAND)
    swarm = canvas.dice("fish")
    for _ in range(5 + canvas.detail * 4):
        x, y = swarm.between(0.03, 0.97) * canvas.width, swarm.between(0.08, 0.75) * line
        _fish(canvas.at(x, y, u * swarm.between(2.4, 5.5)), swarm.pick(_FISH), swarm.pick((-1, 1)))


def _coral(at: Spot, colour: Colour) -> None:
    for arm, tall in ((-2, 9), (-1, 13), (0, 11), (1, 14), (2, 8)):
        at.line([(0, 0), (arm * 1.6, -5), (arm * 2.6, -tall)], 1.3, colour)
        at.disc(arm * 2.6, -tall, 0.7, colour)


def _weed(at: Spot, _colour: Colour) -> None:
    at.line([(1.6 if bend % 2 else -1.6, bend * -3.5) for bend in range(7)], 1.1, (52, 140, 104))


def _fish(at: Spot, colour: Colour, way: int) -> None:
    at.shape([(-way * 0.7, 0), (-way * 1.5, -0.55), (-way * 1.5, 0.55)], darker(colour, 12))
    at.oval(0, 0, 1, 0.6, colour)
    at.oval(way * 0.1, 0, 0.14, 0.52, lighter(colour, 50))
    at.disc(way * 0.6, -0.12, 0.11, (34, 36, 60))


def reef_front(canvas: Canvas, _story: Story) -> None:
    """Bubbles rising past the figure."""
    dice = canvas.dice("bubbles")
    for _ in range((10, 24, 48)[canvas.detail]):
        x, y = dice.between(0, canvas.width), dice.between(0, 0.95) * canvas.height
        canvas.glow(x, y, canvas.unit * dice.between(0.4, 1.6), (236, 252, 252), 40)
