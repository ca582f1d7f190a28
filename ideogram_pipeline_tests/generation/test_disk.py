"""A disk that is nearly full: nothing is bought that could not be stored."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ideogram_pipeline.generation import disk
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.generation.judging import assert_books_right, requests
from ideogram_pipeline_tests.support import bench, write_catalog


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


def test_what_may_have_been_sent_in_vain_is_not_sent_again_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_catalog(tmp_path / "catalog", characters=["ann"], prompts=1)
    with bench(tmp_path, SandboxOptions(speed=500, tiny=True), source) as desk:
        desk.tell("faults", [{"fault": "lost_before", "times": 6}])
        assert desk.run().count("failed") == 1
        sent = requests(desk, "generate")
        with monkeypatch.context() as full:
            full.setattr(disk, "RESERVE", 10**18)
            assert desk.run().count("deferred") == 1
        assert requests(desk, "generate") == sent
        assert desk.run().exit_code == 0
        assert_books_right(desk, 1)


def test_many_purchases_in_a_second_take_one_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    free = [disk.RESERVE, disk.RESERVE - 1]
    looks = iter(free)
    monkeypatch.setattr(disk.time, "monotonic", lambda: now)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: SimpleNamespace(free=next(looks)))
    disks = disk.Disks([tmp_path])
    assert [disks.shortage() for _ in range(3)] == [None] * 3
    now += disk.LOOK_SECONDS
    assert "17 MB left" in str(disks.shortage())
    assert "17 MB left" in str(disks.shortage())
