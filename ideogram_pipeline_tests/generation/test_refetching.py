"""A picture's file is deleted by somebody: it is fetched again, and never bought again."""

from __future__ import annotations

import shutil
from pathlib import Path

from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.generation.judging import assert_books_right, paid, requests, stored
from ideogram_pipeline_tests.support import Bench, bench

FAST = SandboxOptions(speed=500, tiny=True)


def first_file(desk: Bench) -> Path:
    return desk.settings.folder / stored(desk)[0][0]


def test_a_deleted_file_is_fetched_again_for_nothing(tmp_path: Path) -> None:
    with bench(tmp_path, FAST) as desk:
        desk.run()
        file = first_file(desk)
        content = file.read_bytes()
        file.unlink()
        report = desk.run()
        assert (report.exit_code, report.credits) == (0, 0)
        assert file.read_bytes() == content
        assert requests(desk, "generate") == 6
        assert_books_right(desk, 6)


def test_a_file_that_somebody_has_changed_is_left_to_them(tmp_path: Path) -> None:
    with bench(tmp_path, FAST) as desk:
        desk.run()
        file = first_file(desk)
        file.write_bytes(b"painted over")
        assert desk.run().exit_code == 0
        assert file.read_bytes() == b"painted over"
        assert_books_right(desk, 6)


def test_every_time_that_somebody_changes_it(tmp_path: Path) -> None:
    """Each copy goes beside what is there, however often."""
    with bench(tmp_path, FAST) as desk:
        desk.run()
        for number in range(3):
            file = first_file(desk)
            file.write_bytes(b"painted over" * (number + 1))
            assert desk.run().exit_code == 0
            assert first_file(desk) != file
        assert_books_right(desk, 6)


def test_a_file_that_is_gone_on_both_sides_is_said_until_it_is_put_back(tmp_path: Path) -> None:
    with bench(tmp_path, FAST) as desk:
        desk.run()
        file = first_file(desk)
        shutil.move(file, tmp_path / "backup.png")
        desk.tell("clock", {"advance_seconds": 25 * 3600})
        for _ in range(2):
            report = desk.run()
            assert (report.exit_code, report.count("blocked")) == (4, 1)
            assert "deleted here" in report.troubles[0].reason
        shutil.move(tmp_path / "backup.png", file)
        assert desk.run().exit_code == 0
        assert len(paid(desk)) == 6
        assert_books_right(desk, 6)
