"""How many pixels a picture has, from the request alone."""

from __future__ import annotations

import io

from PIL import Image

MAX_INPUT_PIXELS = 40_000_000
"""Input pictures with more pixels than this are treated as broken, before they are decoded."""

# No official table is public. For each ratio but 16:9 and 9:16 exactly one of the 69 supported
# sizes below has it; for those two 1312x736 is the nearest.
SIZE_BY_RATIO: dict[str, tuple[int, int]] = {
    "1:1": (1024, 1024),
    "16:9": (1312, 736),
    "9:16": (736, 1312),
    "16:10": (1280, 800),
    "10:16": (800, 1280),
    "3:2": (1248, 832),
    "2:3": (832, 1248),
    "4:3": (1152, 864),
    "3:4": (864, 1152),
    "5:4": (1120, 896),
    "4:5": (896, 1120),
    "2:1": (1408, 704),
    "1:2": (704, 1408),
    "3:1": (1536, 512),
    "1:3": (512, 1536),
}

_LANDSCAPE = """
1536x512 1408x576 1472x576 1536x576 1344x640 1408x640 1472x640 1536x640 1152x704 1216x704 1280x704
1344x704 1408x704 1472x704 1312x736 1088x768 1216x768 1280x768 1344x768 1280x800 960x832 1024x832
1088x832 1152x832 1216x832 1248x832 1152x864 960x896 1024x896 1088x896 1120x896 1152x896 1024x960
1088x960 1024x1024
"""


_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def _supported() -> frozenset[tuple[int, int]]:
    sizes: set[tuple[int, int]] = set()
    for text in _LANDSCAPE.split():
        width, height = (int(side) for side in text.split("x"))
        sizes |= {(width, height), (height, width)}
    return frozenset(sizes)


RESOLUTIONS = _supported()
"""The 69 sizes of Ideogram 3.0 (developer.ideogram.ai and Replicate's schema agree)."""


def size_for(
    *, aspect_ratio: str | None, resolution: str | None, image: bytes | None
) -> tuple[int, int]:
    """Width and height in pixels of the picture that a request makes.

    An inpainting image decides alone; then a resolution (``None`` and the word ``None`` mean
    that there is none) wins over the ratio. What is unknown gives 1024x1024, because the API
    takes both as free strings.
    """
    if image is not None:
        return _snapped(image)
    if resolution not in (None, "", "None"):
        width, _, height = resolution.partition("x")
        if width.isdecimal() and height.isdecimal():
            size = (int(width), int(height))
            if size in RESOLUTIONS:
                return size
        return SIZE_BY_RATIO["1:1"]
    return SIZE_BY_RATIO.get(aspect_ratio or "1:1", SIZE_BY_RATIO["1:1"])


def _snapped(image: bytes) -> tuple[int, int]:
    """The supported size with the nearest proportions, and among equals the nearest area."""
    try:
        with Image.open(io.BytesIO(image)) as picture:
            width, height = picture.size
    except _UNREADABLE:
        return SIZE_BY_RATIO["1:1"]
    if (width, height) in RESOLUTIONS:
        return width, height

    def distance(size: tuple[int, int]) -> tuple[float, int, tuple[int, int]]:
        w, h = size
        # Cross products instead of quotients: whole numbers compare alike everywhere.
        mismatch = max(w * height, h * width) / min(w * height, h * width)
        return mismatch, abs(w * h - width * height), size

    return min(RESOLUTIONS, key=distance)
