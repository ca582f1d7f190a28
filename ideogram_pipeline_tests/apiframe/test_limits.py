"""The documented sets and prices, counted."""

from __future__ import annotations

import pytest

from ideogram_pipeline.apiframe import limits
from ideogram_pipeline.apiframe.pricing import CREDITS, price


def test_the_69_resolutions_follow_the_models_rule() -> None:
    assert len(limits.RESOLUTIONS) == 69
    for size in limits.RESOLUTIONS:
        width, height = map(int, size.split("x"))
        assert width % 32 == height % 32 == 0
        assert 786_432 <= width * height <= 1_048_576
        assert f"{height}x{width}" in limits.RESOLUTIONS


def test_the_11_aspect_ratios() -> None:
    assert len(limits.ASPECT_RATIOS) == 11
    assert not limits.ASPECT_RATIOS & {"1:2", "2:1", "4:5", "5:4"}
    assert limits.DEFAULT_ASPECT_RATIO in limits.ASPECT_RATIOS


def test_prices_by_speed() -> None:
    assert dict(CREDITS) == {"turbo": 10, "default": 15, "quality": 20}
    assert CREDITS.keys() == limits.RENDERING_SPEEDS
    assert price("quality") == 20


@pytest.mark.parametrize(
    ("text", "units"), [("", 0), ("abc", 3), ("é", 1), ("🦊", 2), ("\ud83e", 1)]
)
def test_prompt_units(text: str, units: int) -> None:
    assert limits.utf16_units(text) == units
