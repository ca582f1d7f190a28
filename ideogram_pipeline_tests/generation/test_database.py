from __future__ import annotations

import errno
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import select, update
from sqlalchemy.exc import DatabaseError

from ideogram_pipeline.errors import ConfigurationError, StorageError
from ideogram_pipeline.generation import database, schema, totals
from ideogram_pipeline.generation.database import Database, journal_path
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.generation.fakes import NOW, begin, image, open_journal
from ideogram_pipeline_tests.generation.judging import assert_totals_right
from ideogram_pipeline_tests.powers import bound_by_permissions


def test_every_commit_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    opened = Database(tmp_path / "journal.sqlite")
    with opened.write() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "FULL"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    opened.close()


def test_nothing_of_a_transaction_that_fails_is_kept(tmp_path: Path) -> None:
    opened = Database(tmp_path / "journal.sqlite")
    values = {"base_url": "b", "sha256": "s", "url": "u", "expires_at": "e"}
    with pytest.raises(ZeroDivisionError), opened.write() as connection:
        connection.execute(schema.uploads.insert().values(values))
        raise ZeroDivisionError
    with opened.read() as connection:
        assert connection.execute(schema.uploads.select()).all() == []
    opened.close()


def test_all_that_is_read_together_is_of_one_moment(tmp_path: Path) -> None:
    opened = Database(tmp_path / "journal.sqlite")
    values = {"base_url": "b", "sha256": "s", "url": "u", "expires_at": "e"}
    with opened.read() as reading:
        assert reading.execute(schema.uploads.select()).all() == []
        with opened.write() as connection:
            connection.execute(schema.uploads.insert().values(values))
        assert reading.execute(schema.uploads.select()).all() == []
    with opened.read() as reading:
        assert len(reading.execute(schema.uploads.select()).all()) == 1
    opened.close()


def test_damage_that_shows_while_writing_is_named(tmp_path: Path) -> None:
    opened = Database(tmp_path / "journal.sqlite")
    with pytest.raises(StorageError, match="malformed"), opened.write():
        raise DatabaseError("UPDATE", {}, sqlite3.DatabaseError("disk image is malformed"))
    opened.close()


def test_a_writer_that_waits_too_long_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.05)
    opened = Database(tmp_path / "journal.sqlite")
    with FileLock(tmp_path / "journal.sqlite.gate"):
        with pytest.raises(StorageError, match="locked by another process"), opened.write():
            pass
        with opened.read() as connection:
            assert connection.execute(schema.runs.select()).all() == []
    opened.close()


def test_a_journal_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    opened = Database(path)
    with opened.write() as connection:
        of_version = schema.meta.c.name == "schema_version"
        connection.execute(update(schema.meta).where(of_version).values(value="99"))
    opened.close()
    with pytest.raises(StorageError, match="newer version of this program"):
        Database(path)


def test_a_journal_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with open_journal(tmp_path) as journal:
        journal.accept(begin(journal), "job-1", now=NOW)
        begin(journal, image(2))
        attempts = [journal.get(1), journal.get(2)]
    opened = Database(path)
    with opened.write() as connection:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'totals%'"
        for trigger in connection.exec_driver_sql(triggers).scalars().all():
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        for table in ("spent_by_run", "spent_by_month", "committed_by_hundred"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        for column in ("begun_at", "conflicted"):
            connection.exec_driver_sql(f"ALTER TABLE attempts DROP COLUMN {column}")
        of_version = schema.meta.c.name == "schema_version"
        connection.execute(update(schema.meta).where(of_version).values(value="1"))
    opened.close()
    with open_journal(tmp_path) as journal:
        assert [journal.get(1), journal.get(2)] == [replace(a, begun_at=None) for a in attempts]
        with journal._db.write() as connection:
            version = select(schema.meta.c.value).where(of_version)
            assert connection.scalar(version) == str(schema.SCHEMA_VERSION)
            assert totals.of_run(connection, "run-1") == 30
            assert_totals_right(connection)


def test_what_is_no_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database, but long enough to look at" * 50)
    with pytest.raises(StorageError, match="not a database"):
        Database(path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with (
            bound_by_permissions(),
            pytest.raises(StorageError, match="Nothing is bought without it"),
        ):
            Database(tmp_path / "new" / "journal.sqlite")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_where_it_lies(tmp_path: Path) -> None:
    assert journal_path(Settings.load(home=tmp_path)) == tmp_path / "sandbox" / "journal.sqlite"
    elsewhere = Settings.load(journal_url=f"sqlite:///{tmp_path}/j.sqlite")
    assert journal_path(elsewhere) == tmp_path / "j.sqlite"


@pytest.mark.parametrize("url", ["postgresql://host/db", "sqlite://", "journal.sqlite", ""])
def test_only_a_file_can_be_a_journal(url: str) -> None:
    if url == "":
        assert Settings.load(journal_url=url).journal_url == ""
    with pytest.raises(ConfigurationError, match="IDEOGRAM_PIPELINE_JOURNAL_URL"):
        journal_path(Settings.load(journal_url=url))


def test_a_gate_that_cannot_be_opened_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with closing(Database(tmp_path / "journal.sqlite")) as opened:
        monkeypatch.setattr(FileLock, "acquire", broken)
        with pytest.raises(StorageError, match="Input/output error"), opened.gate():
            raise AssertionError
