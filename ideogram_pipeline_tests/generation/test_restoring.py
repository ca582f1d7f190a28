"""A backup in the journal's place: what the warehouse knows better is taken from it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import select

from ideogram_pipeline import warehouse
from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.generation import run_records, schema
from ideogram_pipeline.generation.attempt import Attempt, StoredImage
from ideogram_pipeline.generation.database import Database, journal_path, open_journal
from ideogram_pipeline.generation.guarding import set_mark
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.publication import publish_books
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.generation.fakes import NOW, begin, image, job_of

FILE = StoredImage("images/ann/ann-1/base-v1-a2.png", "0" * 64, 10, 4, 4, "png")

Step = Callable[[Journal, Attempt], Attempt]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path / "home")


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Database, Journal]]:
    with open_journal(settings) as database:
        yield database, Journal(database, provider=settings.provider)


def accept(journal: Journal, attempt: Attempt) -> Attempt:
    return journal.accept(attempt, f"job-{attempt.number}", now=NOW)


def store(journal: Journal, attempt: Attempt) -> Attempt:
    submitted = accept(journal, attempt)
    return journal.store(journal.complete(submitted, job_of(submitted), now=NOW), FILE)


def expire(journal: Journal, attempt: Attempt) -> Attempt:
    submitted = accept(journal, attempt)
    completed = journal.complete(submitted, job_of(submitted), now=NOW)
    return journal.close(completed, schema.EXPIRED, "paid and lost")


def lose_the_file(journal: Journal, attempt: Attempt) -> Attempt:
    reopened = journal.reopen(attempt, "its file is missing")
    expired = journal.close(reopened, schema.EXPIRED, "paid, and purged by the provider")
    return journal.release(expired, "a person lets it be bought again")


def fail(journal: Journal, attempt: Attempt) -> Attempt:
    job = job_of(attempt, status="FAILED", error="no available capacity")
    return journal.fail(attempt, job, now=NOW, retriable=True)


def close(state: str) -> Step:
    return lambda journal, attempt: journal.close(attempt, state, "as it happens")


def begin_the_next(journal: Journal, attempt: Attempt) -> Attempt:
    return begin(journal, image(2))


def nothing(journal: Journal, attempt: Attempt) -> Attempt:
    return attempt


def put_back_a_backup(settings: Settings, before: Step, since: Step, then: Step) -> None:
    """Attempt 1 at the time of the backup and after it, then attempt 2; all of it is published."""
    with opened(settings) as (database, journal):
        run_records.open_run(
            database,
            "run-1",
            provider=settings.provider,
            characters=["ann"],
            credits_quoted=15,
            images_planned=1,
            images_reused=0,
        )
        first = before(journal, begin(journal))
    backup = settings.home / "backup.sqlite"
    shutil.copy(journal_path(settings), backup)
    with opened(settings) as (database, journal):
        since(journal, first)
        then(journal, first)
        run_records.close_run(database, "run-1", "finished", images_made=1)
        set_mark(settings, database)
    publish_books(settings)
    shutil.copy(backup, journal_path(settings))


def buy_another(journal: Journal, first: Attempt) -> Attempt:
    return store(journal, begin(journal, image()))


def books(settings: Settings) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """The attempts and the ledger."""
    of, entry = schema.attempts.c, schema.ledger.c
    states = select(of.number, of.state, of.job_id, of.path).order_by(of.number)
    entries = (
        select(entry.entry_id, of.number, entry.entry_type, entry.credits)
        .join(schema.attempts, of.id == entry.attempt_id)
        .order_by(entry.entry_id)
    )
    with open_journal(settings) as database, database.read() as connection:
        found = [list(map(tuple, connection.execute(query))) for query in (states, entries)]
    return found[0], found[1]


CHARGE_1 = (1, 1, "charge", 15)


@pytest.mark.parametrize(
    ("before", "since", "state", "job_id", "booked"),
    [
        (nothing, close(schema.WITHDRAWN), schema.WITHDRAWN, None, []),
        (nothing, close(schema.ABSENT), schema.ABSENT, None, []),
        (close(schema.UNRESOLVED), close(schema.ABSENT), schema.ABSENT, None, []),
        (expire, Journal.release, schema.FAILED, "job-1", [CHARGE_1]),
        (store, lose_the_file, schema.FAILED, "job-1", [CHARGE_1]),
        (accept, fail, schema.FAILED, "job-1", [CHARGE_1, (2, 1, "refund", -15)]),
    ],
    ids=["withdrawn", "absent", "settled", "bought again", "lost and bought again", "failed"],
)
def test_what_was_bought_in_its_place_is_restored_too(
    settings: Settings,
    before: Step,
    since: Callable[..., Attempt],
    state: str,
    job_id: str | None,
    booked: list[tuple[object, ...]],
) -> None:
    def step(journal: Journal, attempt: Attempt) -> Attempt:
        if since is Journal.release:
            return journal.release(attempt, "a person lets it be bought again")
        return since(journal, attempt)

    put_back_a_backup(settings, before, step, buy_another)
    attempts, entries = books(settings)
    assert [row[:3] for row in attempts] == [(1, state, job_id), (2, "stored", "job-2")]
    assert entries == [*booked, (len(booked) + 1, 2, "charge", 15)]


def test_what_a_person_has_found_out_is_not_asked_again(settings: Settings) -> None:
    put_back_a_backup(settings, close(schema.UNRESOLVED), accept, nothing)
    assert books(settings) == ([(1, "submitted", "job-1", None)], [CHARGE_1])


def test_a_file_that_was_known_is_not_forgotten(settings: Settings) -> None:
    """It may lie in its place again, and then need not be bought."""
    put_back_a_backup(settings, store, lose_the_file, begin_the_next)
    assert (1, "failed", "job-1", FILE.path) in books(settings)[0]


def test_what_the_backup_knows_better_stays(settings: Settings) -> None:
    """The rows of this character were last published before the backup was made."""
    with opened(settings) as (database, journal):
        first = begin(journal)
        publish_books(settings)
        store(journal, first)
        set_mark(settings, database)
    before = books(settings)
    mark = settings.images_folder / ".journal.json"
    mark.write_text(mark.read_text().replace('"entries": 1', '"entries": 2'))
    assert books(settings) == before


def test_a_run_that_has_ended_since_the_backup_has_ended(settings: Settings) -> None:
    put_back_a_backup(settings, nothing, nothing, begin_the_next)
    with open_journal(settings) as database, database.read() as connection:
        of = schema.runs.c
        rows = connection.execute(select(of.status, of.images_made, of.characters)).all()
        assert list(map(tuple, rows)) == [("finished", 1, '["ann"]')]


def test_it_is_the_same_afterwards_down_to_the_run_that_stored_it(settings: Settings) -> None:
    with opened(settings) as (database, journal):
        fail(journal, accept(journal, begin(journal)))
        begin(journal, run_id="run-2")
        stored = journal.take_over("run-3", lambda owner: False)[0]
        store(journal, stored)
        set_mark(settings, database)
    publish_books(settings)

    def published() -> list[list[tuple[object, ...]]]:
        return [
            warehouse.query(settings.warehouse_path, f"FROM {table} ORDER BY ALL").rows
            for table in ("generations", "images", "credit_ledger")
        ]

    before = published()
    journal_path(settings).unlink()
    publish_books(settings)
    assert published() == before
    asked = "SELECT run_id FROM images"
    assert warehouse.query(settings.warehouse_path, asked).rows == [("run-3",)]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("DELETE FROM generations", "entries of its credit_ledger .1. have no row"),
        ("UPDATE generations SET job_id = 'job-2', status = 'stored'", "UNIQUE"),
    ],
)
def test_rows_that_contradict_each_other_are_refused_in_words(
    settings: Settings, damage: str, words: str
) -> None:
    with opened(settings) as (database, journal):
        accept(journal, begin(journal))
        if "UPDATE" in damage:
            begin(journal, image(2))
        set_mark(settings, database)
    publish_books(settings)
    with duckdb.connect(settings.warehouse_path) as connection:
        connection.execute(damage)
    journal_path(settings).unlink()
    for _ in range(2):
        with pytest.raises(StorageError, match=f"(?s){words}.*move it to another folder"):
            books(settings)
    settings.warehouse_path.unlink()
    assert books(settings) == ([], [])
