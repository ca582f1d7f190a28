"""The character, cut out of its reference picture."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ideogram_pipeline.sandbox.drawing.paint import Colour, Dice, darker, lighter
from ideogram_pipeline.sandbox.sizes import MAX_INPUT_PIXELS

_SIDE = 640  # longest side, in pixels, at which a reference is worked on
_GRID = 96  # cells a side of the coarse map on which the background is followed inwards
_TOLERANCE = 16  # difference of a channel up to which a pixel may be background


@dataclass(frozen=True, slots=True)
class Figure:
    """A character without its background (RGBA), and its colours, most frequent first."""

    picture: Image.Image
    palette: tuple[Colour, ...]


@lru_cache(maxsize=32)
def cut_out(reference: bytes) -> Figure:
    """The figure of a reference picture.

    A plain background is removed by its colour, from the border inwards, so that the same colour
    inside the figure stays. A photograph becomes a round portrait. What can't be read, or shows
    nothing, becomes a stand-in coloured by the hash of the bytes.
    """
    picture = read_picture(reference)
    if picture is not None:
        picture.thumbnail((_SIDE, _SIDE), Image.Resampling.BICUBIC)
        transparent = sum(picture.getchannel("A").histogram()[:128]) > 0
        cut = picture if transparent else _without_background(picture)
        area = cut.getchannel("A").point(lambda alpha: 255 * (alpha > 24)).getbbox()
        if area is not None:
            figure = cut.crop(area)
            return Figure(figure, _palette(figure))
    figure = _stand_in(reference)
    return Figure(figure, _palette(figure))


def read_picture(content: bytes) -> Image.Image | None:
    """Decode an input picture as RGBA; ``None`` if it is broken or has too many pixels."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            if picture.width * picture.height > MAX_INPUT_PIXELS:
                return None
            return picture.convert("RGBA")
    except Exception:
        # Pillow's decoders raise a dozen unrelated types on broken files, and no sandbox
        # picture is worth a crash: the stand-in shows that the file was not understood.
        return None


