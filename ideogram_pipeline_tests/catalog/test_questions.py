"""Rows that are used, and of which one asks whether they say what was meant."""

from __future__ import annotations

import pytest

from ideogram_pipeline.catalog.model import Question, Reject
from ideogram_pipeline.catalog.remembering import current_catalog
from ideogram_pipeline_tests.catalog.conftest import Cast

HEAD = "prompt_id,character_id,prompt,seed,refresh,enabled\n"


@pytest.mark.parametrize(
    ("refresh", "shown"), [("weekly", "weekly"), ("0 6 * * mon", "0 6 * * MON")]
)
def test_a_seed_that_is_refreshed_is_questioned(cast: Cast, refresh: str, shown: str) -> None:
    cast.prompts(HEAD + f"noon,mira,sits,,weekly,\nstorm,mira,lights the lamp,7.0,{refresh},\n")
    catalog = cast.read()
    assert catalog.questions == (
        Question(
            file="cast/prompts.csv",
            line=3,
            column="seed",
            value="7",
            reason=f"asks for the same picture in every period of its refresh ({shown}), so that "
            "it is bought once and never anew: blank the seed to get new pictures, or the refresh "
            "to say that one is meant",
            character_id="mira",
            row_id="storm",
        ),
    )
    assert str(catalog.questions[0]).startswith("cast/prompts.csv, line 3, column seed: asks for")
    assert (len(catalog.prompts), catalog.rejects) == (2, ())


@pytest.mark.parametrize(
    "cells",
    ["7,never,", "7,,", ",weekly,", "7,weekly,no", "x,weekly,", "7,often,"],
)
def test_other_rows_are_not(cast: Cast, cells: str) -> None:
    cast.prompts(HEAD + f"storm,mira,lights the lamp,{cells}\n")
    assert cast.read().questions == ()


def test_a_question_is_no_refusal_even_with_the_same_words(cast: Cast) -> None:
    told = ("prompts.csv", 2, "seed", "7", "is so")
    assert Question(*told) == Question(*told)
    assert Question(*told) != Reject(*told)


def test_a_questioned_catalog_is_known_by_its_content(cast: Cast) -> None:
    cast.prompts(HEAD + "storm,mira,lights the lamp,7,weekly,\n")
    first = current_catalog("cast")
    assert first.content is not None
    assert current_catalog("cast") is first
    assert len(first.questions) == 1
