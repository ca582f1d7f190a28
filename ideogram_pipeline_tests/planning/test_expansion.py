"""SQL and Python say the same of every planned image, to the byte."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ideogram_pipeline.catalog.model import Character, Prompt
from ideogram_pipeline.catalog.rules import REFRESHES
from ideogram_pipeline.planning.editions import edition_at
from ideogram_pipeline.planning.expansion import expand
from ideogram_pipeline.planning.identity import canonical_json
from ideogram_pipeline.planning.picture import planned_image
from ideogram_pipeline_tests.planning.rows import AT, ZONE, catalog, character, one, picture, prompt

# Whatever a file may hold, and what JSON or SQL could trip over more often than by chance.
TEXTS = st.text(st.characters(codec="utf-8")) | st.text(
    st.sampled_from("\"\\'/\0\n\t\r\b\f\x1f\x7f\x85\u2028é😀{}[],:%;$?"), min_size=1
)
SPEEDS = st.sampled_from(["turbo", "default", "quality"])
RATIOS = st.sampled_from(["1:1", "16:9"])
STYLES = st.sampled_from(["Auto", "Fiction"])
PICTURES = st.sampled_from([picture("i"), picture("j")])


def rows(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Values for some of the columns."""
    return st.fixed_dictionaries({}, optional=columns)


CHARACTERS = rows(
    style_type=STYLES,
    rendering_speed=SPEEDS,
    aspect_ratio=RATIOS,
    prompt_prefix=TEXTS,
    prompt_suffix=TEXTS,
)
PROMPTS = rows(
    prompt=TEXTS.filter(bool),
    aspect_ratio=RATIOS,
    resolution=st.sampled_from(["1024x1024", "1280x704"]),
    seed=st.integers(1, 2_147_483_000),
    style_type=STYLES,
    magic_prompt_option=st.sampled_from(["Auto", "On", "Off"]),
    rendering_speed=SPEEDS,
    image=PICTURES,
    mask=PICTURES,
    variations=st.integers(1, 3),
    refresh=st.sampled_from([*REFRESHES, "0 6 * * MON", "30 * * * *"]),
    title=TEXTS,
    tags=st.lists(TEXTS, max_size=2).map(tuple),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(who=CHARACTERS, values=st.lists(PROMPTS, min_size=1, max_size=8))
def test_sql_finds_what_python_makes(who: dict[str, Any], values: list[dict[str, Any]]) -> None:
    someone = character(**who)
    made = [prompt(prompt_id=f"p{n}", line=n, **row) for n, row in enumerate(values)]
    images = expand(catalog(*made, cast=(someone,)), at=AT, zone=ZONE)
    found = images.cursor().execute(
        "SELECT prompt_id, variation, edition, seed, fingerprint, price, rendering_speed,"
        f" reproducible, sent, request FROM ({images.with_requests(str(images.table))})"
        " ORDER BY number, variation"
    )
    assert found.fetchall() == [line for row in made for line in lines_of(someone, row)]


def lines_of(who: Character, row: Prompt) -> list[tuple[object, ...]]:
    """What Python makes of one row."""
    edition = edition_at(row.refresh, AT, ZONE)
    lines = []
    for variation in range(1, row.variations + 1):
        image = planned_image(who, row, variation, edition)
        request = canonical_json({"prompt": image.prompt, "ideogramParams": dict(image.params)})
        lines.append(
            (
                image.prompt_id,
                variation,
                edition,
                image.seed,
                image.fingerprint,
                image.credits,
                image.rendering_speed,
                image.reproducible,
                image.prompt,
                request.decode(),
            )
        )
    return lines


def test_images_come_in_the_order_of_the_catalog_with_all_that_their_rows_say() -> None:
    made = [
        prompt(prompt_id="z", variations=2, title="A title", tags=("a", "b")),
        prompt(prompt_id="a", image=picture("i"), mask=picture("m")),
    ]
    images = list(expand(catalog(*made), at=AT, zone=ZONE))
    assert [(image.prompt_id, image.variation) for image in images] == [
        ("z", 1),
        ("z", 2),
        ("a", 1),
    ]
    assert images[0].tags == ("a", "b")
    assert images[2].mask == picture("m")
    assert json.loads(canonical_json(dict(images[2].params))).keys().isdisjoint({"aspect_ratio"})


def test_only_the_schedules_of_chosen_rows_have_editions() -> None:
    cast = (character(), character(character_id="bob", reference=picture("bob")))
    rows = catalog(
        prompt(prompt_id="a", refresh="30 8 * * *"),
        prompt(prompt_id="b", refresh="0 6 * * SUN", enabled=False),
        prompt(prompt_id="c", refresh="daily", character_id="bob"),
        cast=cast,
    )
    assert expand(rows, at=AT, zone=ZONE, characters=["ann"]).editions == {
        "30 8 * * *": "2026-11-22T0830+0000"
    }
    assert list(expand(rows, at=AT, zone=ZONE).editions) == ["30 8 * * *", "daily"]


def test_each_edition_of_cron_is_another_picture_and_its_period_has_one() -> None:
    row = prompt(refresh="30 8 * * *")
    now, soon, next_day = (
        one(row, at=AT + timedelta(hours=hours)).fingerprint for hours in (0, 23, 24)
    )
    assert now == soon != next_day
    with_seed = prompt(refresh="30 8 * * *", seed=7)
    assert one(with_seed).fingerprint == one(with_seed, at=AT + timedelta(days=1)).fingerprint
