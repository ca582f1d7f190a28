"""A journal that is deleted, or put back from a backup: nothing is bought again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import select

from ideogram_pipeline import warehouse
from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.database import journal_path, open_journal
from ideogram_pipeline.generation.guarding import MARK_NAME, _extent, is_recovering
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.publication import publish_books, publish_catalog, publish_plan
from ideogram_pipeline.generation.reconciliation import reconcile
from ideogram_pipeline.generation.settlement import questions
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.generation.fakes import begin
from ideogram_pipeline_tests.generation.judging import assert_books_right, paid, stored
from ideogram_pipeline_tests.support import Bench, bench, write_catalog

FAST = SandboxOptions(speed=500, tiny=True)
A_DAY_AND_AN_HOUR = {"advance_seconds": 25 * 3600}
"""The provider has forgotten the keys, and purged the files."""


def lose_journal(desk: Bench) -> None:
    for file in journal_path(desk.settings).parent.glob("journal.sqlite*"):
        file.unlink()


def ledger(desk: Bench) -> list[tuple[object, ...]]:
    """The ledger's entries with the jobs that they are of."""
    columns = [column for column in schema.ledger.c if column.name != "attempt_id"]
    query = (
        select(schema.attempts.c.job_id, *columns)
        .join(schema.attempts, schema.attempts.c.id == schema.ledger.c.attempt_id)
        .order_by(schema.ledger.c.entry_id)
    )
    with open_journal(desk.settings) as journal, journal.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


@pytest.mark.parametrize("later", [False, True], ids=["same day", "next day"])
def test_what_was_published_comes_back_as_it_was(tmp_path: Path, later: bool) -> None:
    with bench(tmp_path, FAST) as desk:
        desk.tell("faults", [{"fault": "job_failed", "times": 1}])
        desk.run()
        publish_books(desk.settings)
        before = ledger(desk), stored(desk)
        lose_journal(desk)
        if later:
            desk.tell("clock", A_DAY_AND_AN_HOUR)
        assert desk.plan().quote == 0, "the plan already knows"
        assert desk.run().exit_code == 0
        assert (ledger(desk), stored(desk)) == before
        publish_books(desk.settings)
        assert warehouse.query(
            desk.settings.warehouse_path, "SELECT count(*), sum(credits) FROM credit_ledger"
        ).rows == [(8, 60)]
        assert_books_right(desk, 6)


def test_what_was_bought_after_the_publish_is_adopted(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path / "catalog", characters=("ann",), prompts=2)
    with bench(tmp_path, FAST, catalog) as desk:
        desk.run()
        publish_books(desk.settings)
        write_catalog(tmp_path / "catalog", characters=("ann", "bob"), prompts=2)
        desk.run()
        lose_journal(desk)
        assert desk.run().exit_code == 0
        assert len(paid(desk)) == 4
        assert_books_right(desk, 4)
        with open_journal(desk.settings) as journal:
            assert not is_recovering(journal), "it is whole again"


def test_without_a_warehouse_the_accounts_own_jobs_are_adopted(tmp_path: Path) -> None:
    """A day later the files are purged as well: paid and gone is said, and nothing is bought."""
    with bench(tmp_path, FAST) as desk:
        desk.run()
        lose_journal(desk)
        desk.tell("clock", A_DAY_AND_AN_HOUR)
        report = desk.run()
        assert (report.exit_code, report.count("blocked")) == (4, 6)
        assert len(paid(desk)) == 6
        checked = reconcile(desk.settings, whole=True)
        assert (checked.orphans, checked.drift, checked.ledger_net) == ((), 0, 60)


def test_a_backup_that_is_older_than_the_pictures_is_brought_up_to_date(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path / "catalog", characters=("ann",), prompts=2)
    with bench(tmp_path, FAST, catalog) as desk:
        desk.run()
        publish_books(desk.settings)
        backup = tmp_path / "backup.sqlite"
        shutil.copy(journal_path(desk.settings), backup)
        write_catalog(tmp_path / "catalog", characters=("ann", "bob", "cid"), prompts=2)
        desk.run()
        publish_books(desk.settings, characters=["ann", "bob"])
        lose_journal(desk)
        shutil.copy(backup, journal_path(desk.settings))
        desk.tell("clock", {"advance_seconds": 21 * 3600})
        assert desk.plan().count("generate") == 2, "what was not published is not known here"
        assert desk.run().exit_code == 0
        assert len(paid(desk)) == 6
        assert_books_right(desk, 6)


def test_an_attempt_that_has_ended_since_the_backup_has_ended(tmp_path: Path) -> None:
    """The backup says that a job is under way; the file is here, and purged at the provider."""
    catalog = write_catalog(tmp_path / "catalog", characters=("ann",), prompts=1)
    slow = SandboxOptions(speed=2, tiny=True)
    with bench(tmp_path, slow, catalog, patience=0.2) as desk:
        assert desk.run().count("running") == 1
        backup = tmp_path / "backup.sqlite"
        shutil.copy(journal_path(desk.settings), backup)
        desk.tell("clock", {"advance_seconds": 60})
        assert desk.run().exit_code == 0
        publish_books(desk.settings)
        lose_journal(desk)
        shutil.copy(backup, journal_path(desk.settings))
        desk.tell("clock", A_DAY_AND_AN_HOUR)
        assert desk.run().exit_code == 0
        assert_books_right(desk, 1)


def test_jobs_that_do_not_tell_what_they_are_keep_it_from_buying(tmp_path: Path) -> None:
    options = SandboxOptions(speed=500, tiny=True, hide_input=True)
    with bench(tmp_path, options) as desk:
        desk.run()
        lose_journal(desk)
        desk.tell("clock", A_DAY_AND_AN_HOUR)
        for _ in range(2):
            report = desk.run()
            assert (report.exit_code, report.count("blocked")) == (4, 6)
            assert "do not tell what they were made for" in report.troubles[0].reason
        assert len(paid(desk)) == 6


