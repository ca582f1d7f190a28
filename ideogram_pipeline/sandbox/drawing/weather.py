"""Rain, snow, mist and leaves, in front of a scene."""

from __future__ import annotations

from ideogram_pipeline.sandbox.drawing.canvas import Canvas
from ideogram_pipeline.sandbox.drawing.paint import Colour

_LEAVES: tuple[Colour, ...] = ((226, 130, 50), (200, 80, 52), (240, 182, 70))


def paint_weather(canvas: Canvas, weather: str) -> None:
    """Cover everything painted so far with the weather; ``clear`` leaves it alone."""
    paint = {"rain": _rain, "snow": _snow, "mist": _mist, "leaves": _leaves}.get(weather)
    if paint is not None:
        paint(canvas)


def _count(canvas: Canvas, density: int) -> int:
    area = canvas.width * canvas.height / (100 * canvas.unit) ** 2
    return int(area * density * (0.6, 1, 1.6)[canvas.detail])


def _rain(canvas: Canvas) -> None:
    dice = canvas.dice("rain")
    u = canvas.unit
    for _ in range(_count(canvas, 88)):
        x, y = dice.between(0, canvas.width), dice.between(0, canvas.height)
        fall = u * dice.between(2.2, 4.4)
        drop = [(x, y), (x + u * 0.26, y), (x - fall * 0.3, y + fall)]
        canvas.veil(drop, (226, 238, 246), 62)


def _snow(canvas: Canvas) -> None:
    dice = canvas.dice("snow")
    for _ in range(_count(canvas, 88)):
        x, y = dice.between(0, canvas.width), dice.between(0, canvas.height)
        canvas.glow(x, y, canvas.unit * dice.between(0.25, 0.85), (255, 255, 255), 86)


def _mist(canvas: Canvas) -> None:
    dice = canvas.dice("mist")
    for _ in range(3 + canvas.detail):
        x, y = dice.between(0, canvas.width), dice.between(0.35, 0.9) * canvas.height
        reach, thick = dice.between(0.4, 0.8) * canvas.width, canvas.unit * dice.between(2, 4.5)
        canvas.glow_oval(x, y, reach, thick, canvas.light.haze, 30)


def _leaves(canvas: Canvas) -> None:
    dice = canvas.dice("leaves")
    for _ in range(_count(canvas, 22)):
        x, y = dice.between(0, canvas.width), dice.between(0, canvas.height)
        at = canvas.at(x, y, canvas.unit * dice.between(0.7, 1.3))
        lean = dice.between(-1, 1)
        at.shape([(-1, lean), (0, -0.5), (1, -lean), (0, 0.5)], dice.pick(_LEAVES))