def _without_background(picture: Image.Image) -> Image.Image:
    colours = picture.convert("RGB")
    paper = _border_colour(colours)
    if paper is None:
        return _portrait(colours)
    red, green, blue = ImageChops.difference(colours, Image.new("RGB", colours.size, paper)).split()
    apart = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    inside = _enclosed(apart).resize(colours.size, Image.Resampling.NEAREST)
    if min(paper) < 240:
        # What is exactly as white as white paper may be an eye or a shirt; the very shade of
        # coloured paper is a gap, as between an arm and the body.
        inside = ImageChops.darker(inside, apart.point(lambda value: 255 * (value > 5)))
    outline = apart.point([min(255, max(0, (value - 10) * 12)) for value in range(256)])
    alpha = ImageChops.lighter(outline, inside).filter(ImageFilter.BoxBlur(1))
    alpha = alpha.point([min(255, max(0, (value - 84) * 3 // 2)) for value in range(256)])
    coverage = sum(alpha.resize((64, 64), Image.Resampling.BOX).tobytes()) / (255 * 64 * 64)
    if not 0.03 < coverage < 0.93:
        return _portrait(colours)
    return _with_clean_edge(colours, alpha)


def _with_clean_edge(colours: Image.Image, alpha: Image.Image) -> Image.Image:
    """Cut out, with the paper in the half-covered pixels replaced by the colour beside them."""
    core = colours.convert("RGBA")
    core.putalpha(alpha.filter(ImageFilter.MinFilter(5)))
    # With premultiplied alpha a blur spreads the colours of the core over its edge.
    spread = core.convert("RGBa").filter(ImageFilter.BoxBlur(3)).convert("RGBA")
    spread.paste(colours, mask=core.getchannel("A"))
    # Lines too thin to have a core keep their own colours.
    lines = spread.getchannel("A").point(lambda value: 255 * (value < 12))
    spread.paste(colours, mask=lines)
    spread.putalpha(alpha)
    return spread


def _border_colour(picture: Image.Image) -> Colour | None:
    """The one colour that most of the border has, if there is one."""
    width, height = picture.size
    edges = ((0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height),
             (width - 1, 0, width, height))  # fmt: skip
    data = b"".join(picture.crop(edge).tobytes() for edge in edges)
    pixels = list(zip(data[0::3], data[1::3], data[2::3], strict=True))
    bins = Counter((r >> 3, g >> 3, b >> 3) for r, g, b in pixels)
    (commonest, _), *_ = bins.most_common(1)
    members = [p for p in pixels if (p[0] >> 3, p[1] >> 3, p[2] >> 3) == commonest]
    red, green, blue = (sum(channel) // len(members) for channel in zip(*members, strict=True))
    near = sum(max(abs(r - red), abs(g - green), abs(b - blue)) <= _TOLERANCE for r, g, b in pixels)
    return (red, green, blue) if near * 100 >= len(pixels) * 60 else None


def _enclosed(apart: Image.Image) -> Image.Image:
    """Mask of the cells that the background can't reach from the border, one cell shrunk."""
    # A frame of one reached cell around the grid keeps the steps below from leaving it.
    side = _GRID + 2
    data = apart.resize((_GRID, _GRID), Image.Resampling.BOX).tobytes()
    passable = bytearray(side * side)
    reached = bytearray(b"\1") * (side * side)
    waiting = []
    for cell, value in enumerate(data):
        row, column = divmod(cell, _GRID)
        place = (row + 1) * side + column + 1
        reached[place] = 0
        passable[place] = value < _TOLERANCE
        at_border = row in (0, _GRID - 1) or column in (0, _GRID - 1)
        if passable[place] and at_border:
            waiting.append(place)
    while waiting:
        place = waiting.pop()
        if not reached[place]:
            reached[place] = 1
            for step in (place - 1, place + 1, place - side, place + side):
                if passable[step] and not reached[step]:
                    waiting.append(step)
    mask = Image.frombytes("L", (side, side), bytes(255 * (1 - cell) for cell in reached))
    return mask.filter(ImageFilter.MinFilter(3)).crop((1, 1, side - 1, side - 1))


def _portrait(picture: Image.Image) -> Image.Image:
    """A round cut in a pale ring, for references without a plain background."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 3
    square = picture.crop((left, top, left + side, top + side)).resize((480, 480))
    sticker = Image.new("RGBA", (512, 512), (252, 248, 238, 0))
    sticker.putalpha(_disc(512, 4))
    sticker.paste(square, (16, 16), _disc(480, 8))
    return sticker


def _disc(side: int, margin: int) -> Image.Image:
    mask = Image.new("L", (side * 2, side * 2))
    far = side * 2 - margin - 1
    ImageDraw.Draw(mask).ellipse((margin, margin, far, far), fill=255)
    return mask.reduce(2)


def _stand_in(reference: bytes) -> Image.Image:
    """A round creature with two eyes, in colours from the hash of the bytes."""
    dice = Dice("stand-in", hashlib.sha256(reference).hexdigest())
    coat = (70 + dice.below(150), 70 + dice.below(150), 70 + dice.below(150))
    sheet = Image.new("RGBA", (800, 1000), (*coat, 0))
    pen = ImageDraw.Draw(sheet)
    for x in (250, 450):
        pen.rounded_rectangle((x, 850, x + 110, 990), 50, fill=(*darker(coat, 40), 255))
    ear = 90 + dice.below(160)
    for x in (210, 590):
        pen.ellipse((x - 80, 260 - ear, x + 80, 420), fill=(*darker(coat), 255))
    pen.rounded_rectangle((110, 190, 690, 920), 270, fill=(*coat, 255))
    pen.ellipse((230, 520, 570, 880), fill=(*lighter(coat, 55), 255))
    for x in (300, 500):
        pen.ellipse((x - 50, 330, x + 50, 440), fill=(255, 253, 248, 255))
        pen.ellipse((x - 24, 360, x + 28, 424), fill=(38, 34, 52, 255))
    pen.arc((330, 400, 470, 500), 20, 160, fill=(38, 34, 52, 255), width=14)
    return sheet.reduce(2)


def _palette(figure: Image.Image) -> tuple[Colour, ...]:
    """Up to four colours that cover most of the figure and differ from each other."""
    data = figure.resize((64, 64), Image.Resampling.NEAREST).tobytes()
    weights: Counter[Colour] = Counter()
    samples: dict[Colour, Colour] = {}
    for red, green, blue, alpha in zip(data[::4], data[1::4], data[2::4], data[3::4], strict=True):
        if alpha > 200:
            colour = (red, green, blue)
            coarse = (red >> 5, green >> 5, blue >> 5)
            # Vivid colours say more about a character than its greys and blacks.
            weights[coarse] += 2 + (max(colour) - min(colour)) // 16
            samples.setdefault(coarse, colour)
    chosen: list[Colour] = []
    for coarse, _ in weights.most_common():
        colour = samples[coarse]
        if all(sum(abs(a - b) for a, b in zip(colour, c, strict=True)) > 110 for c in chosen):
            chosen.append(colour)
    return tuple(chosen[:4]) or ((128, 128, 128),)
