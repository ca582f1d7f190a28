"""The canvas: pens that know the light, the look and the size of a picture."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from ideogram_pipeline.sandbox.drawing.paint import LIT, MOON, SUN, Colour, Dice, Light, Look, mix

Point = tuple[float, float]

Box = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels of the canvas."""

OVERSAMPLING = 2
"""The canvas is drawn this many times larger than the picture, which smooths every edge."""

# The colours of light itself: no time of day darkens them.
_LUMINOUS = frozenset((LIT, SUN, MOON))


class Canvas:
    """The part of a picture that shows the scene, with the pens to paint it.

    Coordinates are pixels of the oversampled canvas, y downwards; ``unit`` is a hundredth of the
    shorter side, so that things keep their proportions in every format.
    """

    def __init__(self, size: tuple[int, int], light: Light, look: Look, key: object) -> None:
        self.width, self.height = (side * OVERSAMPLING for side in size)
        self.unit = min(self.width, self.height) / 100
        self.light = light
        self.look = look
        self.detail = look.detail
        self.figure: Box = (0, 0, 0, 0)
        """Where the character is, once it has been put into the scene."""
        self.image = Image.new("RGB", (self.width, self.height))
        self._pen = ImageDraw.Draw(self.image)
        self._glaze = ImageDraw.Draw(self.image, "RGBA")
        self._key = key
        self._inks: dict[tuple[Colour, int], Colour] = {}

    @property
    def horizon(self) -> int:
        """Where the ground begins: tall pictures have more sky, not more ground."""
        return self.height - int(min(self.height * 0.40, self.width * 0.62))

    @property
    def floor(self) -> int:
        """Where the figure stands."""
        return self.height - int(self.unit * 7)

    def dice(self, *name: object) -> Dice:
        """Chance for one element, so that more detail elsewhere does not move it."""
        return Dice(self._key, *name)

    def ink(self, colour: Colour, far: int = 0) -> Colour:
        """``colour`` in this light and look, ``far`` percent faded into the haze."""
        ink = self._inks.get((colour, far))
        if ink is None:
            haze = min(92, far + far * (self.look.style == "Realistic") // 3)
            strength = 0 if colour in _LUMINOUS else self.light.strength
            ink = mix(mix(colour, self.light.tint, strength), self.light.haze, haze)
            ink = self._inks[colour, far] = self._graded(ink)
        return ink

    def _graded(self, colour: Colour) -> Colour:
        if self.look.style == "Fiction":
            # What shines (sun, clouds, snow) stays pale.
            colour = mix(colour, self.look.dream, min(16, (765 - sum(colour)) // 16))
        hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in colour))
        if self.look.style == "Fiction":
            saturation = min(1.0, saturation * 1.3)
        elif self.look.style == "Realistic":
            saturation, lightness = saturation * 0.66, lightness * 0.95
        hue = (hue + self.look.hue_shift / 360) % 1.0
        red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
        return round(red * 255), round(green * 255), round(blue * 255)

    def gradient(self, colours: Sequence[Colour], top: float, bottom: float) -> None:
        """Fill the full width with bands that run from the first colour to the last."""
        first, last = int(top), min(int(bottom), self.height)
        if last <= first:
            return
        inks = [self.ink(colour) for colour in colours]
        # Turbo paints a sky in a few flat bands, like a poster.
        tall = max(4, (last - first) // (200 if self.detail else 9) + 1)
        for y in range(first, last, tall):
            at, rest = divmod((y - first) * (len(inks) - 1) * 100 // (last - first), 100)
            ink = mix(inks[at], inks[at + 1], rest)
            self._pen.rectangle((0, y, self.width, y + tall - 1), fill=ink)

    def shape(self, points: Sequence[Point], colour: Colour, far: int = 0) -> None:
        """A filled polygon."""
        self._pen.polygon(points, fill=self.ink(colour, far))

    def oval(self, x: float, y: float, rx: float, ry: float, colour: Colour, far: int = 0) -> None:
        """A filled ellipse around a centre."""
        if rx > 0 and ry > 0:
            self._pen.ellipse((x - rx, y - ry, x + rx, y + ry), fill=self.ink(colour, far))

    def disc(self, x: float, y: float, radius: float, colour: Colour, far: int = 0) -> None:
        """A filled circle."""
        self.oval(x, y, radius, radius, colour, far)

    def box(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        colour: Colour,
        far: int = 0,
        corner: float = 0,
    ) -> None:
        """A filled rectangle, with rounded corners if asked."""
        if width < 1 or height < 1:
            return
        area = (left, top, left + width, top + height)
        if corner:
            self._pen.rounded_rectangle(area, corner, fill=self.ink(colour, far))
        else:
            self._pen.rectangle(area, fill=self.ink(colour, far))

    def line(self, points: Sequence[Point], thickness: float, colour: Colour, far: int = 0) -> None:
        """An open line."""
        self._pen.line(
            points, fill=self.ink(colour, far), width=max(1, round(thickness)), joint="curve"
        )

    def veil(self, points: Sequence[Point], colour: Colour, percent: int) -> None:
        """A polygon of light or shade that lets through what is under it."""
        self._glaze.polygon(points, fill=(*self._graded(colour), percent * 255 // 100))

    def glow(self, x: float, y: float, radius: float, colour: Colour, percent: int) -> None:
        """A circle of light or shade that lets through what is under it."""
        self.glow_oval(x, y, radius, radius, colour, percent)

    def glow_oval(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, percent: int
    ) -> None:
        """An ellipse of light or shade that lets through what is under it."""
        ink = (*self._graded(colour), percent * 255 // 100)
        self._glaze.ellipse((x - rx, y - ry, x + rx, y + ry), fill=ink)

    def at(self, x: float, y: float, size: float, far: int = 0) -> Spot:
        """A place to paint one thing that is ``size`` pixels large and stands at ``x``, ``y``."""
        return Spot(self, x, y, size, far)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on the canvas where lengths are shares of the size of what is painted there.

    The origin is where the thing stands, so that what rises above the ground has negative y.
    """

    canvas: Canvas
    x: float
    y: float
    size: float
    far: int

    def _points(self, points: Sequence[Point]) -> list[Point]:
        return [(self.x + x * self.size, self.y + y * self.size) for x, y in points]

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        self.canvas.shape(self._points(points), colour, self.far)

    def line(self, points: Sequence[Point], thickness: float, colour: Colour) -> None:
        """An open line."""
        self.canvas.line(self._points(points), thickness * self.size, colour, self.far)

    def oval(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """A filled ellipse around a centre."""
        ((cx, cy),) = self._points([(x, y)])
        self.canvas.oval(cx, cy, rx * self.size, ry * self.size, colour, self.far)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle."""
        self.oval(x, y, radius, radius, colour)

    def box(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        colour: Colour,
        corner: float = 0,
    ) -> None:
        """A filled rectangle, with rounded corners if asked."""
        ((x, y),) = self._points([(left, top)])
        size = self.size
        self.canvas.box(x, y, width * size, height * size, colour, self.far, corner * size)

    def glow(self, x: float, y: float, rx: float, ry: float, colour: Colour, percent: int) -> None:
        """An ellipse of light or shade that lets through what is under it."""
        ((cx, cy),) = self._points([(x, y)])
        self.canvas.glow_oval(cx, cy, rx * self.size, ry * self.size, colour, percent)
