"""The light of a scene, and its sky: sun or moon, stars, clouds, birds, balloons."""

from __future__ import annotations

from dataclasses import replace

from ideogram_pipeline.sandbox.drawing.canvas import Canvas, Spot
from ideogram_pipeline.sandbox.drawing.paint import MOON, SUN, Colour, Light, lighter, mix
from ideogram_pipeline.sandbox.drawing.story import INDOORS, Story

LIGHTS = {
    "morning": Light(
        sky=((142, 202, 222), (206, 228, 220), (255, 232, 196)),
        haze=(250, 232, 206),
        tint=(255, 226, 176),
        strength=10,
    ),
    "day": Light(
        sky=((92, 182, 226), (150, 212, 236), (222, 242, 240)),
        haze=(212, 236, 240),
        tint=(255, 255, 240),
        strength=3,
    ),
    "sunset": Light(
        sky=((96, 84, 150), (226, 122, 116), (255, 208, 134)),
        haze=(246, 164, 124),
        tint=(242, 120, 88),
        strength=20,
    ),
    "dusk": Light(
        sky=((52, 62, 124), (146, 112, 172), (250, 178, 152)),
        haze=(196, 146, 172),
        tint=(84, 62, 130),
        strength=26,
        dark=True,
    ),
    "night": Light(
        sky=((16, 24, 58), (34, 52, 102), (72, 96, 144)),
        haze=(62, 84, 134),
        tint=(24, 36, 92),
        strength=54,
        dark=True,
    ),
    "rain": Light(
        sky=((108, 130, 150), (150, 170, 184), (196, 208, 210)),
        haze=(184, 198, 204),
        tint=(96, 120, 146),
        strength=22,
        dark=True,
    ),
}

CLOUD: Colour = (255, 253, 248)

# Shapes of clouds: centre and radius of each puff above a flat base.
_PUFFS = (
    ((-1.0, -0.28, 0.56), (-0.2, -0.62, 0.84), (0.8, -0.34, 0.62)),
    ((-0.9, -0.24, 0.50), (0.05, -0.50, 0.72), (0.62, -0.66, 0.60), (1.2, -0.16, 0.42)),
    ((-0.7, -0.42, 0.66), (0.3, -0.30, 0.60)),
)

# Where the time of day is of no account.
_SPACE = Light(((20, 16, 52), (44, 30, 92), (104, 58, 128)), (70, 50, 120), (60, 50, 120), 8, True)
_REEF = Light(((110, 206, 214), (38, 136, 182), (20, 74, 132)), (40, 120, 170), (30, 110, 170), 14)


def light_of(tale: Story) -> Light:
    """The light of a scene: rooms have their own, and the sky's stays outside the window."""
    if tale.scene == "space":
        return _SPACE
    if tale.scene == "reef":
        return _REEF
    light = LIGHTS[tale.time]
    if tale.scene in INDOORS:
        return replace(light, tint=(255, 196, 120), strength=12 if light.dark else 4)
    return light


def paint_sky(canvas: Canvas, story: Story) -> None:
    """The sky down to the horizon."""
    time = story.time
    canvas.gradient(canvas.light.sky, 0, canvas.horizon + canvas.unit * 6)
    if time in ("night", "dusk"):
        paint_stars(canvas, canvas.horizon, 22 if time == "dusk" else 70)
    if time != "rain":
        _orb(canvas, time)
    _clouds(canvas, time)
    if canvas.detail and time in ("morning", "day", "sunset"):
        _birds(canvas)
        if canvas.horizon > canvas.unit * 90 or canvas.dice("balloon").chance(20):
            _balloons(canvas, story)


