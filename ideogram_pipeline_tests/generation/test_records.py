"""What the account tells of a request that was not answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ideogram_pipeline.apiframe.errors import NotFound, Transient
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.records import (
    LOOK_BACK,
    LOOK_BACK_UNSURE,
    Records,
    Search,
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
