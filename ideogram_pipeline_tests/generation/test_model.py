"""The model-based test: events in any order, judged after each of them by the provider's truth.

``pytest --hypothesis-profile=deep --hypothesis-seed=1`` searches far longer, from that seed;
with ``-rP`` it says how much was tried.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ideogram_pipeline_tests.generation.model_machine import machine_at
from ideogram_pipeline_tests.generation.model_world import Site
from ideogram_pipeline_tests.torture import planted_bugs

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
def _planted_for_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a planted bug replaces is put back in the end."""

    def replace(home: Any, name: str, make: Callable[[Any], Any]) -> None:
        monkeypatch.setattr(home, name, make(getattr(home, name)))

    monkeypatch.setattr(planted_bugs, "_replace", replace)


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


@pytest.mark.usefixtures("_planted_for_one_test")
def test_it_finds_a_missing_look_at_the_records(site: Site) -> None:
    planted_bugs.no_listing()
    with pytest.raises(AssertionError, match=TWICE):
        run_state_machine_as_test(machine_at(site, ["keys ignored"]), settings=PLANTED)


@pytest.mark.usefixtures("_planted_for_one_test")
def test_it_finds_a_missing_look_at_the_age_of_a_key(site: Site) -> None:
    planted_bugs.no_age_check()
    with pytest.raises(AssertionError, match=TWICE):
        run_state_machine_as_test(machine_at(site, ["input hidden"]), settings=PLANTED)
