"""A run stands still in the middle, another one runs, the first goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ideogram_pipeline.generation.report import RunReport
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.generation.judging import assert_books_right, paid
from ideogram_pipeline_tests.support import Bench, bench, write_catalog

PICTURES = 4


@contextmanager
def stopped(desk: Bench, step: str, when: str) -> Iterator[subprocess.Popen[str]]:
    """A run that stands still at a step for as long as the block lasts, and then ends well."""
    command = [sys.executable, "-m", "ideogram_pipeline_tests.generation.stopped_run"]
    where = [str(desk.settings.home), desk.settings.catalog, desk.server.url]
    process = subprocess.Popen(
        [*command, *where, step, when],
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), "the step was not reached"
        yield process
        process.send_signal(signal.SIGCONT)
        _, trouble = process.communicate(timeout=60)
        assert process.returncode == 0, trouble
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("step", "when"),
    [("submit", "before"), ("submit", "after"), ("fetch", "after")],
)
def test_nothing_is_bought_twice(tmp_path: Path, step: str, when: str) -> None:
    source = write_catalog(tmp_path / "catalog", prompts=PICTURES // 2)
    with bench(tmp_path, SandboxOptions(speed=500, tiny=True), source, patience=0.5) as desk:
        with stopped(desk, step, when):
            beside: RunReport = desk.run()
            # The first run lives: what it holds is left to it, the rest is brought home.
            assert beside.count("made") + beside.count("running") == PICTURES
            assert beside.count("running") >= 1
            assert len(paid(desk)) <= PICTURES
        assert desk.run().exit_code == 0
        assert len(paid(desk)) == PICTURES
        assert desk.truth()["keysWithSeveralJobs"] == 0
        assert_books_right(desk, PICTURES)
