"""Is this job the one that we asked for?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from ideogram_pipeline.generation.likeness import Likeness, compare
from ideogram_pipeline_tests.generation.fakes import body_of, image

SENT = json.loads(body_of(image(seed=7)))
FLAT = {"prompt": SENT["prompt"], **SENT["ideogramParams"]}


@pytest.mark.parametrize("echo", [SENT, FLAT, FLAT | {"num_images": 1, "user": {"id": 3}}], ids=str)
def test_the_body_flattened_or_with_more_in_it_is_the_same_request(echo: dict[str, Any]) -> None:
    assert compare(SENT, echo) is Likeness.SAME


def test_numbers_as_text_are_still_the_same() -> None:
    assert compare(SENT, FLAT | {"seed": "7"}) is Likeness.SAME
    assert compare(SENT, FLAT | {"seed": 7.0}) is Likeness.SAME


def test_with_less_told_it_is_like_ours_and_could_be_a_twins() -> None:
    assert compare(SENT, {"prompt": FLAT["prompt"], "seed": 7}) is Likeness.LIKE


@pytest.mark.parametrize("seed", [None, "hidden", ""])
def test_a_seed_that_is_no_number_is_not_another_one(seed: str | None) -> None:
    assert compare(SENT, FLAT | {"seed": seed}) is not Likeness.OTHER


def test_another_seed_is_another_request() -> None:
    assert compare(SENT, FLAT | {"seed": 8}) is Likeness.OTHER
    assert compare(SENT, {"seed": 8}) is Likeness.OTHER


@pytest.mark.parametrize("echo", [None, {}, {"seed": 7}, {"prompt": "rewritten"}], ids=str)
def test_without_our_text_nothing_can_be_told(echo: dict[str, Any] | None) -> None:
    assert compare(SENT, echo) is Likeness.UNCLEAR


@pytest.mark.parametrize("change", [{"prompt": "rewritten"}, {"rendering_speed": "fast"}], ids=str)
def test_our_seed_with_something_else_changed_proves_nothing(change: dict[str, Any]) -> None:
    """It is not adopted, and it does not prove either that ours is not there."""
    assert compare(SENT, FLAT | change) is Likeness.UNCLEAR


@pytest.mark.parametrize(
    "change",
    [
        {"character_reference_image": "https://other"},
        {"prompt": f"  {FLAT['prompt'].upper()} "},
        {"style_type": str(FLAT["style_type"]).upper()},
    ],
    ids=str,
)
def test_what_a_server_may_rewrite_makes_it_like_ours(change: dict[str, Any]) -> None:
    assert compare(SENT, FLAT | change) is Likeness.LIKE


def test_our_text_without_a_seed_is_like_ours() -> None:
    assert compare(SENT, {"prompt": FLAT["prompt"], "seed": None}) is Likeness.LIKE
    assert compare(SENT, {"prompt": FLAT["prompt"], "style_type": "Fiction"}) is Likeness.UNCLEAR
