"""A disk that is nearly full: nothing is bought that could not be stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from ideogram_pipeline.generation import disk
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.generation.judging import assert_books_right
from ideogram_pipeline_tests.support import bench


def test_it_is_deferred_and_said_and_bought_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench(tmp_path, SandboxOptions(speed=500, tiny=True)) as desk:
        with monkeypatch.context() as full:
            full.setattr(disk, "RESERVE", 10**18)
            report = desk.run()
        assert (report.exit_code, report.count("deferred")) == (3, 6)
        assert "make room and run again" in report.troubles[0].reason
        assert desk.truth()["charges"] == 0
        assert desk.run().exit_code == 0
        assert_books_right(desk, 6)
