"""Draw the sample cast: one reference picture per character, and the inpainting pair.

Run ``python data/references/draw.py`` to make the files anew. A file whose pixels are already
right is left alone: another zlib packs the same pixels into other bytes, and another reference,
byte for byte, is another picture to be bought.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

SIDE = 512
SCALE = 4  # drawn this many times larger, then averaged down: smooth edges without floats

Point = tuple[float, float]
Paint = tuple[int, int, int]

INK = (38, 34, 52)
WHITE = (255, 253, 248)
BLUSH = (240, 140, 130)


class Sheet:
    """A sheet of paper in units of the finished picture; y grows downwards."""

    def __init__(self, paper: Paint, width: int = SIDE, height: int = SIDE) -> None:
        self.picture = Image.new("RGB", (width * SCALE, height * SCALE), paper)
        self.pen = ImageDraw.Draw(self.picture)

    def finished(self) -> Image.Image:
        """The picture at its real size, with smooth edges."""
        return self.picture.reduce(SCALE)

    def oval(self, x: float, y: float, rx: float, ry: float, paint: Paint) -> None:
        """An ellipse around a centre."""
        box = ((x - rx) * SCALE, (y - ry) * SCALE, (x + rx) * SCALE, (y + ry) * SCALE)
        self.pen.ellipse(box, fill=paint)

    def dot(self, x: float, y: float, radius: float, paint: Paint) -> None:
        """A circle around a centre."""
        self.oval(x, y, radius, radius, paint)

    def box(
        self, x0: float, y0: float, x1: float, y1: float, paint: Paint, round_: float = 0
    ) -> None:
        """A rectangle whose corners may be rounded."""
        box = (x0 * SCALE, y0 * SCALE, x1 * SCALE - 1, y1 * SCALE - 1)
        self.pen.rounded_rectangle(box, round_ * SCALE, fill=paint)

    def shape(self, points: Sequence[Point], paint: Paint) -> None:
        """A polygon with straight edges."""
        self.pen.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=paint)

    def blob(self, points: Sequence[Point], paint: Paint) -> None:
        """A closed shape that runs smoothly through the points."""
        self.shape(_smooth([points[-1], *points, points[0], points[1]]), paint)

    def stroke(self, points: Sequence[Point], width: float, paint: Paint) -> None:
        """A round-ended line that runs smoothly through the points."""
        path = _smooth([points[0], *points, points[-1]])
        for x, y in path:
            self.dot(x, y, width / 2, paint)
        self.pen.line(
            [(x * SCALE, y * SCALE) for x, y in path], fill=paint, width=round(width * SCALE)
        )

    def eyes(self, x: float, y: float, apart: float, size: float, paint: Paint = INK) -> None:
        """Two eyes with a glint, left and right of ``x``."""
        for side in (-1, 1):
            self.oval(x + side * apart, y, size, size * 1.25, paint)
            self.dot(x + side * apart + size * 0.3, y - size * 0.45, size * 0.36, WHITE)

    def cheeks(self, x: float, y: float, apart: float, paint: Paint = BLUSH) -> None:
        """Two rosy cheeks, left and right of ``x``."""
        for side in (-1, 1):
            self.oval(x + side * apart, y, 11, 7, paint)

    def smile(self, x: float, y: float, width: float, paint: Paint = INK) -> None:
        """A small smile."""
        self.stroke([(x - width, y - 3), (x, y + 4), (x + width, y - 3)], 4, paint)


def _smooth(points: Sequence[Point], pieces: int = 14) -> list[Point]:
    """Points along a Catmull-Rom curve from the second of ``points`` to the last but one."""
    path: list[Point] = []
    for p0, p1, p2, p3 in zip(points, points[1:], points[2:], points[3:], strict=False):
        for step in range(pieces):
            t = step / pieces
            path.append(
                (
                    _spline(p0[0], p1[0], p2[0], p3[0], t),
                    _spline(p0[1], p1[1], p2[1], p3[1], t),
                )
            )
    path.append(points[-2])
    return path


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t
        + (3 * b - a - 3 * c + d) * t * t * t
    ) / 2  # fmt: skip


def _both(points: Sequence[Point], axis: float = 256) -> list[Point]:
    """The right half of an outline, top to bottom, completed by its mirror image."""
    return [*points, *((2 * axis - x, y) for x, y in reversed(points) if x != axis)]


def juniper() -> Image.Image:
    """A fox who brings the post: orange, blue uniform, a satchel and a letter held high."""
    fur, dark, coat, trim = (236, 122, 52), (92, 50, 44), (42, 88, 150), (248, 196, 76)
    s = Sheet((206, 228, 236))
    s.blob([(292, 430), (350, 420), (404, 366), (412, 300), (450, 262), (474, 330), (462, 404),
            (410, 462), (340, 476)], fur)  # fmt: skip
    s.blob([(412, 300), (450, 262), (474, 330), (468, 372), (444, 350), (430, 372), (412, 344)],
           WHITE)  # fmt: skip
    for x in (226, 286):
        s.box(x - 17, 410, x + 17, 470, dark, 8)
        s.blob([(x - 22, 482), (x - 20, 458), (x + 4, 452), (x + 24, 470), (x + 24, 482)],
               (52, 40, 62))  # fmt: skip
    s.stroke([(296, 318), (356, 318), (392, 262)], 34, coat)
    s.shape([(360, 176), (440, 164), (448, 216), (368, 228)], WHITE)
    s.shape([(360, 176), (440, 164), (408, 204)], (222, 212, 198))
    s.dot(407, 200, 9, (214, 62, 62))
    s.dot(398, 242, 20, fur)
    s.blob([(206, 436), (204, 350), (222, 288), (290, 288), (308, 350), (306, 436), (256, 446)],
           coat)  # fmt: skip
    s.stroke([(208, 430), (256, 439), (304, 430)], 7, trim)
    s.stroke([(222, 318), (178, 346), (168, 388)], 34, coat)
    s.dot(168, 398, 19, fur)
    s.stroke([(296, 300), (250, 350), (206, 392)], 11, (150, 92, 50))
    s.shape([(164, 384), (208, 366), (224, 396), (180, 414)], WHITE)
    s.box(158, 390, 232, 446, (186, 120, 66), 12)
    s.box(158, 390, 232, 418, (206, 142, 84), 12)
    s.box(188, 410, 202, 426, trim, 4)
    for y in (344, 380):
        s.dot(276, y, 6, trim)
    for side in (-1, 1):
        x = 256 + side * 70
        s.blob([(x - side * 44, 150), (x - side * 16, 104), (x + side * 18, 52),
                (x + side * 30, 110), (x + side * 24, 172)], fur)  # fmt: skip
        s.blob([(x - side * 12, 134), (x + side * 14, 80), (x + side * 20, 134)], dark)
    s.blob(_both([(256, 112), (318, 130), (348, 184), (372, 232), (318, 264), (256, 286)]), fur)
    s.blob([(256, 214), (296, 206), (328, 206), (360, 230), (316, 256), (256, 278), (196, 256),
            (152, 230), (184, 206), (216, 206)], WHITE)  # fmt: skip
    s.eyes(256, 200, 44, 11)
    s.cheeks(256, 232, 66)
    s.blob([(256, 250), (240, 236), (244, 226), (268, 226), (272, 236)], INK)
    s.smile(256, 260, 15)
    s.blob([(182, 138), (186, 96), (220, 76), (292, 76), (326, 96), (330, 138), (256, 128)], coat)
    s.blob([(188, 136), (256, 120), (324, 136), (334, 152), (256, 140), (178, 152)], (30, 56, 104))
    s.stroke([(190, 128), (256, 116), (322, 128)], 6, trim)
    s.dot(256, 100, 13, trim)
    s.shape([(246, 95), (266, 95), (266, 107), (246, 107)], WHITE)
    return s.finished()


def captain_otto() -> Image.Image:
    """An otter who keeps the light: yellow oilskins, wide hat, lantern."""
    fur, pale, oil, fold = (134, 90, 62), (232, 204, 168), (250, 196, 48), (222, 158, 30)
    s = Sheet((224, 232, 244))
    s.blob([(280, 440), (340, 440), (396, 410), (446, 424), (470, 462), (430, 480), (330, 484)],
           fur)  # fmt: skip
    for x in (222, 290):
        s.box(x - 22, 424, x + 22, 482, (32, 74, 92), 8)
        s.blob([(x - 26, 486), (x - 24, 466), (x, 458), (x + 26, 470), (x + 28, 486)],
               (32, 74, 92))  # fmt: skip
    s.blob(_both([(256, 262), (310, 284), (334, 350), (350, 446), (256, 456)]), oil)
    s.stroke([(164, 440), (256, 450), (348, 440)], 10, fold)
    s.stroke([(256, 300), (256, 448)], 5, fold)
    for y in (320, 362, 404):
        s.box(238, y - 6, 274, y + 6, (110, 72, 48), 6)
    s.stroke([(318, 306), (350, 352), (334, 398)], 40, oil)
    s.stroke([(318, 306), (350, 352), (334, 398)], 2, fold)
    s.dot(330, 408, 20, fur)
    s.stroke([(196, 306), (140, 320), (112, 290)], 40, oil)
    s.dot(106, 280, 20, fur)
    s.stroke([(106, 290), (92, 306), (92, 322)], 5, INK)
    s.stroke([(106, 290), (120, 306), (120, 322)], 5, INK)
    s.box(72, 318, 140, 330, (52, 62, 84), 5)
    s.box(78, 328, 134, 396, (255, 232, 150), 6)
    s.blob([(106, 342), (120, 372), (106, 386), (92, 372)], (250, 150, 40))
    s.blob([(106, 358), (113, 374), (106, 382), (99, 374)], (255, 240, 190))
    for x in (78, 106, 134):
        s.stroke([(x, 330), (x, 394)], 4, (52, 62, 84))
    s.box(70, 392, 142, 408, (52, 62, 84), 6)
    for side in (-1, 1):
        s.dot(256 + side * 82, 184, 20, fur)
        s.dot(256 + side * 82, 184, 10, pale)
    s.blob(_both([(256, 106), (324, 130), (348, 190), (326, 254), (256, 280)]), fur)
    s.blob(_both([(256, 208), (300, 206), (318, 240), (292, 270), (256, 276)]), pale)
    s.eyes(256, 200, 46, 10)
    s.cheeks(256, 228, 72)
    s.blob([(256, 242), (234, 224), (240, 212), (272, 212), (278, 224)], INK)
    s.smile(256, 252, 16)
    for side in (-1, 1):
        for dy in (-8, 4):
            s.stroke([(256 + side * 50, 238 + dy // 2), (256 + side * 92, 236 + dy * 2)], 3, INK)
    s.blob(_both([(256, 40), (306, 56), (326, 104), (334, 146), (256, 138)]), oil)
    s.blob([(256, 126), (330, 132), (394, 164), (384, 184), (318, 162), (256, 154), (194, 162),
            (128, 184), (118, 164), (182, 132)], oil)  # fmt: skip
    s.stroke([(178, 138), (256, 124), (334, 138)], 9, fold)
    s.blob([(210, 62), (230, 52), (226, 100), (204, 108)], (255, 220, 110))
    return s.finished()


def fern() -> Image.Image:
    """A robot who gardens: mint panels, a flower on the head, a copper watering can."""
    shell, panel, joint, copper = (92, 196, 176), (62, 158, 146), (74, 86, 104), (218, 128, 78)
    leaf = (96, 168, 74)
    s = Sheet((244, 236, 240))
    s.stroke([(256, 110), (254, 70), (262, 46)], 8, leaf)
    s.blob([(256, 84), (222, 76), (196, 44), (234, 46)], leaf)
    s.blob([(258, 94), (292, 90), (322, 64), (284, 62)], (122, 190, 88))
    for x, y in ((262, 18), (284, 34), (276, 58), (248, 58), (240, 34)):
        s.dot(x, y, 14, (242, 130, 160))
    s.dot(262, 40, 13, (252, 208, 92))
    for x in (212, 300):
        s.box(x - 12, 410, x + 12, 450, joint, 4)
        s.box(x - 34, 446, x + 34, 482, panel, 16)
        s.box(x - 34, 468, x + 34, 482, joint, 7)
    s.box(238, 248, 274, 280, joint, 4)
    s.stroke([(176, 312), (136, 344), (126, 386)], 22, joint)
    s.stroke([(336, 312), (384, 318), (396, 278)], 22, joint)
    s.box(166, 266, 346, 424, shell, 34)
    s.box(190, 306, 322, 394, panel, 18)
    s.dot(218, 330, 12, (248, 206, 94))
    s.dot(218, 366, 12, (238, 112, 96))
    for y in (328, 346, 364):
        s.box(246, y - 5, 304, y + 5, shell, 5)
    s.dot(172, 308, 24, panel)
    s.dot(340, 308, 24, panel)
    s.stroke([(152, 376), (190, 380), (192, 424), (154, 438)], 12, (176, 94, 54))
    s.shape([(98, 424), (48, 388), (40, 400), (96, 454)], copper)
    s.shape([(54, 376), (30, 368), (18, 396), (40, 414)], (176, 94, 54))
    s.blob([(94, 384), (158, 384), (168, 458), (84, 458)], copper)
    s.oval(126, 386, 31, 7, (176, 94, 54))
    s.stroke([(98, 386), (126, 366), (154, 386)], 10, (176, 94, 54))
    s.dot(126, 376, 17, panel)
    s.stroke([(396, 276), (380, 250), (390, 232)], 12, panel)
    s.stroke([(396, 276), (418, 256), (412, 234)], 12, panel)
    s.dot(397, 272, 17, panel)
    s.box(136, 156, 160, 208, copper, 10)
    s.box(352, 156, 376, 208, copper, 10)
    s.box(152, 104, 360, 258, shell, 44)
    s.box(176, 132, 336, 230, (34, 52, 72), 30)
    for side in (-1, 1):
        x = 256 + side * 38
        s.stroke([(x - 15, 182), (x, 164), (x + 15, 182)], 10, (158, 248, 222))
        s.oval(256 + side * 60, 204, 10, 6, (232, 128, 140))
    s.stroke([(238, 200), (256, 211), (274, 200)], 7, (158, 248, 222))
    s.box(178, 114, 258, 122, (150, 224, 206), 4)
    return s.finished()


def ember() -> Image.Image:
    """A dragon who makes coffee: plum scales, small wings, green apron, a steaming cup."""
    scale, belly, wing, apron = (126, 78, 162), (214, 178, 222), (240, 142, 96), (36, 92, 84)
    s = Sheet((242, 242, 226))
    s.stroke([(300, 440), (380, 452), (432, 412), (424, 362)], 34, scale)
    s.blob([(424, 376), (390, 350), (420, 308), (462, 340), (446, 376)], wing)
    for side in (-1, 1):
        s.blob([(256 + side * 50, 322), (256 + side * 98, 244), (256 + side * 170, 206),
                (256 + side * 176, 262), (256 + side * 142, 276), (256 + side * 146, 318),
                (256 + side * 108, 322), (256 + side * 92, 356)], wing)  # fmt: skip
        s.stroke([(256 + side * 60, 330), (256 + side * 110, 262), (256 + side * 164, 214)], 7,
                 (208, 104, 74))  # fmt: skip
        x = 256 + side * 44
        s.blob([(x - 34, 482), (x - 32, 446), (x, 424), (x + 32, 446), (x + 34, 482)], scale)
        for toe in (-18, 0, 18):
            s.oval(x + toe, 478, 7, 6, (250, 238, 214))
    s.blob(_both([(256, 256), (308, 284), (332, 360), (320, 440), (256, 462)]), scale)
    s.blob(_both([(256, 280), (284, 296), (292, 330), (256, 340)]), belly)
    s.blob(_both([(256, 322), (304, 316), (320, 380), (308, 446), (256, 456)]), apron)
    s.stroke([(214, 318), (222, 288), (236, 274)], 7, apron)
    s.stroke([(298, 318), (290, 288), (276, 274)], 7, apron)
    s.box(224, 398, 288, 434, (50, 116, 104), 10)
    s.dot(250, 372, 11, (246, 222, 150))
    s.dot(262, 372, 11, (246, 222, 150))
    s.shape([(241, 378), (271, 378), (256, 394)], (246, 222, 150))
    s.blob([(300, 318), (344, 330), (352, 366), (330, 404), (304, 400)], scale)
    s.stroke([(198, 330), (150, 344), (130, 316)], 32, scale)
    s.stroke([(104, 268), (78, 272), (84, 302), (108, 304)], 8, (230, 96, 84))
    s.blob([(98, 258), (166, 258), (160, 304), (148, 318), (116, 318), (104, 304)],
           (230, 96, 84))  # fmt: skip
    s.oval(132, 258, 34, 9, (110, 66, 46))
    s.oval(132, 257, 16, 4, (246, 222, 190))
    for x in (118, 144):
        s.stroke([(x, 240), (x - 8, 222), (x + 6, 206), (x - 2, 188)], 6, (206, 206, 196))
    s.dot(122, 318, 15, scale)
    for side in (-1, 1):
        s.blob([(256 + side * 38, 116), (256 + side * 50, 76), (256 + side * 84, 46),
                (256 + side * 84, 84), (256 + side * 70, 126)], (250, 224, 170))  # fmt: skip
        s.blob([(256 + side * 80, 150), (256 + side * 128, 128), (256 + side * 122, 166),
                (256 + side * 84, 192)], wing)  # fmt: skip
    for x, y, size in ((256, 92, 20), (232, 100, 14), (280, 100, 14)):
        s.shape([(x - size, y + 14), (x, y - size - 4), (x + size, y + 14)], wing)
    s.blob(_both([(256, 98), (320, 118), (348, 172), (334, 236), (256, 268)]), scale)
    s.blob(_both([(256, 206), (306, 204), (326, 234), (296, 262), (256, 268)]), belly)
    s.eyes(256, 176, 46, 13)
    s.cheeks(256, 214, 82, (236, 128, 150))
    for side in (-1, 1):
        s.oval(256 + side * 18, 222, 5, 4, scale)
    s.smile(256, 244, 26)
    s.shape([(272, 245), (284, 243), (277, 256)], WHITE)
    return s.finished()


def major_miso() -> Image.Image:
    """A cat who flies to the moon: pale suit, round helmet, orange stripes, a fish flag."""
    suit, fold, stripe, fur, tabby = (
        (226, 230, 240), (178, 186, 206), (244, 122, 60), (138, 140, 152), (92, 94, 110),
    )  # fmt: skip
    s = Sheet((250, 232, 206))
    s.stroke([(404, 480), (404, 150)], 8, (120, 104, 96))
    s.dot(404, 146, 9, (248, 196, 76))
    s.blob([(404, 158), (440, 166), (488, 156), (484, 222), (440, 230), (404, 222)], (38, 124, 150))
    s.blob([(424, 194), (444, 178), (464, 192), (444, 208)], WHITE)
    s.shape([(460, 192), (476, 180), (476, 206)], WHITE)
    s.dot(436, 190, 3, INK)
    s.stroke([(182, 436), (120, 444), (84, 404), (96, 356), (70, 338)], 24, fur)
    for x, y in ((122, 443), (90, 408), (94, 370)):
        s.dot(x, y, 12, tabby)
    s.box(160, 272, 352, 420, (112, 122, 148), 34)
    for x in (216, 296):
        s.box(x - 32, 400, x + 32, 478, suit, 20)
        s.box(x - 32, 424, x + 32, 438, stripe)
        s.box(x - 38, 456, x + 38, 484, (86, 96, 124), 14)
    s.blob(_both([(256, 262), (314, 284), (334, 350), (326, 424), (256, 436)]), suit)
    s.stroke([(188, 414), (256, 426), (324, 414)], 8, fold)
    s.box(212, 330, 300, 392, fold, 12)
    s.dot(234, 352, 10, (230, 70, 70))
    s.dot(234, 376, 7, (90, 190, 120))
    s.box(254, 344, 288, 378, (40, 66, 96), 6)
    s.stroke([(260, 366), (268, 352), (274, 368), (282, 356)], 4, (130, 230, 200))
    s.stroke([(194, 312), (150, 348), (158, 396)], 46, suit)
    s.stroke([(139, 366), (180, 374)], 11, stripe)
    s.dot(160, 404, 24, (86, 96, 124))
    s.stroke([(318, 312), (372, 330), (400, 310)], 46, suit)
    s.stroke([(366, 307), (372, 351)], 11, stripe)
    s.dot(404, 308, 24, (86, 96, 124))
    s.dot(256, 166, 128, suit)
    s.dot(256, 162, 112, (82, 110, 150))
    for side in (-1, 1):
        s.blob([(256 + side * 26, 116), (256 + side * 62, 66), (256 + side * 78, 74),
                (256 + side * 84, 150)], fur)  # fmt: skip
        s.blob([(256 + side * 48, 112), (256 + side * 66, 86), (256 + side * 74, 128)],
               (236, 160, 160))  # fmt: skip
    s.blob(_both([(256, 96), (310, 110), (342, 168), (326, 222), (256, 246)]), fur)
    for x, width in ((256, 9), (236, 7), (276, 7)):
        s.stroke([(x, 104), (256 + (x - 256) * 0.8, 128)], width, tabby)
    for side in (-1, 1):
        s.stroke([(256 + side * 80, 180), (256 + side * 60, 186)], 7, tabby)
        s.stroke([(256 + side * 78, 200), (256 + side * 60, 202)], 7, tabby)
    s.blob(_both([(256, 190), (286, 192), (298, 214), (280, 236), (256, 242)]), WHITE)
    for side in (-1, 1):
        s.oval(256 + side * 40, 170, 17, 19, (150, 206, 96))
        s.oval(256 + side * 40, 170, 8, 16, INK)
        s.dot(256 + side * 40 + 4, 162, 5, WHITE)
    s.shape([(246, 200), (266, 200), (256, 211)], (232, 120, 130))
    s.stroke([(240, 216), (248, 221), (256, 213), (264, 221), (272, 216)], 4, INK)
    s.stroke([(166, 132), (182, 96), (206, 74)], 11, (206, 224, 240))
    s.stroke([(160, 160), (161, 154)], 10, (206, 224, 240))
    s.dot(132, 176, 22, stripe)
    s.dot(380, 176, 22, stripe)
    s.stroke([(132, 158), (124, 110)], 6, fold)
    s.dot(123, 104, 9, (230, 70, 70))
    return s.finished()


def pia() -> Image.Image:
    """A girl who likes rain: red coat, yellow boots, a frog on the hood."""
    coat, fold, skin, hair, boot = (
        (214, 48, 56), (170, 30, 46), (188, 124, 86), (44, 34, 44), (250, 200, 60),
    )  # fmt: skip
    frog = (112, 180, 74)
    s = Sheet((226, 240, 234))
    for x in (224, 288):
        s.box(x - 13, 400, x + 13, 440, (70, 82, 120))
        s.box(x - 22, 424, x + 22, 480, boot, 10)
        s.blob([(x - 24, 486), (x - 22, 464), (x, 458), (x + 28, 470), (x + 30, 486)], boot)
        s.box(x - 24, 476, x + 29, 486, (220, 158, 36), 5)
    s.blob(_both([(256, 254), (296, 272), (326, 346), (362, 426), (256, 440)]), coat)
    s.stroke([(152, 420), (256, 434), (360, 420)], 9, fold)
    s.stroke([(256, 282), (256, 432)], 4, fold)
    for y in (310, 346, 382):
        s.dot(270, y, 7, (252, 220, 120))
    for side in (-1, 1):
        s.box(256 + side * 52 - 20, 372, 256 + side * 52 + 20, 380, fold, 4)
    s.stroke([(206, 300), (158, 330), (118, 324)], 36, coat)
    s.stroke([(306, 300), (350, 336), (366, 384)], 36, coat)
    s.dot(106, 322, 17, skin)
    s.dot(370, 394, 17, skin)
    s.shape([(66, 292), (146, 292), (128, 318), (84, 318)], (120, 172, 214))
    s.shape([(84, 292), (106, 250), (128, 292)], (150, 198, 232))
    s.shape([(66, 292), (106, 308), (146, 292), (128, 318), (84, 318)], (88, 142, 192))
    s.blob(_both([(256, 72), (312, 88), (350, 146), (352, 214), (316, 272), (256, 286)]), coat)
    s.blob(_both([(256, 116), (300, 126), (322, 176), (306, 242), (256, 266)]), fold)
    s.blob(_both([(256, 124), (296, 134), (314, 180), (298, 238), (256, 260)]), skin)
    s.blob([(256, 122), (300, 132), (316, 184), (300, 172), (284, 156), (256, 166), (234, 152),
            (212, 176), (197, 184), (212, 132)], hair)  # fmt: skip
    s.eyes(256, 200, 27, 9)
    s.cheeks(256, 222, 41, (224, 112, 96))
    s.stroke([(252, 214), (258, 217)], 4, (150, 92, 62))
    s.smile(256, 234, 14)
    s.blob(_both([(256, 42), (284, 46), (298, 70), (284, 86), (256, 88)]), frog)
    for side in (-1, 1):
        s.dot(256 + side * 18, 42, 13, frog)
        s.dot(256 + side * 18, 41, 8, WHITE)
        s.dot(256 + side * 17, 42, 4, INK)
        s.oval(256 + side * 34, 84, 13, 7, frog)
    s.stroke([(240, 66), (256, 72), (272, 66)], 4, (66, 122, 46))
    return s.finished()


CAST: dict[str, Callable[[], Image.Image]] = {
    "juniper": juniper,
    "captain-otto": captain_otto,
    "fern": fern,
    "ember": ember,
    "major-miso": major_miso,
    "pia": pia,
}

FRAME = (366, 72, 786, 356)  # the empty canvas on the wall, in pixels of the fireside picture
FIRESIDE = (1152, 864)


def fireside() -> Image.Image:
    """A sitting room by the sea, with an empty picture frame over the mantelpiece."""
    width, height = FIRESIDE
    wall, wood, stone = (92, 132, 140), (142, 92, 66), (222, 204, 188)
    s = Sheet(wall, width, height)
    for x in range(0, width, 64):
        s.box(x, 0, x + 24, 600, (98, 140, 147))
    s.box(0, 590, width, 616, (238, 228, 208))
    s.box(0, 616, width, height, (176, 122, 86))
    for x in range(-8, 20):
        s.stroke([(576 + x * 66, 618), (576 + x * 112, height + 10)], 3, (154, 102, 74))
    left, top, right, bottom = FRAME
    s.box(left - 30, top - 30, right + 30, bottom + 30, (196, 146, 70), 6)
    s.box(left - 20, top - 20, right + 20, bottom + 20, (226, 182, 98), 4)
    s.box(left - 8, top - 8, right + 8, bottom + 8, (158, 112, 58), 2)
    s.box(left, top, right, bottom, (246, 238, 222))
    s.box(356, 470, 796, 650, stone)
    for row in range(4):
        for column in range(5):
            x, y = 366 + column * 86 + row % 2 * 24, 484 + row * 42
            s.box(x, y, min(x + 70, 790), y + 30, (206, 186, 172), 8)
    s.box(326, 446, 826, 482, wood, 8)
    s.box(440, 510, 712, 652, (58, 42, 50), 60)
    s.box(440, 590, 712, 652, (58, 42, 50))
    flames = ((66, 112, (222, 92, 48)), (46, 84, (246, 156, 56)), (24, 48, (255, 226, 130)))
    for wide, tall, flame in flames:
        half = [(576, 636 - tall), (576 + wide * 0.5, 632 - tall * 0.5), (576 + wide, 622),
                (576 + wide * 0.6, 640), (576, 642)]  # fmt: skip
        s.blob(_both(half, 576), flame)
    s.box(496, 628, 656, 648, (112, 72, 54), 10)
    s.box(300, 648, 852, 676, (196, 178, 166), 8)
    for x, tall in ((372, 44), (402, 30)):
        s.box(x - 9, 446 - tall, x + 9, 446, (250, 240, 220), 4)
        s.oval(x, 446 - tall - 14, 7, 13, (255, 196, 84))
    s.shape([(700, 424), (790, 424), (774, 446), (716, 446)], (150, 84, 60))
    s.box(742, 394, 746, 426, (110, 78, 60))
    s.shape([(750, 396), (774, 418), (750, 418)], WHITE)
    s.oval(576, 772, 330, 60, (196, 84, 76))
    s.oval(576, 772, 296, 50, (240, 214, 178))
    s.oval(576, 772, 276, 45, (206, 104, 88))
    s.oval(576, 772, 130, 20, (240, 214, 178))
    chair, cushion = (58, 90, 128), (76, 112, 152)
    for x in (76, 246):
        s.box(x, 760, x + 24, 812, wood, 6)
    s.box(58, 486, 288, 760, chair, 60)
    s.box(90, 520, 256, 700, cushion, 40)
    s.box(30, 620, 92, 780, chair, 28)
    s.box(254, 620, 316, 780, chair, 28)
    s.box(84, 680, 262, 742, cushion, 22)
    s.box(128, 600, 218, 688, (250, 200, 72), 18)
    s.blob([(166, 622), (190, 636), (186, 664), (158, 664), (152, 638)], (232, 168, 44))
    s.box(956, 640, 968, 800, wood)
    s.box(886, 628, 1040, 646, wood, 8)
    s.box(916, 792, 1008, 806, wood, 6)
    s.box(946, 560, 978, 628, (214, 128, 92), 10)
    s.shape([(900, 566), (926, 478), (1000, 478), (1024, 566)], (252, 226, 160))
    s.box(892, 604, 930, 628, (240, 244, 244), 8)
    window = (928, 150, 1092, 420)
    s.box(window[0] - 14, window[1] - 14, window[2] + 14, window[3] + 14, WHITE, 6)
    s.box(window[0], window[1], window[2], 320, (160, 212, 232))
    s.dot(1050, 204, 24, (255, 240, 190))
    s.box(window[0], 320, window[2], window[3], (62, 142, 172))
    s.shape([(960, 312), (984, 262), (984, 312)], WHITE)
    s.shape([(952, 316), (1006, 316), (996, 328), (962, 328)], (150, 84, 60))
    s.box(1006, window[1], 1014, window[3], WHITE)
    s.box(window[0], 280, window[2], 288, WHITE)
    s.box(window[0] - 26, window[3] + 10, window[2] + 26, window[3] + 28, WHITE, 6)
    for side, edge in ((-1, 902), (1, 1118)):
        s.blob([(edge, 132), (edge - side * 52, 132), (edge - side * 30, 300),
                (edge - side * 6, 452), (edge + side * 18, 452), (edge + side * 10, 280)],
               (232, 168, 120))  # fmt: skip
    s.box(870, 102, 1150, 120, wood, 8)
    s.box(118, 150, 252, 292, wood, 67)
    s.dot(185, 221, 56, (250, 244, 230))
    s.stroke([(185, 182), (185, 221)], 7, INK)
    s.stroke([(185, 221), (212, 236)], 7, INK)
    for x, y in ((185, 174), (232, 221), (185, 268), (138, 221)):
        s.dot(x, y, 5, (196, 84, 76))
    return s.finished()


def fireside_mask() -> Image.Image:
    """Black over the empty canvas, which is repainted; white over the room, which is kept."""
    mask = Image.new("L", FIRESIDE, 255)
    left, top, right, bottom = FRAME
    ImageDraw.Draw(mask).rectangle((left, top, right - 1, bottom - 1), fill=0)
    return mask


HERE = Path(__file__).resolve().parent
PICTURES: dict[Path, Callable[[], Image.Image]] = {
    **{HERE / f"{character}.png": drawn for character, drawn in CAST.items()},
    HERE.parent / "inpainting" / "fireside.png": fireside,
    HERE.parent / "inpainting" / "fireside-mask.png": fireside_mask,
}


def main() -> None:
    """Write every picture that is missing or differs."""
    for path, drawn in PICTURES.items():
        picture = drawn()
        if path.exists():
            with Image.open(path) as existing:
                if existing.mode == picture.mode and existing.tobytes() == picture.tobytes():
                    continue
        path.parent.mkdir(exist_ok=True)
        picture.save(path, optimize=True)
        print(f"{path.relative_to(HERE.parent)}: {path.stat().st_size} bytes")  # noqa: T201


if __name__ == "__main__":
    main()
