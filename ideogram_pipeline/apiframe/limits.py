"""What the API documents as acceptable for ``ideogram-character``, as plain values.

Apiframe's edge checks little of this: a style or a ratio out of its set is a free string there and
may be ignored by the model, yet paid. So the catalog is checked against these sets before buying.

Sources: Apiframe's OpenAPI 2.0.0 (types, prompt, speeds, magic prompt), its page on this model
(ratios, styles), Ideogram's and Replicate's schemas of the same model (resolutions, references).
"""

from __future__ import annotations

from typing import Final

ASPECT_RATIOS: Final = frozenset(
    ("1:1", "1:3", "3:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9", "10:16", "16:10")
)
"""The 11 ratios documented by Apiframe for this model; upstream knows 1:2, 2:1, 4:5, 5:4 too."""

DEFAULT_ASPECT_RATIO: Final = "1:1"
"""What the model draws when neither a ratio nor a resolution is sent."""

NO_RESOLUTION: Final = "None"
"""The literal that leaves the size to the ratio; it is the model's default."""

_LANDSCAPE_AND_SQUARE = """
    1536x512 1536x576 1536x640 1472x576 1472x640 1472x704 1408x576 1408x640 1408x704 1344x640
    1344x704 1344x768 1312x736 1280x704 1280x768 1280x800 1248x832 1216x704 1216x768 1216x832
    1152x704 1152x832 1152x864 1152x896 1120x896 1088x768 1088x832 1088x896 1088x960 1024x832
    1024x896 1024x960 1024x1024 960x832 960x896
"""


def _swapped(size: str) -> str:
    width, height = size.split("x")
    return f"{height}x{width}"


RESOLUTIONS: Final = frozenset(
    form for size in _LANDSCAPE_AND_SQUARE.split() for form in (size, _swapped(size))
)
"""The 69 sizes in pixels, ``WIDTHxHEIGHT``: the set is closed under swapping the sides."""

STYLE_TYPES: Final = frozenset(("Auto", "Fiction", "Realistic"))
"""Sent in exactly this case."""

MAGIC_PROMPT_OPTIONS: Final = frozenset(("Auto", "On", "Off"))
"""``Auto`` and ``On`` let the model rewrite the prompt, so that a seed repeats nothing."""

RENDERING_SPEEDS: Final = frozenset(("turbo", "default", "quality"))
"""Lower case; any other form is answered with 400."""

SEED_MIN: Final = 1
"""Some stacks read 0 as "no seed", so the range starts above it."""

SEED_MAX: Final = 2_147_483_647

PROMPT_MAX_UNITS: Final = 2000
"""In UTF-16 code units, the unit that the server's validator most likely counts in."""

REFERENCE_MAX_BYTES: Final = 10_000_000
"""Of a reference image (JPEG, PNG or WebP): 10 MB, read as the smaller of the two usual megabytes.

Uploads take 25 MB, the model does not."""

JOBS_PAGE_MAX: Final = 100
"""Most jobs that one page of the list holds."""


def utf16_units(text: str) -> int:
    """Length of ``text`` in UTF-16 code units: 2 for an emoji, 1 for most letters."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
