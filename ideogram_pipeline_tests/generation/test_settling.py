"""Is this job the one that we asked for?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ideogram_pipeline.apiframe.errors import NotFound, Transient
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.settling import (
    LOOK_BACK,
    LOOK_BACK_UNSURE,
    Likeness,
    Records,
    Search,
    compare,
)
from ideogram_pipeline_tests.generation.fakes import (
    NOW,
    ScriptedProvider,
    begin,
    body_of,
    image,
    job_of,
    open_journal,
    page,
)

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


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path) as opened:
        yield opened


def search(provider: ScriptedProvider, journal: Journal, number: int = 1) -> Search:
    records = Records(provider, journal)  # type: ignore[arg-type]
    return asyncio.run(records.search(begin(journal, image(number))))


def test_the_oldest_of_several_comes_first_and_claimed_ones_are_not_looked_at(
    journal: Journal,
) -> None:
    claimed = journal.accept(begin(journal, image(9)), "claimed", now=NOW)
    attempt = begin(journal, image(2))
    journal.close(attempt, "rejected", "")
    provider = ScriptedProvider(
        jobs={
            "old": job_of(attempt, "old"),
            "claimed": job_of(claimed, "claimed"),
            "new": job_of(attempt, "new"),
        }
    )
    found = search(provider, journal, 2)
    assert [job.id for job in found.matches] == ["old", "new"]
    assert ("job", "claimed") not in provider.asked


def test_it_pages_back_to_the_intent_and_no_further(journal: Journal) -> None:
    other = begin(journal, image(8))
    job = job_of(other, "other", created_at=NOW)
    before = job_of(other, "before", created_at=NOW - LOOK_BACK - timedelta(seconds=1))
    provider = ScriptedProvider(
        pages=[page(job, cursor="2"), page(before, cursor="3")], jobs={"other": job}
    )
    found = search(provider, journal)
    assert found == Search((), (), exhaustive=True)
    assert [about for kind, about in provider.asked if kind == "list"] == [None, "2"]


def test_without_the_providers_time_it_looks_back_over_a_day(journal: Journal) -> None:
    """This machine's clock may be hours wrong."""
    attempt = begin(journal, image(2))
    early = job_of(attempt, "early", created_at=NOW - LOOK_BACK_UNSURE + timedelta(minutes=1))
    for told, matches in ((True, 0), (False, 1)):
        provider = ScriptedProvider(jobs={"early": early})
        provider.clock.is_told = told
        records = Records(provider, journal)  # type: ignore[arg-type]
        assert len(asyncio.run(records.search(attempt)).matches) == matches


def test_a_job_that_cannot_be_compared_leaves_it_open(journal: Journal) -> None:
    other = begin(journal, image(8))
    for hidden in (job_of(other, "x", input=None), [NotFound("gone")]):
        provider = ScriptedProvider(pages=[page(job_of(other, "x"))], jobs={"x": hidden})
        records = Records(provider, journal)  # type: ignore[arg-type]
        found = asyncio.run(records.search(other))
        assert found == Search((), (), exhaustive=False)


def test_transient_trouble_is_borne_for_a_while(journal: Journal) -> None:
    provider = ScriptedProvider(pages=[Transient("503"), Transient("503"), page()])
    assert search(provider, journal) == Search((), (), exhaustive=True)
    lasting = ScriptedProvider(pages=[Transient("503")])
    with pytest.raises(Transient):
        search(lasting, journal, 2)