def paint_stars(canvas: Canvas, depth: float, count: int) -> None:
    """Stars down to ``depth``, a few of them with rays."""
    dice = canvas.dice("stars")
    u = canvas.unit
    room = max(1, int(canvas.width * depth / (100 * u * 60 * u)))
    for number in range(count * room * (1 + canvas.detail) // 2):
        x, y = dice.between(0, canvas.width), dice.between(0, depth)
        size = dice.between(0.14, 0.42) * u
        if number % 9 == 0 and canvas.detail:
            rays = [(0, -4), (0.7, -0.7), (4, 0), (0.7, 0.7), (0, 4), (-0.7, 0.7), (-4, 0),
                    (-0.7, -0.7)]  # fmt: skip
            canvas.at(x, y, size).shape(rays, MOON)
        else:
            canvas.disc(x, y, size, MOON)


def _orb(canvas: Canvas, time: str) -> None:
    dice = canvas.dice("orb")
    u = canvas.unit
    low = time in ("sunset", "morning")
    x = canvas.width * dice.pick((dice.between(0.12, 0.34), dice.between(0.66, 0.84)))
    y = canvas.horizon * (dice.between(0.60, 0.80) if low else dice.between(0.20, 0.42))
    at = canvas.at(x, y, u * (9 if low else 7))
    moon = time in ("night", "dusk")
    colour = MOON if moon else SUN
    for ring in range(3 if canvas.detail else 1):
        halo = 1.45 + ring * 0.62
        at.glow(0, 0, halo, halo, colour, 16 - ring * 4)
    at.disc(0, 0, 1, colour)
    if moon:
        for dx, dy, size in ((-0.3, -0.2, 0.24), (0.32, 0.18, 0.17), (-0.08, 0.45, 0.13)):
            at.glow(dx, dy, size, size, (190, 184, 190), 45)


def _clouds(canvas: Canvas, time: str) -> None:
    dice = canvas.dice("clouds")
    u = canvas.unit
    wide = canvas.width / (100 * u)
    tall = canvas.horizon / (60 * u)
    count = int((2.2 + canvas.detail) * wide * max(1.0, tall * 0.8)) + (3 if time == "rain" else 0)
    if time == "night":
        count = count // 2
    for _ in range(count):
        depth = dice.between(0.10, 0.78)
        size = u * (10 - 6 * depth) * dice.between(0.8, 1.25)
        x, y = dice.between(-0.05, 1.05) * canvas.width, depth * canvas.horizon
        colour = mix(CLOUD, canvas.light.sky[1], 10 + int(depth * 45))
        if time == "rain":
            colour = mix(colour, (92, 108, 128), 30)
        _cloud(canvas.at(x, y, size), colour, dice.below(len(_PUFFS)))


def _cloud(at: Spot, colour: Colour, shape: int) -> None:
    puffs = _PUFFS[shape]
    left, right = puffs[0][0] - puffs[0][2], puffs[-1][0] + puffs[-1][2]
    shade = mix(colour, at.canvas.light.sky[0], 14)
    for drop, ink in ((0.16, shade), (0.0, colour)) if at.canvas.detail else ((0.0, colour),):
        for x, y, radius in puffs:
            at.disc(x, y + drop, radius, ink)
        at.box(left, drop - 0.46, right - left, 0.5, ink, corner=0.25)


def _balloons(canvas: Canvas, story: Story) -> None:
    """Hot-air balloons in the character's colours, the more the taller the sky."""
    dice = canvas.dice("balloons")
    u = canvas.unit
    count = 1 + int(canvas.horizon / (u * 80))
    for number in range(count):
        size = u * dice.between(5.5, 8) * (1 if number == 0 else 0.6)
        x = canvas.width * dice.pick((dice.between(0.12, 0.3), dice.between(0.7, 0.88)))
        y = canvas.horizon * (0.2 + 0.5 * (number + dice.between(0.1, 0.9)) / count)
        at = canvas.at(x, y, size, 6 if number == 0 else 34)
        main = story.accents[number % len(story.accents)]
        for side in (-1, 1):
            at.line([(side * 0.45, 1), (side * 0.18, 1.7)], 0.04, (110, 84, 76))
        at.shape([(-0.9, 0.45), (0.9, 0.45), (0.36, 1.25), (-0.36, 1.25)], main)
        at.disc(0, 0, 1, main)
        at.oval(0, 0, 0.56, 1, lighter(story.accents[-1], 60))
        at.oval(0, 0, 0.2, 1, main)
        at.box(-0.24, 1.62, 0.48, 0.4, (150, 104, 72), corner=0.08)


def _birds(canvas: Canvas) -> None:
    dice = canvas.dice("birds")
    u = canvas.unit
    x, y = dice.between(0.2, 0.8) * canvas.width, dice.between(0.25, 0.5) * canvas.horizon
    for _ in range(2 + dice.below(3)):
        at = canvas.at(x + dice.between(-14, 14) * u, y + dice.between(-6, 6) * u, u * 1.5, 20)
        wings = [(-1.5, -0.5), (-0.6, -0.7), (0, 0), (0.6, -0.7), (1.5, -0.5)]
        at.line(wings, 0.23, (60, 66, 92))
