"""The page around a scene: the caption below it and the stamp that says SANDBOX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from ideogram_pipeline.sandbox.drawing.paint import Colour

PAPER: Colour = (252, 247, 236)
INK: Colour = (52, 46, 66)
FAINT: Colour = (140, 130, 134)
STAMP: Colour = (196, 52, 60)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_MOST_LINES = 4
_MEASURED = 40  # size in pixels at which words are measured


@cache
def font(size: int) -> Font:
    """Pillow's own scalable face (Aileron): it is there wherever Pillow is."""
    return ImageFont.load_default(size=size)


@dataclass(frozen=True, slots=True)
class Caption:
    """A prompt broken into lines, and the band that it needs."""

    lines: tuple[str, ...]
    size: int
    """Pixels of the letters."""
    margin: int
    small: int
    """Pixels of the letters of the line below."""

    @property
    def height(self) -> int:
        """Pixels of the band."""
        return self.margin * 2 + len(self.lines) * self.size * 5 // 4 + self.small * 3 // 2


def set_caption(prompt: str, width: int, height: int) -> Caption:
    """Set the prompt in the largest letters in which it fits; cut it off if none does."""
    shorter = min(width, height)
    largest, smallest = max(16, shorter * 27 // 1000), max(13, shorter * 19 // 1000)
    margin = max(10, shorter * 22 // 1000)
    # Whatever has no spaces is broken after 30 letters, which fit into the narrowest picture.
    words = re.findall(r"\S{1,30}", _printable(" ".join(prompt.split()))[:700])
    # Lengths grow in step with the size, so that each word is measured once for all sizes.
    measure = font(_MEASURED)
    lengths = [measure.getlength(word) for word in words]
    space = measure.getlength(" ")
    lines: list[str] = []
    for size in range(largest, smallest - 1, -1):
        room = (width - 2 * margin) * _MEASURED / size * 0.95
        lines = _wrapped(words, lengths, space, room)
        if len(lines) <= 3:
            break
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1].rstrip(" ,.;") + " …"]
    return Caption(tuple(lines), size, margin, max(12, size * 4 // 5))


# What the face lacks and Unicode does not take apart: dashes, ligatures, barred letters.
_SPELLED = str.maketrans(
    {"\u2014": " - ", "\u2013": "-", "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe",
     "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}
)  # fmt: skip


def _printable(text: str) -> str:
    """``text`` in the letters that the face has: without accents, other scripts as dots."""
    plain = unicodedata.normalize("NFKD", text.translate(_SPELLED))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(
        r"[^ -~\u00ab\u00bb\u2018\u2019\u201c\u201d\u2026\u00a9\u00b1\u00b0\u00b7]+", "…", plain
    )


def _wrapped(
    words: Sequence[str], lengths: Sequence[float], space: float, room: float
) -> list[str]:
    """Break ``words`` into lines of at most ``room``."""
    lines = [""]
    used = 0.0
    for word, length in zip(words, lengths, strict=True):
        if used and used + space + length > room:
            lines.append("")
            used = 0.0
        lines[-1] += f" {word}" if used else word
        used += length + (space if used else 0.0)
    return lines


def write_caption(
    page: Image.Image, caption: Caption, details: str, palette: Sequence[Colour]
) -> None:
    """Paint the band at the foot of ``page``: prompt, details, and the character's colours."""
    pen = ImageDraw.Draw(page)
    top = page.height - caption.height
    pen.rectangle((0, top, page.width, page.height), fill=PAPER)
    pen.rectangle((0, top, page.width, top + max(3, caption.margin // 4)), fill=palette[0])
    y = top + caption.margin
    for line in caption.lines:
        pen.text((caption.margin, y), line, fill=INK, font=font(caption.size))
        y += caption.size * 5 // 4
    y += caption.small // 3
    pen.text((caption.margin, y), details, fill=FAINT, font=font(caption.small))
    radius = caption.small * 9 // 20
    x = page.width - caption.margin - radius
    for colour in reversed(palette):
        middle = y + caption.small * 11 // 20
        spot = (x - radius, middle - radius, x + radius, middle + radius)
        pen.ellipse(spot, fill=colour, outline=FAINT)
        x -= radius * 5 // 2


def press_stamp(page: Image.Image, size: int) -> None:
    """Print SANDBOX in letters of ``size`` pixels, slightly askew, into the upper right corner."""
    mark = _stamp(size)
    page.paste(mark, (page.width - mark.width - size // 2, size // 2), mark)


@cache
def _stamp(size: int) -> Image.Image:
    """The stamp with letters of ``size`` pixels, drawn larger and averaged for its edges."""
    scale = 3
    letter = size * scale
    face = font(letter)
    gap, pad = letter // 8, letter // 3
    widths = [int(face.getlength(letter_)) + gap for letter_ in "SANDBOX"]
    width, height = sum(widths) - gap + 2 * pad, letter + pad
    mark = Image.new("RGBA", (width, height), (*PAPER, 0))
    pen = ImageDraw.Draw(mark)
    line = max(scale, letter // 14)
    area = (0, 0, width - 1, height - 1)
    pen.rounded_rectangle(area, pad // 2, fill=(*PAPER, 232), outline=(*STAMP, 255), width=line)
    x = pad
    for letter_, step in zip("SANDBOX", widths, strict=True):
        pen.text((x, height // 2), letter_, fill=(*STAMP, 255), font=face, anchor="lm",
                 stroke_width=letter // 40)  # fmt: skip
        x += step
    turned = mark.rotate(-4, Image.Resampling.BICUBIC, expand=True)
    return turned.reduce(scale)
