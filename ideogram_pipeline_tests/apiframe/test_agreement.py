"""The sandbox has copies of its own of what the API takes; here is where they are compared.

They are apart on purpose: a judge that shared the client's tables would share its mistakes.
"""

from __future__ import annotations

from typing import get_args, get_type_hints

from ideogram_pipeline.apiframe import limits, model, pricing
from ideogram_pipeline.sandbox import contract, sizes


def values_of(parameter: str) -> set[str]:
    """The words that the sandbox takes for a parameter."""
    return set(get_args(get_type_hints(contract.IdeogramParams)[parameter]))


def test_the_model_and_its_prices() -> None:
    assert contract.MODEL == model.MODEL
    assert contract.PRICES == pricing.CREDITS


def test_the_sizes() -> None:
    assert {f"{width}x{height}" for width, height in sizes.RESOLUTIONS} == limits.RESOLUTIONS
    assert sizes.SIZE_BY_RATIO.keys() >= limits.ASPECT_RATIOS


def test_the_words() -> None:
    assert values_of("rendering_speed") == limits.RENDERING_SPEEDS
    assert values_of("magic_prompt_option") == limits.MAGIC_PROMPT_OPTIONS


def test_the_lengths() -> None:
    assert contract.MAX_PROMPT_UNITS == limits.PROMPT_MAX_UNITS
    page = {"model": model.MODEL, "limit": str(limits.JOBS_PAGE_MAX)}
    assert contract.parse_query(contract.JOBS_QUERY, page)["limit"] == limits.JOBS_PAGE_MAX
