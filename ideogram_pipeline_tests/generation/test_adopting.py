"""Jobs that no attempt has find the picture that they were made for, or nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ideogram_pipeline.apiframe.model import Job
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.adopting import Adoption, adopt, stated_charge
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.planning.model import PlannedImage
from ideogram_pipeline_tests.generation.fakes import NOW, begin, job_of
from ideogram_pipeline_tests.planning.rows import ZONE, catalog, character, one, picture, prompt

BEFORE = one()
REPLACED = character(reference=picture("another"))
NOW_PLANNED = one(who=REPLACED)
"""The same prompt and seed, with another reference picture."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def journal(database: Database) -> Journal:
    return Journal(database, provider="sandbox")


def give(
    journal: Journal,
    *orphans: Job,
    planned: PlannedImage = NOW_PLANNED,
) -> Adoption:
    return adopt(
        journal,
        orphans,
        [planned],
        catalog(cast=(REPLACED,)),
        zone=ZONE,
        run_id="run-2",
        now=NOW,
    )


def lost(journal: Journal, **values: Any) -> Job:
    """A job of a picture whose attempt has ended without one."""
    attempt = journal.close(begin(journal, BEFORE), schema.ABSENT, "")
    return job_of(attempt, **values)


def test_a_job_is_given_to_the_picture_that_it_was_made_for(journal: Journal) -> None:
    (adopted,) = give(journal, lost(journal)).adopted
    assert (adopted.fingerprint, adopted.job_id) == (NOW_PLANNED.fingerprint, "job-1")


@pytest.mark.parametrize("echo", ["whole", "without its input"])
@pytest.mark.parametrize("state", [schema.SUBMITTING, schema.UNRESOLVED])
def test_a_job_of_an_attempt_in_doubt_is_given_to_nobody(
    journal: Journal, state: str, echo: str
) -> None:
    attempt = begin(journal, BEFORE)
    if state == schema.UNRESOLVED:
        attempt = journal.close(attempt, state, "no answer")
    told = {"prompt": BEFORE.prompt, "seed": BEFORE.seed}
    job = job_of(attempt, **({} if echo == "whole" else {"input": told}))
    adoption = give(journal, job)
    assert (adoption.adopted, adoption.left) == ((), ("job-1",))
    assert "attempt 1" in str(adoption.doubt_about(NOW_PLANNED.fingerprint))


def test_a_job_that_another_attempt_has_meanwhile_is_unclear(journal: Journal) -> None:
    job = job_of(journal.accept(begin(journal, BEFORE), "job-1", now=NOW))
    adoption = give(journal, job)
    assert adoption.adopted == ()
    assert "job-1" in str(adoption.doubt_about(NOW_PLANNED.fingerprint))


def test_each_job_of_a_day_finds_the_edition_of_its_hour(journal: Journal) -> None:
    hourly = prompt(refresh="0 * * * *")
    jobs = []
    for hours in (3, 2, 1):
        made_at = NOW - timedelta(hours=hours)
        attempt = begin(journal, one(hourly, at=made_at))
        journal.close(attempt, schema.ABSENT, "")
        jobs.append(job_of(attempt, f"job-{hours}", created_at=made_at + timedelta(minutes=5)))
    adoption = adopt(
        journal, jobs, [one(hourly)], catalog(hourly), zone=ZONE, run_id="run-2", now=NOW
    )
    assert {attempt.job_id: attempt.edition for attempt in adoption.adopted} == {
        f"job-{hours}": f"2026-11-22T0{9 - hours}00+0000" for hours in (1, 2, 3)
    }


def test_a_failed_job_that_cost_nothing_is_no_orphan(journal: Journal) -> None:
    assert give(journal, lost(journal, status="FAILED", credit_cost=0)) == Adoption((), {}, (), ())


@pytest.mark.parametrize(
    ("status", "cost", "charge"),
    [
        ("COMPLETED", 15, 15),
        ("COMPLETED", 0, None),
        ("COMPLETED", None, None),
        ("QUEUED", 0, None),
        ("FAILED", 15, 15),
        ("FAILED", 0, 0),
        ("CANCELLED", None, 0),
    ],
)
def test_a_cost_of_nothing_is_believed_of_failed_jobs_only(
    status: str, cost: int | None, charge: int | None
) -> None:
    job = Job("job-1", status, "ideogram-character", NOW, credit_cost=cost)
    assert stated_charge(job) == charge
