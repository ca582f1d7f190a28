"""What makes another picture, and what does not."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.planning.expansion import expand
from ideogram_pipeline.planning.identity import (
    canonical_json,
    derived_seed,
    idempotency_key,
    request_body,
)
from ideogram_pipeline_tests.planning.rows import AT, character, one, picture, planned, prompt
from ideogram_pipeline_tests.support import draw_reference

ROWS = [
    {"prompt_id": "p1", "character_id": "ann", "prompt": "a red boat on a lake", "seed": "7"},
    {
        "prompt_id": "p2",
        "character_id": "ann",
        "prompt": "two cups of tea",
        "style_type": "Fiction",
    },
    {"prompt_id": "p3", "character_id": "ann", "prompt": "Straße, 雪", "resolution": "1024x1024"},
]
COLUMNS = ["prompt_id", "character_id", "prompt", "seed", "style_type", "resolution"]
SPACES = st.sampled_from([" ", "  ", "\t", "\n", " \u00a0"])


def _fingerprints(rows: list[dict[str, str]], columns: list[str]) -> dict[str, str]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        draw_reference(folder / "ann.png", "crimson")
        (folder / "characters.csv").write_text(
            "character_id,name,reference_image\nann,Ann,ann.png\n"
        )
        with (folder / "prompts.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        catalog = read_catalog(name)
        assert not catalog.rejects
        images = expand(catalog, at=AT, zone=ZoneInfo("UTC"))
        return {image.prompt_id: image.fingerprint for image in images}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    rows=st.permutations(ROWS),
    columns=st.permutations(COLUMNS),
    inner=SPACES,
    around=st.sampled_from(["", " ", "\t"]),
)
def test_order_columns_and_white_space_do_not_matter(
    rows: list[dict[str, str]], columns: list[str], inner: str, around: str
) -> None:
    spaced = [
        {n: around + (v.replace(" ", inner) if n == "prompt" else v) + around for n, v in r.items()}
        for r in rows
    ]
    assert _fingerprints(spaced, columns) == _fingerprints(ROWS, COLUMNS)


def test_no_resolution_written_out_is_no_resolution() -> None:
    written_out = [{"resolution": "None"} | row for row in ROWS]
    assert _fingerprints(written_out, COLUMNS) == _fingerprints(ROWS, COLUMNS)


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "at the lake"},
        {"seed": 8},
        {"style_type": "Fiction"},
        {"magic_prompt_option": "On"},
        {"rendering_speed": "quality"},
        {"aspect_ratio": "16:9"},
        {"resolution": "1024x1024"},
        {"image": picture("i"), "mask": picture("m")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_decides_the_picture_makes_another_one(change: dict[str, object]) -> None:
    row = {"seed": 7}
    assert one(prompt(**row)).fingerprint != one(prompt(**(row | change))).fingerprint


@pytest.mark.parametrize("name", ["image", "mask"])
def test_the_content_of_each_input_picture_counts(name: str) -> None:
    pair = {"image": picture("i"), "mask": picture("m")}
    changed = pair | {name: picture("other")}
    assert one(prompt(**pair)).fingerprint != one(prompt(**changed)).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"reference": picture("bob")},
        {"prompt_prefix": "Ann,"},
        {"prompt_suffix": "in ink"},
        {"style_type": "Realistic"},
        {"rendering_speed": "turbo"},
        {"aspect_ratio": "3:4"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_characters_defaults_count_as_if_the_row_had_them(change: dict[str, object]) -> None:
    assert one(who=character(**change)).fingerprint != one().fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Beach"},
        {"tags": ("summer", "sea")},
        {"line": 99},
        {"style_type": "Auto"},
        {"aspect_ratio": "1:1"},
        {"rendering_speed": "default"},
        {"magic_prompt_option": "Off"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_does_not_decide_the_picture_buys_nothing(change: dict[str, object]) -> None:
    assert one(prompt(**change)).fingerprint == one().fingerprint


def test_a_schedule_alone_buys_nothing_where_the_seed_is_given() -> None:
    never, weekly = one(prompt(seed=7)), one(prompt(seed=7, refresh="weekly"))
    assert never.fingerprint == weekly.fingerprint


def test_a_path_or_an_address_is_no_identity() -> None:
    moved = picture("ann")
    moved = type(moved)(Path("elsewhere/x.png"), moved.sha256, 100, 96, 96, "png")
    assert one(who=character(reference=moved)).fingerprint == one().fingerprint


def test_explicit_seeds_count_up_with_the_variations() -> None:
    images = planned(prompt(seed=40, variations=3))
    assert [image.seed for image in images] == [40, 41, 42]
    assert len({image.fingerprint for image in images}) == 3


def test_derived_seeds_differ_by_variation_and_edition() -> None:
    images = planned(prompt(variations=50))
    assert len({image.seed for image in images}) == 50
    assert one(prompt(refresh="monthly")).seed != one().seed


@given(prompt_id=st.text(), variation=st.integers(1, 1000), edition=st.text())
def test_every_derived_seed_is_one_that_the_model_takes(
    prompt_id: str, variation: int, edition: str
) -> None:
    seed = derived_seed(prompt_id, variation, edition)
    assert 1 <= seed <= 2_147_483_647
    assert seed == derived_seed(prompt_id, variation, edition)


def test_repainting_leaves_out_the_size_which_the_picture_decides() -> None:
    row = prompt(image=picture("i"), mask=picture("m"), aspect_ratio="16:9", resolution="1024x1024")
    assert not {"aspect_ratio", "resolution"} & set(one(row, character(aspect_ratio="3:4")).params)


def test_a_resolution_takes_the_place_of_the_ratio() -> None:
    params = one(prompt(resolution="1024x1024"), character(aspect_ratio="3:4")).params
    assert params["resolution"] == "1024x1024" and "aspect_ratio" not in params


def test_the_row_wins_over_the_character_and_that_over_the_default() -> None:
    who = character(style_type="Fiction", rendering_speed="turbo")
    image = one(prompt(rendering_speed="quality"), who)
    assert (image.params["style_type"], image.rendering_speed) == ("Fiction", "quality")
    assert image.params["aspect_ratio"] == "1:1"


def test_a_rewritten_prompt_is_marked_as_not_reproducible() -> None:
    assert one().reproducible
    assert not one(prompt(magic_prompt_option="Auto")).reproducible


def test_disabled_rows_and_other_characters_are_passed_over() -> None:
    cast = (character(), character(character_id="bob", reference=picture("bob")))
    rows = (
        prompt(),
        prompt(prompt_id="off", enabled=False),
        prompt(prompt_id="b", character_id="bob"),
    )
    assert [i.prompt_id for i in planned(*rows, cast=cast)] == ["ann-1", "b"]
    assert [i.prompt_id for i in planned(*rows, cast=cast, characters=["bob"])] == ["b"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_the_canonical_form_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical_json(value) == canonical_json(turned)
    assert json.loads(canonical_json(value)) == value


def test_a_key_fits_the_header_and_does_not_know_addresses() -> None:
    image = one()
    key = idempotency_key(image.fingerprint, 1)
    assert len(key) <= 255 and key.isascii()
    bodies = {
        request_body(image, {image.reference.sha256: url}) for url in ("https://a", "https://b")
    }
    assert len(bodies) == 2


def test_the_same_row_gives_the_same_bytes() -> None:
    first, second = one(), one()
    urls = {first.reference.sha256: "https://a"}
    assert request_body(first, urls) == request_body(second, urls)
