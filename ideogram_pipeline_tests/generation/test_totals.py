"""The running totals equal the sums over all rows, whatever was done to the rows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, or_, select

from ideogram_pipeline.generation import schema, totals
from ideogram_pipeline.generation.attempt import Attempt, StoredImage
from ideogram_pipeline.generation.journal import ClaimLost, Journal
from ideogram_pipeline.generation.limits import Balance, Limits
from ideogram_pipeline.generation.prepared import Prepared
from ideogram_pipeline_tests.generation.fakes import (
    NO_LIMITS,
    NOW,
    begin,
    image,
    job_of,
    open_journal,
    try_begin,
)
from ideogram_pipeline_tests.generation.judging import assert_totals_right

RUNS = ("run-1", "run-2")
WHO = ("ann", "bob")
FILE = StoredImage("images/a.png", "0" * 64, 10, 4, 4, "png")

Move = Callable[[Journal, Attempt], Any]

MOVES: dict[str, Move] = {
    "accept": lambda j, a: j.accept(a, f"job-{a.id}", now=NOW),
    "complete": lambda j, a: j.complete(a, job_of(a), now=NOW),
    "complete dearer": lambda j, a: j.complete(a, job_of(a, credit_cost=20), now=NOW),
    "fail": lambda j, a: j.fail(a, job_of(a, status="FAILED"), now=NOW, retriable=True),
    "fail for nothing": lambda j, a: j.fail(
        a, job_of(a, status="FAILED", credit_cost=0), now=NOW, retriable=True
    ),
    "fail and keep some": lambda j, a: j.fail(
        a, job_of(a, status="FAILED", credit_cost=5), now=NOW, retriable=True
    ),
    "store": lambda j, a: j.store(a, replace(FILE, path=f"{a.id}.png")),
    "reopen": lambda j, a: j.reopen(a, "its file is missing"),
    "release": lambda j, a: j.release(a, "lost"),
    "doubt": lambda j, a: j.doubt(a, "no answer"),
    "resend": lambda j, a: j.resend(a, "run-3", limits=NO_LIMITS, balance=None),
    **{
        state: lambda j, a, state=state: j.close(a, state, "so it is")
        for state in (schema.REJECTED, schema.WITHDRAWN, schema.UNRESOLVED, schema.EXPIRED)
    },
}
FROM = {
    schema.SUBMITTING: ["accept", "doubt", "resend", "rejected", "withdrawn", "unresolved"],
    schema.SUBMITTED: ["complete", "complete dearer", "fail", "fail for nothing", "expired"],
    schema.COMPLETED: ["store", "expired", "fail and keep some"],
    schema.STORED: ["reopen"],
    schema.UNRESOLVED: ["accept", "withdrawn"],
    schema.EXPIRED: ["release"],
}


def summed_by_run(connection: Connection, run_id: str) -> int:
    """What a run has spent and reserved, by all its rows."""
    of_run = schema.attempts.c.run_id == run_id
    sure = schema.ledger.c.price_source != totals.DOCUMENTED_REFUND
    return _booked(connection, of_run, sure) + _reserved(connection, of_run)


def summed_by_month(connection: Connection, who: str, month: str) -> int:
    of_month = schema.attempts.c.intended_at.startswith(month)
    which = (of_month, schema.attempts.c.character_id == who)
    return _booked(connection, *which) + _reserved(connection, *which)


def summed_since(connection: Connection, moment: totals.Moment) -> int:
    table = schema.attempts.c
    since = or_(
        table.id > moment.newest,
        table.id.in_(moment.submitting),
        table.state == schema.SUBMITTING,
    )
    query = select(func.coalesce(func.sum(table.credits), 0))
    return connection.scalar(query.where(since, table.state.in_(schema.LIVE))) or 0


def _booked(connection: Connection, *which: Any) -> int:
    query = select(func.coalesce(func.sum(schema.ledger.c.credits), 0))
    of_attempt = schema.attempts.c.id == schema.ledger.c.attempt_id
    return connection.scalar(query.join(schema.attempts, of_attempt).where(*which)) or 0


def _reserved(connection: Connection, *which: Any) -> int:
    unbooked = schema.attempts.c.state.in_(schema.UNKNOWN)
    query = select(func.coalesce(func.sum(schema.attempts.c.credits), 0))
    return connection.scalar(query.where(unbooked, *which)) or 0


def assert_equal_sums(journal: Journal, moments: list[totals.Moment]) -> None:
    with journal._db.read() as connection:
        for run_id in (*RUNS, "run-3", "none"):
            assert totals.of_run(connection, run_id) == summed_by_run(connection, run_id)
        for who in WHO:
            for month in ("2026-11", "2026-12", "2027-01"):
                spent = totals.of_month(connection, who, month)
                assert spent == summed_by_month(connection, who, month)
        for moment in moments:
            assert totals.committed_since(connection, moment) == summed_since(connection, moment)


@settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(st.data())
def test_they_equal_the_sums_whatever_is_done(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder, open_journal(Path(folder)) as journal:
        attempts: list[int] = []
        moments = [journal.moment()]
        for _ in range(data.draw(st.integers(1, 25))):
            movable = [a for a in map(journal.get, attempts) if a.state in FROM]
            if not movable or data.draw(st.booleans()):
                planned = image(data.draw(st.integers(1, 9)), data.draw(st.sampled_from(WHO)))
                begun = try_begin(
                    journal,
                    planned,
                    run_id=data.draw(st.sampled_from(RUNS)),
                    now=NOW + timedelta(days=30 * data.draw(st.integers(0, 2))),
                )
                if isinstance(begun, Attempt):
                    attempts.append(begun.id)
            else:
                attempt = data.draw(st.sampled_from(movable))
                move = data.draw(st.sampled_from(FROM[attempt.state]))
                with suppress(ClaimLost):
                    MOVES[move](journal, attempt)
            if data.draw(st.booleans()):
                moments.append(journal.moment())
        assert_equal_sums(journal, moments)
        with journal._db.write() as connection:
            assert_totals_right(connection)


def test_they_equal_the_sums_over_several_hundreds_of_attempts(tmp_path: Path) -> None:
    moments = []
    with open_journal(tmp_path) as journal, journal.transaction() as together:
        for number in range(1, 311):
            attempt = begin(together, image(number))
            if number % 3:
                together.accept(attempt, f"job-{number}", now=NOW)
            if number % 7 == 0:
                moments.append(totals.Moment(number, frozenset(range(1, number, 20))))
        with together._db.read() as connection:
            for moment in moments:
                since = totals.committed_since(connection, moment)
                assert since == summed_since(connection, moment)


@pytest.mark.parametrize(("limits", "asked"), [(NO_LIMITS, 2), (Limits(run=10**6), 3)])
def test_only_what_has_a_limit_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Limits, asked: int
) -> None:
    """An intent is one question about what was before, one for each limit, and one insert."""
    with open_journal(tmp_path) as journal, journal.transaction() as together:
        asked_for: list[Prepared] = []

        def rows(self: Prepared, *given: Any) -> list[tuple[Any, ...]]:
            asked_for.append(self)
            return prepared(self, *given)

        prepared = Prepared.rows
        monkeypatch.setattr(Prepared, "rows", rows)
        begin(together, limits=limits)
        assert len(asked_for) == asked
        begin(
            together, image(2), limits=limits, balance=Balance(10**6, totals.Moment(0, frozenset()))
        )
        assert len(asked_for) == 2 * asked + 1
