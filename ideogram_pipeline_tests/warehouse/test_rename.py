"""Readers, writers, crashes and full disks around a publish, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import pytest

from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.warehouse import schema
from ideogram_pipeline.warehouse.changes import Append
from ideogram_pipeline.warehouse.publishing import Published, publish
from ideogram_pipeline.warehouse.reading import HeldError, query
from ideogram_pipeline_tests.powers import bound_by_permissions
from ideogram_pipeline_tests.warehouse.rows import Row, entry

_IMPORTS = """
import sys
from pathlib import Path
import duckdb
from ideogram_pipeline.warehouse.changes import Append
from ideogram_pipeline.warehouse.publishing import publish
from ideogram_pipeline_tests.warehouse.rows import entry
path = Path(sys.argv[1])
def tell_and_wait(word):
    print(word, flush=True)
    sys.stdin.readline()
"""


@contextmanager
def program(path: Path, code: str) -> Iterator[subprocess.Popen[str]]:
    """Another process at the same file; it is killed at the end if it still lives."""
    command = [sys.executable, "-c", _IMPORTS + code, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def says(process: subprocess.Popen[str], word: str) -> bool:
    assert process.stdout is not None
    return process.stdout.readline().strip() == word


def let_go(process: subprocess.Popen[str]) -> None:
    process.communicate("\n")


def book(path: Path, *entry_ids: str, wait_seconds: float = 30.0) -> Published:
    entries = [entry(entry_id) for entry_id in entry_ids]
    return publish(
        path,
        [Append("credit_ledger", entries, "entry_id")],
        complete=True,
        wait_seconds=wait_seconds,
    )


def booked(path: Path) -> list[str]:
    rows = query(path, "SELECT entry_id FROM credit_ledger ORDER BY entry_id").rows
    return [str(entry_id) for (entry_id,) in rows]


@pytest.fixture
def path(path: Path) -> Path:
    book(path, "1")
    return path


class _ReadingOnTheWay(Sequence[Row]):
    """Rows that look into the published file at the moment when they are asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: list[str] = []

    def __len__(self) -> int:
        self.seen = booked(self.path)
        return 0

    def __getitem__(self, index: object) -> Row:  # type: ignore[override]
        raise IndexError


def test_a_reader_during_a_publish_sees_the_old_file_whole(path: Path) -> None:
    onlooker = _ReadingOnTheWay(path)
    publish(
        path,
        [
            Append("credit_ledger", [entry("2")], "entry_id"),
            Append("credit_ledger", onlooker, "entry_id"),
        ],
    )
    assert onlooker.seen == ["1"]
    assert booked(path) == ["1", "2"]


def test_a_reader_that_was_there_before_goes_on_and_a_new_one_sees_the_new_file(
    path: Path,
) -> None:
    with closing(duckdb.connect(path, read_only=True)) as old:
        old.execute("FROM credit_ledger")
        assert book(path, "2") == Published()
        assert old.execute("SELECT count(*) FROM credit_ledger").fetchone() == (1,)
        assert booked(path) == ["1", "2"]


def test_a_reader_in_another_process_blocks_nobody(path: Path) -> None:
    reading = "connection = duckdb.connect(path, read_only=True); tell_and_wait('reading')"
    with program(path, reading) as reader:
        assert says(reader, "reading")
        assert book(path, "2", wait_seconds=0) == Published()
    assert booked(path) == ["1", "2"]


def test_a_kill_in_the_middle_leaves_the_old_file_and_the_next_publish_clears_up(
    path: Path,
) -> None:
    publishing = """
class Rows(list):
    def __len__(self):
        tell_and_wait("in the middle")
        return 0
many = [entry(str(number)) for number in range(2, 1000)]
publish(path, [Append("credit_ledger", many, "entry_id"),
               Append("credit_ledger", Rows(), "entry_id")])
"""
    with program(path, publishing) as victim:
        assert says(victim, "in the middle")
        draft = path.with_name(".warehouse.draft")
        assert draft.is_dir()
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
        assert booked(path) == ["1"]
        assert book(path, "2", wait_seconds=0) == Published()
    assert booked(path) == ["1", "2"]
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "warehouse.duckdb",
        "warehouse.lock",
    ]


def test_publishers_at_one_time_lose_nothing(path: Path) -> None:
    publishing = """
for number in range(5):
    publish(path, [Append("credit_ledger", [entry(f"NAME-{number}")], "entry_id")])
"""
    with (
        program(path, publishing.replace("NAME", "a")) as a,
        program(path, publishing.replace("NAME", "b")) as b,
    ):
        for number in range(5):
            book(path, f"c-{number}")
        assert (a.wait(), b.wait()) == (0, 0)
    assert len(booked(path)) == 1 + 3 * 5


