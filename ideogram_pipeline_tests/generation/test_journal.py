"""The journal: what can never be written, and what is booked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.attempt import Attempt, StoredImage
from ideogram_pipeline.generation.journal import AlreadyClaimed, Busy, ClaimLost, Journal
from ideogram_pipeline.generation.limits import Balance, Limits, OverBudget
from ideogram_pipeline_tests.generation.fakes import (
    NOW,
    begin,
    body_of,
    image,
    job_of,
    open_journal,
    try_begin,
)

FILE = StoredImage("images/ann/ann-1/base-v1-a1.png", "0" * 64, 10, 4, 4, "png")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path) as opened:
        yield opened


def entries(journal: Journal) -> list[tuple[str, int, str]]:
    """The ledger."""
    table = schema.ledger.c
    query = select(table.entry_type, table.credits, table.price_source).order_by(table.entry_id)
    with journal._db.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def submitted(journal: Journal, number: int = 1) -> Attempt:
    return journal.accept(begin(journal, image(number)), f"job-{number}", now=NOW)


def completed(journal: Journal) -> Attempt:
    attempt = submitted(journal)
    return journal.complete(attempt, job_of(attempt), now=NOW)


class TestIntents:
    def test_it_holds_the_exact_request_before_anything_is_sent(self, journal: Journal) -> None:
        attempt = journal.get(begin(journal).id)
        assert attempt.body == body_of(image())
        assert (attempt.state, attempt.doubt, attempt.job_id) == ("submitting", False, None)
        assert (attempt.credits, attempt.intended_at) == (15, NOW)
        assert entries(journal) == []

    @pytest.mark.parametrize("run_id", ["run-1", "run-2"])
    def test_a_picture_under_way_is_busy_for_everyone(self, journal: Journal, run_id: str) -> None:
        first = begin(journal)
        assert try_begin(journal, image(), run_id=run_id) == Busy(first)

    def test_every_state_that_may_be_paid_is_live(self, journal: Journal) -> None:
        attempt = begin(journal)
        for state in schema.LIVE:
            with journal._db.write() as connection:
                connection.execute(update(schema.attempts).values(state=state))
            assert isinstance(try_begin(journal, image()), Busy), state
        assert attempt.number == 1

    def test_what_was_refused_for_its_content_is_not_begun_again(self, journal: Journal) -> None:
        attempt = submitted(journal)
        refused = job_of(attempt, status="FAILED", error="content policy violation")
        journal.fail(attempt, refused, now=NOW, retriable=False)
        assert isinstance(try_begin(journal, image()), Busy)

    def test_the_database_itself_refuses_a_second_live_attempt(self, journal: Journal) -> None:
        first = begin(journal)
        journal.close(first, schema.REJECTED, "no")
        begin(journal)
        with pytest.raises(IntegrityError), journal._db.write() as connection:
            of_first = schema.attempts.c.id == first.id
            connection.execute(update(schema.attempts).where(of_first).values(state="stored"))

    def test_a_new_attempt_has_a_new_number_and_a_new_key(self, journal: Journal) -> None:
        first = begin(journal)
        journal.close(first, schema.REJECTED, "no")
        second = begin(journal)
        assert (first.number, second.number) == (1, 2)
        assert first.idempotency_key != second.idempotency_key

    def test_a_changed_row_gets_a_file_of_its_own(self, journal: Journal) -> None:
        """Else it would find the picture that it had before under its name."""
        before, after = begin(journal), begin(journal, image(prompt="at the lake"))
        assert before.fingerprint != after.fingerprint
        assert before.file_name("png") != after.file_name("png")

    def test_the_key_does_not_depend_on_what_the_row_was_before(
        self, journal: Journal, tmp_path: Path
    ) -> None:
        """So that a lost journal comes back to the same key, and the provider to the same job."""
        begin(journal)
        changed = image(prompt="at the lake")
        with open_journal(tmp_path / "another") as empty:
            assert begin(journal, changed).idempotency_key == begin(empty, changed).idempotency_key


class TestClaims:
    def test_a_job_belongs_to_one_attempt(self, journal: Journal) -> None:
        submitted(journal)
        other = begin(journal, image(2))
        with pytest.raises(AlreadyClaimed):
            journal.accept(other, "job-1", now=NOW)
        assert journal.get(other.id) == other
        assert entries(journal) == [("charge", 15, "price table")]

    @pytest.mark.parametrize(
        "stale", [{"owner": "run-2"}, {"epoch": 7}, {"state": "submitted"}], ids=str
    )
    def test_only_the_owner_moves_it_and_only_from_where_it_is(
        self, journal: Journal, stale: dict[str, object]
    ) -> None:
        attempt = begin(journal)
        mine = replace(attempt, **stale)  # type: ignore[arg-type]
        moves = (
            lambda: journal.accept(mine, "job-1", now=NOW),
            lambda: journal.close(mine, schema.REJECTED, "no"),
            lambda: journal.remark(mine, "hm"),
            lambda: journal.doubt(mine, "hm"),
            lambda: journal.complete(mine, job_of(mine, credit_cost=20), now=NOW),
            lambda: journal.fail(mine, job_of(mine, status="FAILED"), now=NOW, retriable=True),
            lambda: journal.store(mine, FILE),
        )
        for move in moves:
            with pytest.raises(ClaimLost):
                move()
        assert journal.get(attempt.id) == attempt
        assert entries(journal) == []

    def test_the_dead_are_taken_over_and_the_living_are_not(self, journal: Journal) -> None:
        for number, owner in enumerate(("dead", "alive", "me"), start=1):
            begin(journal, image(number), run_id=owner)
        (taken,) = journal.take_over("me", lambda owner: owner == "alive")
        assert (taken.owner, taken.epoch, taken.run_id) == ("me", 2, "dead")
        assert journal.take_over("me", lambda owner: owner == "alive") == []

    def test_what_was_being_submitted_is_in_doubt_and_the_rest_is_not(
        self, journal: Journal
    ) -> None:
        submitted(journal, 1)
        begin(journal, image(2))
        taken = journal.take_over("me", lambda owner: False)
        assert {attempt.state: attempt.doubt for attempt in taken} == {
            "submitted": False,
            "submitting": True,
        }

    def test_the_nearest_to_expiry_comes_first(self, journal: Journal) -> None:
        for number, minutes in enumerate((20, 5, 10), start=1):
            begin(journal, image(number), now=NOW + timedelta(minutes=minutes))
        taken = journal.take_over("me", lambda owner: False)
        assert [attempt.prompt_id for attempt in taken] == ["ann-2", "ann-3", "ann-1"]

    def test_what_is_finished_stays_with_its_run(self, journal: Journal) -> None:
        journal.store(completed(journal), FILE)
        assert not journal.has_open_attempts()
        assert journal.take_over("me", lambda owner: False) == []

    def test_a_frozen_owner_that_wakes_up_writes_nothing(self, journal: Journal) -> None:
        before = begin(journal)
        (after,) = journal.take_over("me", lambda owner: False)
        with pytest.raises(ClaimLost):
            journal.accept(before, "job-1", now=NOW)
        assert journal.get(after.id) == after


class TestLedger:
    @pytest.mark.parametrize("statement", ["UPDATE ledger SET credits = 0", "DELETE FROM ledger"])
    def test_it_can_only_grow(self, journal: Journal, statement: str) -> None:
        submitted(journal)
        with pytest.raises(DatabaseError, match="append-only"), journal._db.write() as connection:
            connection.exec_driver_sql(statement)
        assert entries(journal) == [("charge", 15, "price table")]

    @pytest.mark.parametrize("stated", [None, 0, 15])
    def test_a_cost_that_says_nothing_new_corrects_nothing(
        self, journal: Journal, stated: int | None
    ) -> None:
        attempt = submitted(journal)
        journal.complete(attempt, job_of(attempt, credit_cost=stated), now=NOW)
        assert entries(journal) == [("charge", 15, "price table")]

    @pytest.mark.parametrize(("stated", "correction"), [(20, 5), (10, -5)])
    def test_another_cost_is_a_correction(
        self, journal: Journal, stated: int, correction: int
    ) -> None:
        attempt = submitted(journal)
        journal.complete(attempt, job_of(attempt, credit_cost=stated), now=NOW)
        assert entries(journal)[1:] == [("correction", correction, "provider")]

    @pytest.mark.parametrize(
        ("stated", "booked"),
        [
            (None, [("refund", -15, "documented refund")]),
            (0, [("refund", -15, "provider")]),
            (5, [("refund", -10, "provider")]),
            (15, []),
            (20, [("correction", 5, "provider")]),
        ],
    )
    def test_a_failure_is_refunded_but_for_what_the_provider_says_it_kept(
        self, journal: Journal, stated: int | None, booked: list[tuple[str, int, str]]
    ) -> None:
        attempt = submitted(journal)
        job = job_of(attempt, status="FAILED", credit_cost=stated, error="provider_error")
        failed = journal.fail(attempt, job, now=NOW, retriable=True)
        assert entries(journal)[1:] == booked
        assert failed.error == "provider_error"


class TestBudgets:
    def test_of_a_run_with_what_is_not_known_yet(self, journal: Journal) -> None:
        limits = Limits(run=30)
        begin(journal, image(1), limits=limits)
        submitted(journal, 2)
        over = try_begin(journal, image(3), limits=limits)
        assert isinstance(over, OverBudget)
        assert (over.limit, over.message) == ("run", "the run's limit of 30 credits is reached")
        assert isinstance(try_begin(journal, image(3), run_id="run-2", limits=limits), Attempt)

    def test_a_declined_or_refunded_attempt_frees_its_reserve(self, journal: Journal) -> None:
        limits = Limits(run=15)
        journal.close(begin(journal, image(1), limits=limits), schema.WITHDRAWN, "402")
        attempt = journal.accept(begin(journal, image(1), limits=limits), "j", now=NOW)
        job = job_of(attempt, status="FAILED", credit_cost=0)
        journal.fail(attempt, job, now=NOW, retriable=True)
        assert isinstance(try_begin(journal, image(1), limits=limits), Attempt)

    def test_a_refund_that_is_only_documented_may_not_come(self, journal: Journal) -> None:
        limits = Limits(run=15)
        attempt = journal.accept(begin(journal, image(1), limits=limits), "j", now=NOW)
        journal.fail(attempt, job_of(attempt, status="FAILED"), now=NOW, retriable=True)
        assert isinstance(try_begin(journal, image(1), limits=limits), OverBudget)
        assert isinstance(try_begin(journal, image(1), run_id="next", limits=limits), Attempt)

    def test_an_unresolved_attempt_keeps_its_reserve(self, journal: Journal) -> None:
        limits = Limits(run=15)
        journal.close(begin(journal, image(1), limits=limits), schema.UNRESOLVED, "?")
        assert isinstance(try_begin(journal, image(2), limits=limits), OverBudget)

    def test_of_a_character_and_month_over_all_runs(self, journal: Journal) -> None:
        limits = Limits(monthly={"ann": 15})
        begin(journal, image(1), run_id="run-1", limits=limits)
        over = try_begin(journal, image(2), run_id="run-2", limits=limits)
        assert isinstance(over, OverBudget)
        assert over.limit == "character"
        assert "15 credits of ann for 2026-11 is reached (15 spent)" in over.message
        next_month = NOW + timedelta(days=9)
        assert isinstance(try_begin(journal, image(2), limits=limits, now=next_month), Attempt)
        assert isinstance(try_begin(journal, image(1, "bob"), limits=limits), Attempt)

    def test_the_floor_counts_what_the_balance_does_not_know(self, journal: Journal) -> None:
        begin(journal, image(1))
        balance = Balance(59, journal.moment())
        limits = Limits(floor=15)
        assert isinstance(try_begin(journal, image(2), limits=limits, balance=balance), Attempt)
        over = try_begin(journal, image(3), limits=limits, balance=balance)
        assert isinstance(over, OverBudget)
        assert "29 credits left, of which 15 are not to be touched" in over.message

    def test_what_the_balance_knows_is_not_counted_twice(self, journal: Journal) -> None:
        submitted(journal, 1)
        balance = Balance(15, journal.moment())
        assert isinstance(try_begin(journal, image(2), balance=balance), Attempt)
        over = try_begin(journal, image(3), balance=balance)
        assert isinstance(over, OverBudget)
        assert over.message == "the account has 0 credits left"

    def test_no_limit_is_no_limit_and_nothing_is_nothing(self, journal: Journal) -> None:
        assert isinstance(try_begin(journal, image(1), limits=Limits(run=0)), OverBudget)
        assert isinstance(try_begin(journal, image(1)), Attempt)


def test_the_newest_remark_is_kept_and_forgotten_when_the_picture_is_there(
    journal: Journal,
) -> None:
    attempt = journal.remark(completed(journal), "the file server is down")
    assert attempt.error == "the file server is down"
    assert journal.store(attempt, FILE).error is None
