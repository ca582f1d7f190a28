"""Each fault of the sandbox alone, end to end, judged by the provider's truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ideogram_pipeline.sandbox.faults import KINDS
from ideogram_pipeline.sandbox.options import ResultShape, SandboxOptions
from ideogram_pipeline_tests.generation.judging import assert_books_right, paid, requests
from ideogram_pipeline_tests.support import bench, write_catalog

PICTURES = 3
FAST = {"speed": 500, "tiny": True}

SECONDS = {"slow": 0.05, "url_later": 0.1}
LOST = {"job_refused", "purged"}
"""Faults by which one picture is not had, and needs a person."""
ONCE = LOST | {"rate_limited", "poll_rate_limited", "poll_unavailable"}
"""Faults that strike once: each picture for good, or with a wait of whole seconds."""
SECOND_RUN = {"job_cancelled"}
"""Faults after which it takes another run, since the words do not tell a fault from a refusal."""


@pytest.mark.parametrize("fault", KINDS)
def test_each_picture_is_bought_once_and_stored(tmp_path: Path, fault: str) -> None:
    times = 1 if fault in ONCE else 2
    line: dict[str, Any] = {"fault": fault, "times": times}
    if fault in SECONDS:
        line["seconds"] = SECONDS[fault]
    source = write_catalog(tmp_path / "catalog", characters=("ann",), prompts=PICTURES)
    with bench(tmp_path, SandboxOptions(**FAST), source) as desk:
        desk.tell("faults", [line])
        report = desk.run()
        if fault in SECOND_RUN:
            assert report.exit_code == 4
            report = desk.run()
        made = PICTURES - (fault in LOST)
        assert report.exit_code == (4 if fault in LOST else 0), report.troubles
        kept = times if fault == "job_failed_no_refund" else 0
        lost_but_paid = 1 if fault == "purged" else 0
        assert len(paid(desk)) == made + kept + lost_but_paid
        assert_books_right(desk, made)

        submissions, uploads = requests(desk, "generate"), requests(desk, "uploads")
        again = desk.run()
        assert again.count("reused") == made
        assert again.credits == 0
        assert (requests(desk, "generate"), requests(desk, "uploads")) == (submissions, uploads)


@pytest.mark.parametrize("shape", ["images", "string", "mixed"])
def test_both_shapes_of_a_result_are_read(tmp_path: Path, shape: ResultShape) -> None:
    with bench(tmp_path, SandboxOptions(**FAST, result_shape=shape)) as desk:
        assert desk.run().exit_code == 0
        assert_books_right(desk, 6)


@pytest.mark.parametrize("fault", ["lost_after", "unavailable_after", "truncated_json"])
@pytest.mark.parametrize("belt", ["hide_input", "ignore_idempotency_keys"])
def test_either_belt_holds_alone(tmp_path: Path, fault: str, belt: str) -> None:
    """Without a readable record the key replays; without keys the record is found."""
    options = SandboxOptions(**FAST, **{belt: True})
    with bench(tmp_path, options) as desk:
        desk.tell("faults", [{"fault": fault, "times": 2, "after": 1}])
        assert desk.run().exit_code == 0
        assert len(paid(desk)) == 6
        assert_books_right(desk, 6)


def test_a_team_that_may_have_one_job_at_a_time(tmp_path: Path) -> None:
    options = SandboxOptions(**FAST, max_concurrent_jobs=1, tell_max_concurrent=True)
    with bench(tmp_path, options) as desk:
        assert desk.run().exit_code == 0
        assert desk.truth()["peakInFlight"] == 1
        assert_books_right(desk, 6)