@pytest.mark.parametrize("work", ["", "connection.execute('CREATE TABLE mine (i INTEGER)');"])
def test_a_file_held_for_writing_is_left_alone_and_the_lag_is_said(path: Path, work: str) -> None:
    holding = f"connection = duckdb.connect(path); {work} tell_and_wait('holding')"
    with program(path, holding) as person:
        assert says(person, "holding")
        published = book(path, "2", wait_seconds=0.1)
        assert published.lag
        assert "open for writing in another program" in published.reason
        with pytest.raises(HeldError, match="another program has it open for writing"):
            booked(path)
        let_go(person)
    assert booked(path) == ["1"]
    assert book(path, "1", "2", wait_seconds=0) == Published()
    assert booked(path) == ["1", "2"]


def test_a_publish_waits_for_a_short_writing_session(path: Path) -> None:
    holding = "connection = duckdb.connect(path); tell_and_wait('holding'); connection.close()"
    with program(path, holding) as person, program(path, _PUBLISH_TWO) as publisher:
        assert says(person, "holding")
        assert says(publisher, "ready")
        assert publisher.stdin is not None
        publisher.stdin.write("\n")
        publisher.stdin.flush()
        let_go(person)
        assert says(publisher, "Published(lag=False, rebuilt=False, reason='')")
    assert booked(path) == ["1", "2"]


_PUBLISH_TWO = """
tell_and_wait("ready")
print(publish(path, [Append("credit_ledger", [entry("2")], "entry_id")]), flush=True)
"""


def test_what_a_killed_session_left_in_its_log_is_kept_and_read_once(path: Path) -> None:
    writing = (
        "connection = duckdb.connect(path);"
        "connection.execute('CREATE TABLE mine AS SELECT 7 AS i'); tell_and_wait('written')"
    )
    with program(path, writing) as person:
        assert says(person, "written")
        os.kill(person.pid, signal.SIGKILL)
        person.wait()
    log = path.with_name("warehouse.duckdb.wal")
    assert log.exists()

    assert book(path, "2", wait_seconds=0) == Published()
    assert not log.exists()
    assert booked(path) == ["1", "2"]
    assert query(path, "FROM mine").rows == [(7,)]


@pytest.mark.parametrize("room", [-100_000, 300_000], ids=["for the copy", "for the rows"])
def test_a_disk_without_room_is_said_and_the_file_stays_as_it_was(path: Path, room: int) -> None:
    limit = path.stat().st_size + room
    publishing = f"""
import resource
from ideogram_pipeline.errors import StorageError
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
many = [entry(f"{{number * 7919 % 1000003:x}}-" * 9, note=str(number)) for number in range(20_000)]
try:
    publish(path, [Append("credit_ledger", many, "entry_id")])
except StorageError as error:
    print(error)
"""
    before = path.read_bytes()
    with program(path, publishing) as process:
        output, _ = process.communicate()
    assert "could not be published" in output
    assert "Make room on the disk" in output
    assert path.read_bytes() == before
    assert book(path, "2") == Published()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="could not be published"):
        publish(tmp_path / "file" / "warehouse.duckdb", [])


def test_a_folder_without_the_right_to_write_is_said(path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        with (
            bound_by_permissions(),
            pytest.raises(StorageError, match="give this user the right to write"),
        ):
            book(path, "2")
        assert booked(path) == ["1"]
    finally:
        path.parent.chmod(0o700)


def _set_version(path: Path, version: int) -> None:
    with closing(duckdb.connect(path)) as connection:
        connection.execute("UPDATE warehouse_meta SET schema_version = ?", [version])


def test_a_file_of_an_older_version_is_begun_anew_and_kept_aside(path: Path) -> None:
    _set_version(path, schema.SCHEMA_VERSION - 1)
    published = publish(path, [Append("credit_ledger", [entry("2")], "entry_id")])

    assert published.rebuilt
    assert "older version" in published.reason
    assert booked(path) == ["2"]
    assert booked(path.with_name("warehouse.old.duckdb")) == ["1"]


def test_a_file_of_a_newer_version_is_not_touched(path: Path) -> None:
    _set_version(path, schema.SCHEMA_VERSION + 1)
    with pytest.raises(StorageError, match="newer version"):
        book(path, "2")
    assert booked(path) == ["1"]


@pytest.mark.parametrize("content", [b"", b"not a database", bytes(300_000)])
def test_a_file_that_is_no_database_is_begun_anew(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    published = publish(path, [Append("credit_ledger", [entry("2")], "entry_id")])

    assert published.rebuilt
    assert "could not be read" in published.reason
    assert booked(path) == ["2"]


def test_damage_that_shows_only_when_rows_are_read_is_found(path: Path) -> None:
    many = [f"{number:05}" for number in range(5_000)]
    book(path, *many)
    whole = path.read_bytes()
    for start in range(3 * 4096, len(whole), 262_144):
        path.write_bytes(whole[: start + 500] + b"damaged!" + whole[start + 508 :])
        published = publish(path, [Append("credit_ledger", [entry("2")], "entry_id")])
        if "was damaged" in published.reason:
            assert published.rebuilt
            assert booked(path) == ["2"]
            return
    pytest.fail("no block of the file held rows of the ledger")
