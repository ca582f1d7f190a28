"""kill -9 at every step of the protocol, then one more run; judged by the provider's own truth."""

from __future__ import annotations

import multiprocessing
import signal
from pathlib import Path

import pytest

from ideogram_pipeline.generation import run_records
from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.history import unknown_credits
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.generation import killed_run
from ideogram_pipeline_tests.generation.judging import assert_books_right, paid
from ideogram_pipeline_tests.generation.killed_run import STEPS
from ideogram_pipeline_tests.support import Bench, bench, write_catalog

IMAGES = 4
PRICE = 10


# Children are forked from a server that has imported everything, so that starting one is cheap.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["ideogram_pipeline_tests.generation.killed_run"])


def run_process(desk: Bench, step: str | None, when: str = "before", number: int = 1) -> int | None:
    """Run the pipeline as a process of its own; returns how it ended, -9 for killed."""
    child = processes.Process(target=killed_run.run, args=(desk.settings, step, when, number))
    child.start()
    child.join(timeout=60)
    assert child.exitcode is not None, "the run does not end"
    return child.exitcode


def assert_right(desk: Bench) -> None:
    """One more run ends well; every picture is bought once and stored, and the books agree."""
    report = desk.run()
    assert report.exit_code == 0, report.troubles
    assert len(paid(desk)) == IMAGES, "each planned image has exactly one paid job"
    assert_books_right(desk, IMAGES)


# Refunds and settling happen on unlucky days only; one fault of each kind makes them happen.
UNLUCKY = [
    {"fault": "job_failed", "times": 1},
    {"fault": "lost_after", "times": 1, "after": 1},
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_costs_nothing_and_loses_nothing(
    tmp_path: Path, step: str, when: str
) -> None:
    catalog = write_catalog(tmp_path / "catalog", prompts=IMAGES // 2)
    with bench(tmp_path, SandboxOptions(speed=200, tiny=True), catalog) as desk:
        desk.tell("faults", UNLUCKY)
        assert run_process(desk, step, when, number=1) == -signal.SIGKILL, "the step is reached"
        assert_right(desk)


@pytest.mark.parametrize("images", [IMAGES, 2, 1])
def test_what_was_being_submitted_counts_once_for_the_run_that_goes_on(
    tmp_path: Path, images: int
) -> None:
    """Accepted or not: all that was agreed to may be spent, by both runs together, and no more."""
    catalog = write_catalog(tmp_path / "catalog", prompts=IMAGES // 2)
    for step, when in (("submit", "before"), ("submit", "after")):
        with bench(tmp_path / when, SandboxOptions(speed=200, tiny=True), catalog) as desk:
            assert run_process(desk, step, when, number=1) == -signal.SIGKILL
            with open_journal(desk.settings) as database:
                (dead,) = run_records.running(database)
                reserved = unknown_credits(database, dead)
                assert run_records.credits_spent(database, [dead]) == 0
                assert run_records.credits_quoted(database, dead) == IMAGES * PRICE
            limit = max(images * PRICE, reserved)
            report = desk.run(max_credits=limit, goes_on_with=[dead])
            assert desk.truth()["charges"] == limit
            assert report.count("made") == limit // PRICE
            assert_books_right(desk, limit // PRICE)
