"""What a change of the catalog does to the digest of its character."""

from __future__ import annotations

import pytest

from ideogram_pipeline_tests.catalog.conftest import Cast

CHARACTER = {
    "character_id": "mira",
    "name": "Mira",
    "reference_image": "mira.png",
    "style_type": "Fiction",
    "rendering_speed": "turbo",
    "aspect_ratio": "3:4",
    "prompt_prefix": "Ink:",
    "prompt_suffix": "at dusk",
    "monthly_credit_budget": "500",
}
PROMPT = {
    "prompt_id": "storm",
    "character_id": "mira",
    "prompt": "lights the lamp",
    "aspect_ratio": "16:9",
    "resolution": "",
    "seed": "7",
    "style_type": "Auto",
    "magic_prompt_option": "Off",
    "rendering_speed": "quality",
    "image": "mira.png",
    "mask": "mask.png",
    "variations": "2",
    "refresh": "never",
    "enabled": "true",
    "title": "Storm",
    "tags": "a; b",
}
OTHER = {**PROMPT, "prompt_id": "noon", "prompt": "sits"}


def table(*rows: dict[str, str]) -> str:
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)])


def digest(cast: Cast, character: dict[str, str], *prompts: dict[str, str]) -> str:
    cast.picture("mask.png", colour="black")
    cast.picture("other.png", colour="black", size=(8, 8), mode="RGBA")
    cast.characters(table(character))
    cast.prompts(table(*prompts))
    assert cast.problems() == []
    return cast.read().digests["mira"]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("reference_image", "other.png"),
        ("style_type", "Realistic"),
        ("rendering_speed", ""),
        ("aspect_ratio", "1:1"),
        ("prompt_prefix", "Oil:"),
        ("prompt_suffix", ""),
    ],
)
def test_character_that_decides_something(cast: Cast, column: str, cell: str) -> None:
    before = digest(cast, CHARACTER, PROMPT)
    assert digest(cast, {**CHARACTER, column: cell}, PROMPT) != before


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("prompt_id", "storm2"),
        ("prompt", "snuffs the lamp"),
        ("aspect_ratio", ""),
        ("seed", "8"),
        ("style_type", ""),
        ("magic_prompt_option", "On"),
        ("rendering_speed", "turbo"),
        ("image", "other.png"),
        ("mask", "other.png"),
        ("variations", "3"),
        ("refresh", "daily"),
        ("enabled", "false"),
    ],
)
def test_prompt_that_decides_something(cast: Cast, column: str, cell: str) -> None:
    before = digest(cast, CHARACTER, PROMPT)
    assert digest(cast, CHARACTER, {**PROMPT, column: cell}) != before


def test_resolution_decides_something(cast: Cast) -> None:
    before = digest(cast, CHARACTER, {**PROMPT, "aspect_ratio": ""})
    changed = {**PROMPT, "aspect_ratio": "", "resolution": "1024x1024"}
    assert digest(cast, CHARACTER, changed) != before


def test_what_decides_nothing(cast: Cast) -> None:
    before = digest(cast, CHARACTER, PROMPT, OTHER)
    cast.picture("copy.png")
    character = {**CHARACTER, "name": "M.", "monthly_credit_budget": "1"}
    character["reference_image"] = "copy.png"
    retitled = {**PROMPT, "title": "", "tags": "c", "prompt": "lights  the lamp"}
    disabled = {**PROMPT, "prompt_id": "eve", "enabled": "false"}
    assert digest(cast, character, disabled, OTHER, retitled) == before
