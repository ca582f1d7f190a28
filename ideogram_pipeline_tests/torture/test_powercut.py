"""Power cuts: the rules of the disk, and a few cuts of a real run."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path, PurePosixPath

import pytest
from sqlalchemy import Engine, event

from ideogram_pipeline.generation import database
from ideogram_pipeline_tests.torture.deep_strace import strace_missing
from ideogram_pipeline_tests.torture.powercut import power_cuts
from ideogram_pipeline_tests.torture.powercut_disk import SECTOR, Disk, Kept
from ideogram_pipeline_tests.torture.powercut_trace import NotFollowed, read_calls

needs_strace = pytest.mark.skipif(strace_missing() is not None, reason=str(strace_missing()))

FOLDER = PurePosixPath("folder")
FILE = FOLDER / "file"


def after_cut(disk: Disk, data: Kept, names: Kept) -> dict[str, bytes]:
    image = disk.image(data, names, random.Random(0))
    return {str(path): content for path, content in image.items()}


@pytest.fixture
def disk() -> Disk:
    """Has one folder, surely."""
    disk = Disk()
    disk.make(FOLDER, folder=True)
    disk.sync(disk.root)
    return disk


def test_what_is_synced_stays_and_the_rest_need_not(disk: Disk) -> None:
    file = disk.make(FILE)
    disk.write(file, 0, b"first")
    disk.sync(file)
    disk.sync(disk.root)
    assert after_cut(disk, "all", "none") == {}, "its name is not"
    folder = disk.find(FOLDER)
    assert folder
    disk.sync(folder)
    disk.write(file, 5, b", second")
    assert after_cut(disk, "none", "none") == {"folder/file": b"first"}
    assert after_cut(disk, "all", "none") == {"folder/file": b"first, second"}
    disk.cut(file, 2)
    assert after_cut(disk, "all", "all") == {"folder/file": b"fi"}
    assert file.length == 2


def test_a_rename_happens_or_does_not(disk: Disk) -> None:
    place = FOLDER / "place"
    disk.sync(disk.make(FILE))
    disk.rename(FILE, place)
    assert after_cut(disk, "all", "none") == {}
    assert after_cut(disk, "all", "all") == {"folder/place": b""}
    folder = disk.find(FOLDER)
    assert folder
    disk.sync(folder)
    disk.remove(place)
    assert after_cut(disk, "none", "none") == {"folder/place": b""}


def test_a_folder_without_its_own_name_takes_its_files_along(disk: Disk) -> None:
    inner = disk.make(FOLDER / "inner", folder=True)
    disk.make(FOLDER / "inner" / "file")
    disk.sync(inner)
    assert after_cut(disk, "all", "none") == {}


def test_a_write_is_torn_between_sectors(disk: Disk) -> None:
    file = disk.make(FILE)
    disk.write(file, 100, b"x" * 3 * SECTOR)
    torn = set()
    for seed in range(200):
        torn.add(disk.image("some", "all", random.Random(seed))[FILE])
    inside = {content.strip(b"\0") for content in torn}
    assert {len(content) % SECTOR for content in inside} <= {0, SECTOR - 100, 100}
    assert len(torn) == 2**4, "each of the four sectors that it touches is there or not"


def test_what_cannot_be_replayed_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    home = "".join(f"\\x{byte:02x}" for byte in b"/home/file")
    trace.write_text(f'7 rename("{home}", "{home}") = -1 ENOENT (No such file or directory)\n')
    assert not list(read_calls(trace, [Path("/home")]))
    for line in (f"7 sendfile(4<{home}>, 3, NULL, 9) = 9", f"7 fsync(4<{home}> <unfinished ...>"):
        trace.write_text(f"{line}\n")
        with pytest.raises(NotFollowed):
            list(read_calls(trace, [Path("/home")]))


def sync_seldom() -> None:
    """Plant what kill -9 never shows: the last commits are left to the page cache."""
    make = database._engine

    def planted(path: Path) -> Engine:
        engine = make(path)

        @event.listens_for(engine, "connect")
        def _spare(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA synchronous=NORMAL")

        return engine

    database._engine = planted


@needs_strace
def test_a_run_keeps_its_promises(tmp_path: Path) -> None:
    found = power_cuts(tmp_path, cuts=25)
    assert found.clean, found.troubles
    assert found.images > 15


@needs_strace
def test_commits_that_are_not_synced_are_missed(tmp_path: Path) -> None:
    assert power_cuts(tmp_path, plant=sync_seldom, cuts=10).lost_commits
