"""The model-based test: events in any order, judged after each of them by the provider's truth.

``pytest --hypothesis-profile=deep --hypothesis-seed=1`` searches far longer, from that seed;
with ``-rP`` it says how much was tried.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.settling import Records, Search
from ideogram_pipeline.generation.submitting import Submitter
from ideogram_pipeline_tests.generation.model_machine import machine_at
from ideogram_pipeline_tests.generation.model_world import Site

SEARCH = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
SHORT = settings(SEARCH, derandomize=True, max_examples=14, stateful_step_count=20)
"""The same examples each time."""
PLANTED = settings(SHORT, phases=[Phase.generate], max_examples=100)
"""For a bug that is there: until it is found, and no shorter example is looked for."""

TWICE = "paid twice|in no book"
"""Two jobs for one picture, or one that nobody knows of beside the one that is booked."""


@pytest.fixture(autouse=True)
def _short_waits() -> None:
    """Waits keep their length, unlike in the tests beside: time is simulated."""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def chosen() -> settings:
    """How long to search: as the profile ``deep`` says, if that was asked for."""
    if settings.get_current_profile_name() != "deep":
        return SHORT
    deep = settings.get_profile("deep")
    return settings(
        SEARCH, max_examples=deep.max_examples, stateful_step_count=deep.stateful_step_count
    )


@pytest.mark.timeout(0)  # to find the shortest example of a failure may take minutes
def test_nothing_is_paid_twice_or_lost_whatever_happens(site: Site) -> None:
    run_state_machine_as_test(machine_at(site), settings=chosen())
    sys.stdout.write("".join(f"{number:6} {what}\n" for what, number in site.tally.most_common()))


def test_it_finds_a_missing_look_at_the_records(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find_nothing(_records: Records, _attempt: Attempt) -> Search:
        return Search(matches=(), near=(), exhaustive=True)

    monkeypatch.setattr(Records, "search", find_nothing)
    with pytest.raises(AssertionError, match=TWICE):
        run_state_machine_as_test(machine_at(site, ["keys ignored"]), settings=PLANTED)


def test_it_finds_a_missing_look_at_the_age_of_a_key(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Submitter, "_may_replay", lambda _submitter, _attempt: True)
    with pytest.raises(AssertionError, match=TWICE):
        run_state_machine_as_test(machine_at(site, ["input hidden"]), settings=PLANTED)
