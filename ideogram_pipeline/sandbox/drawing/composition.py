"""A scene with the character in it."""

from __future__ import annotations

from PIL import Image

from ideogram_pipeline.sandbox.drawing.canvas import OVERSAMPLING, Canvas
from ideogram_pipeline.sandbox.drawing.figure import Figure
from ideogram_pipeline.sandbox.drawing.paint import Look
from ideogram_pipeline.sandbox.drawing.scenes import PAINTERS
from ideogram_pipeline.sandbox.drawing.sky import light_of
from ideogram_pipeline.sandbox.drawing.story import Story
from ideogram_pipeline.sandbox.drawing.weather import paint_weather


def compose(
    size: tuple[int, int], story: Story, look: Look, figure: Figure, key: object
) -> Image.Image:
    """Paint the scene of ``story`` around the figure; ``key`` decides all that is left open."""
    canvas = Canvas(size, light_of(story), look, key)
    behind, before = PAINTERS[story.scene]
    behind(canvas, story)
    _place(canvas, story, figure.picture)
    before(canvas, story)
    paint_weather(canvas, story.weather)
    return canvas.image.reduce(OVERSAMPLING)


def _place(canvas: Canvas, story: Story, figure: Image.Image) -> None:
    """Put the figure into the scene, posed by chance, with its shadow."""
    dice = canvas.dice("figure")
    share, mirrored, drift = dice.between(0.52, 0.70), dice.chance(50), dice.between(-0.34, 0.34)
    leap, turn = canvas.unit * dice.between(8, 13), dice.pick((-9, -6, 6, 9))
    floor, lift = float(canvas.floor), 0.0
    if story.pose == "close":
        share, floor = 0.98, canvas.height * 1.24
    elif story.pose == "leaps":
        share, lift = share * 0.94, leap
    elif story.scene == "kitchen":
        floor = canvas.height - canvas.unit * 4  # behind the counter
    tall = min(canvas.height * share, canvas.unit * 92)
    scale = min(tall / figure.height, canvas.width * 0.72 / figure.width) / OVERSAMPLING
    # The figure is scaled at the size of the picture and doubled without interpolation: the
    # final averaging gives back exactly these pixels, at a quarter of the work.
    small = figure.resize(
        (max(1, int(figure.width * scale)), max(1, int(figure.height * scale))),
        Image.Resampling.BICUBIC,
    )
    if mirrored:
        small = small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if story.pose == "leaps":
        small = small.rotate(turn, Image.Resampling.BILINEAR, expand=True)
    small = _lit(small, canvas)
    wide, high = small.width * OVERSAMPLING, small.height * OVERSAMPLING
    left = int((canvas.width - wide) * (0.5 + drift)) // OVERSAMPLING * OVERSAMPLING
    top = int(floor - lift) // OVERSAMPLING * OVERSAMPLING - high
    shadow = wide * (0.31 if lift else 0.43)
    canvas.glow_oval(left + wide / 2, floor, shadow, canvas.unit * 2.2, (30, 24, 60), 26)
    doubled = small.resize((wide, high), Image.Resampling.NEAREST)
    canvas.image.paste(doubled, (left, top), doubled)
    canvas.figure = (left, top, left + wide, top + high)


def _lit(figure: Image.Image, canvas: Canvas) -> Image.Image:
    """The figure in the light of the scene, but not so far that its colours are lost."""
    share = canvas.light.strength * 45 // 100
    if share < 4:
        return figure
    light = Image.new("RGB", figure.size, canvas.light.tint)
    tinted = Image.blend(figure.convert("RGB"), light, share / 100)
    tinted.putalpha(figure.getchannel("A"))
    return tinted
