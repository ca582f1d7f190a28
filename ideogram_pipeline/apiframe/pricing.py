"""What one picture costs, in credits."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ideogram_pipeline.apiframe.model import RenderingSpeed

CREDITS: Final[Mapping[RenderingSpeed, int]] = MappingProxyType(
    {"turbo": 10, "default": 15, "quality": 20}
)
"""Credits for one submission (one picture) by rendering speed; a credit is about 0.01 USD.

Source: Apiframe's page on ``ideogram-character``. They are taken at submission and given back when
the job fails. No other parameter changes the price.
"""


def price(speed: RenderingSpeed) -> int:
    """Credits that one picture at this rendering speed costs.

    Raises:
        KeyError: For a word that is no rendering speed; the catalog refuses such a row.
    """
    return CREDITS[speed]
