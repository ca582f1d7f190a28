"""kill -9 at every step of the protocol, then one more run; judged by the provider's own truth."""

from __future__ import annotations

import hashlib
import multiprocessing
import signal
from pathlib import Path

import pytest

from ideogram_pipeline import warehouse
from ideogram_pipeline.generation.service import publish_books, reconcile
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.generation import killed_run
from ideogram_pipeline_tests.generation.killed_run import STEPS
from ideogram_pipeline_tests.support import Bench, bench, write_catalog

IMAGES = 4


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
    """Every picture bought once and stored whole, and the books equal to the provider's."""
    report = desk.run()
    assert report.exit_code == 0, report.troubles
    truth = desk.truth()
    paid = [job for job in truth["jobs"] if not job["refund"]]
    assert len(paid) == IMAGES, "each planned image has exactly one paid job"
    assert truth["charges"] - truth["refunds"] == truth["opening"] - truth["balance"]

    publish_books(desk.settings)
    path = desk.settings.warehouse_path
    stored = warehouse.query(path, "SELECT path, sha256, job_id FROM images").rows
    assert {row[2] for row in stored} == {job["id"] for job in paid}
    for name, digest, _ in stored:
        content = (desk.settings.folder / str(name)).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
    net = warehouse.query(path, "SELECT sum(credits) FROM credit_ledger").rows[0][0]
    assert net == truth["charges"] - truth["refunds"]
    checked = reconcile(desk.settings)
    assert (checked.drift, checked.orphans, checked.missing) == (0, (), ())


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
