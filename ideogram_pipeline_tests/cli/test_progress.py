"""Lines where there is no terminal; the bar is seen in ``test_terminal.py``."""

from __future__ import annotations

import pytest

from ideogram_pipeline.cli.progress import shown_progress
from ideogram_pipeline.generation.report import Progress


def moment(made: int, spent: int, *, planned: int = 20, run_id: str = "one") -> Progress:
    return Progress(
        run_id=run_id,
        planned=planned,
        made=made,
        in_flight=2,
        failed=0,
        deferred=0,
        credits_spent=spent,
        credits_quoted=200,
        activity="",
    )


def test_a_line_for_every_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(20, 200) as listen:
        for made in range(21):
            listen(moment(made, made * 10))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" of ")[0] for line in lines] == [str(made) for made in range(2, 21, 2)]
    assert lines[-1].startswith("20 of 20 pictures, 2 in flight, 200 of 200 credits, 0 s")


def test_several_runs_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(20, 200) as listen:
        for run_id, planned in (("one", 8), ("two", 12)):
            listen(moment(planned, planned * 10, planned=planned, run_id=run_id))
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("20 of 20 pictures, 2 in flight, 200 of 200 credits")
    )


def test_nothing_to_do_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(0, 0):
        pass
    assert capsys.readouterr().err == ""
