"""Folders whose names survive a power cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from ideogram_pipeline import files
from ideogram_pipeline.files import make_folder, make_folders
from ideogram_pipeline_tests.disk_steps import DiskSteps


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DiskSteps:
    """Of a process that knows of one folder that it will last: the test's."""
    monkeypatch.setattr(files, "_lasting", {tmp_path})
    return DiskSteps(monkeypatch)


def test_what_names_new_folders_is_forced_once_from_above(tmp_path: Path, steps: DiskSteps) -> None:
    images = tmp_path / "images"
    homes = [images / who / f"{who}-{number}" for who in ("ann", "bob") for number in (1, 2, 3)]
    make_folders(homes)
    assert all(home.is_dir() for home in homes)
    assert steps.forced[:2] == [tmp_path, images]
    assert sorted(steps.forced[2:]) == [images / "ann", images / "bob"]


def test_what_is_known_to_last_costs_nothing(tmp_path: Path, steps: DiskSteps) -> None:
    make_folder(tmp_path / "images" / "ann")
    steps.clear()
    make_folders([tmp_path / "images" / "ann", tmp_path / "images", tmp_path])
    assert steps == []
    make_folder(tmp_path / "images" / "bob")
    assert steps.forced == [tmp_path / "images"]


def test_a_folder_of_an_earlier_life_is_made_to_last(tmp_path: Path, steps: DiskSteps) -> None:
    """Whoever made it may have been killed before that."""
    (tmp_path / "images").mkdir()
    make_folder(tmp_path / "images")
    assert steps.forced == [tmp_path]


def test_one_that_was_removed_is_made_again(tmp_path: Path, steps: DiskSteps) -> None:
    for _ in range(2):
        make_folder(tmp_path / "images" / "ann")
        (tmp_path / "images" / "ann").rmdir()
        (tmp_path / "images").rmdir()
    assert steps.forced == [tmp_path, tmp_path / "images"] * 2


def test_a_file_in_its_place_is_an_error(tmp_path: Path, steps: DiskSteps) -> None:
    (tmp_path / "images").write_bytes(b"")
    for folder in (tmp_path / "images", tmp_path / "images" / "ann"):
        with pytest.raises(FileExistsError, match="images"):
            make_folder(folder)


def test_what_the_disk_does_not_take_is_forced_again(tmp_path: Path, steps: DiskSteps) -> None:
    steps.broken.add(tmp_path)
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output error"):
            make_folder(tmp_path / "images")
    steps.broken.clear()
    make_folder(tmp_path / "images")
    assert steps.forced == [tmp_path] * 3


def test_a_parent_that_we_may_not_read_is_somebody_elses_care(
    tmp_path: Path, steps: DiskSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(files, "sync", forbid)
    make_folder(tmp_path / "images")
    assert (tmp_path / "images").is_dir()