def test_a_job_for_one_of_two_pictures_keeps_both_from_being_bought(tmp_path: Path) -> None:
    """Two characters with one text and one seed: only the reference would tell them apart."""
    catalog = Path(write_catalog(tmp_path / "catalog", prompts=1, columns={"seed": "7"}))
    with bench(tmp_path, FAST, str(catalog)) as desk:
        desk.run()
        lose_journal(desk)
        desk.tell("clock", A_DAY_AND_AN_HOUR)
        report = desk.run()
        assert (report.exit_code, report.count("blocked")) == (4, 2)
        assert len(paid(desk)) == 2


def test_a_warehouse_that_cannot_be_read_now_is_waited_for(tmp_path: Path) -> None:
    with bench(tmp_path, FAST) as desk:
        desk.run()
        publish_books(desk.settings)
        lose_journal(desk)
        content = desk.settings.warehouse_path.read_bytes()
        desk.settings.warehouse_path.write_bytes(content[:4000])
        with pytest.raises(StorageError, match="to be restored from the warehouse first"):
            desk.run()
        desk.settings.warehouse_path.write_bytes(content)
        assert desk.run().count("reused") == 6


def test_a_database_of_somebody_elses_is_not_restored_from(tmp_path: Path) -> None:
    with bench(tmp_path, FAST) as desk:
        desk.settings.folder.mkdir(parents=True)
        duckdb.connect(desk.settings.warehouse_path).close()
        assert desk.run().exit_code == 0


@pytest.fixture
def shared_account(tmp_path: Path) -> Iterator[Bench]:
    """A fresh install for an account that has older jobs of somebody else, without ``input``."""
    with bench(tmp_path, SandboxOptions(speed=500, tiny=True, hide_input=True)) as desk:
        values = {"catalog": write_catalog(tmp_path / "theirs", characters=("eve",), prompts=1)}
        theirs = desk.settings.model_copy(update=values | {"home": tmp_path / "their home"})
        assert Bench(desk.server, theirs).run().exit_code == 0
        yield desk


def publish_beforehand(desk: Bench, *, books: bool) -> None:
    """What Dagster does before the first run begins, and `publish` also with the books."""
    publish_catalog(desk.settings, desk.catalog())
    publish_plan(desk.settings, desk.plan(), run_id="run-1", characters=["ann", "bob"])
    if books:
        publish_books(desk.settings)


@pytest.mark.parametrize("books", [False, True], ids=["catalog", "books"])
def test_a_fresh_install_has_lost_nothing(shared_account: Bench, books: bool) -> None:
    publish_beforehand(shared_account, books=books)
    report = shared_account.run()
    assert (report.exit_code, report.count("made")) == (0, 6)
    assert not questions(shared_account.settings).journal_lost


def test_a_journal_that_is_lost_with_its_mark_is_missed_all_the_same(tmp_path: Path) -> None:
    with bench(tmp_path, FAST) as desk:
        desk.run()
        publish_books(desk.settings)
        before = ledger(desk), stored(desk)
        lose_journal(desk)
        (desk.settings.images_folder / MARK_NAME).unlink()
        assert questions(desk.settings).journal_lost
        assert (ledger(desk), stored(desk)) == before
        assert desk.run().exit_code == 0
        assert_books_right(desk, 6)


def test_a_journal_of_other_pictures_without_a_mark_is_noticed(tmp_path: Path) -> None:
    with bench(tmp_path, FAST) as desk:
        desk.run()
        publish_books(desk.settings)
        elsewhere = desk.settings.model_copy(update={"home": tmp_path / "elsewhere"})
        with open_journal(elsewhere) as journal:
            begin(Journal(journal, provider="sandbox"))
        shutil.copy(journal_path(elsewhere), journal_path(desk.settings))
        (desk.settings.images_folder / MARK_NAME).unlink()
        assert questions(desk.settings).journal_lost


def test_a_journal_in_its_place_may_have_a_mark_anew(tmp_path: Path) -> None:
    with bench(tmp_path, FAST) as desk:
        desk.run()
        publish_books(desk.settings)
        (desk.settings.images_folder / MARK_NAME).unlink()
        assert desk.run().count("reused") == 6
        assert not questions(desk.settings).journal_lost
        assert (desk.settings.images_folder / MARK_NAME).exists()


def test_the_mark_costs_the_same_however_long_the_books_are(tmp_path: Path) -> None:
    """It is written with each purchase."""
    settings = Settings.load(home=tmp_path)
    with open_journal(settings) as journal, journal.write() as connection:
        asked: list[str] = []
        driver = connection.connection.driver_connection
        driver.set_trace_callback(asked.append)
        assert _extent(connection).runs == 0
        driver.set_trace_callback(None)
        plans = [
            row[-1]
            for sql in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")
        ]
    assert len(asked) == 1
    steps = [step for step in plans if step.partition(" ")[0] in ("SCAN", "SEARCH")]
    assert len(steps) == 1 + 4
    assert [step for step in steps if not step.startswith("SEARCH")] == ["SCAN CONSTANT ROW"]


def test_a_mark_that_cannot_be_read_stops_before_anything_is_bought(tmp_path: Path) -> None:
    with bench(tmp_path, FAST) as desk:
        desk.run()
        (desk.settings.images_folder / MARK_NAME).write_text("{}")
        with pytest.raises(StorageError, match="which journal belongs to these pictures"):
            desk.run()
