"""Running totals of what is spent and reserved, so that a limit costs the same at any length.

The database itself keeps them, by triggers, in the transaction that changes what they are of: no
writer can forget one, and several runs see each other's. Each can be made again from ``attempts``
and ``ledger``, see ``COUNTED_ANEW``, which also says what it is the sum of.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Connection, Integer, String, Table, bindparam, func, select, text

from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.prepared import Prepared

DOCUMENTED_REFUND = "documented refund"
"""Source of a refund that the provider promises, but has not stated for this job."""

_attempts = schema.attempts


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the journal, taken before the provider is asked for the balance."""

    newest: int
    """Id of the newest attempt."""
    submitting: frozenset[int]
    """Attempts of which that balance may or may not know."""


_by_run = Table(
    "spent_by_run",
    schema.metadata,
    Column("run_id", String, primary_key=True),
    Column("credits", Integer, nullable=False),
)
_by_month = Table(
    "spent_by_month",
    schema.metadata,
    Column("character_id", String, primary_key=True),
    Column("month", String, primary_key=True),
    Column("credits", Integer, nullable=False),
)
# By the hundred of their ids, so that those from some id on are few rows.
_by_hundred = Table(
    "committed_by_hundred",
    schema.metadata,
    Column("hundred", Integer, primary_key=True),
    Column("credits", Integer, nullable=False),
)

_ADDING = "ON CONFLICT DO UPDATE SET credits = credits + excluded.credits;"


def _reserved(row: str) -> str:
    return f"iif({row}.state IN ({schema.listed(schema.UNKNOWN)}), {row}.credits, 0)"


def _committed(row: str) -> str:
    return f"iif({row}.state IN ({schema.listed(schema.LIVE)}), {row}.credits, 0)"


def _sure(entry: str) -> str:
    # A refund that is only documented may not come; the limit of a run holds even then.
    return f"iif({entry}.price_source = '{DOCUMENTED_REFUND}', 0, {entry}.credits)"


def _booked(row: str) -> str:
    return f"coalesce((SELECT sum({_sure('l')}) FROM ledger AS l WHERE l.attempt_id = {row}.id), 0)"


def _month(row: str) -> str:
    return f"substr({row}.intended_at, 1, 7)"


TRIGGERS = (
    f"""CREATE TRIGGER IF NOT EXISTS totals_with_an_attempt AFTER INSERT ON attempts BEGIN
    INSERT INTO spent_by_run VALUES (NEW.run_id, {_reserved("NEW")}) {_ADDING}
    INSERT INTO spent_by_month
        VALUES (NEW.character_id, {_month("NEW")}, {_reserved("NEW")}) {_ADDING}
    INSERT INTO committed_by_hundred VALUES (NEW.id / 100, {_committed("NEW")}) {_ADDING}
    END""",
    # Nothing else of an attempt that a total depends on is ever changed.
    f"""CREATE TRIGGER IF NOT EXISTS totals_with_a_move AFTER UPDATE OF state, run_id ON attempts
    WHEN NEW.state <> OLD.state OR NEW.run_id <> OLD.run_id BEGIN
    INSERT INTO spent_by_run
        VALUES (OLD.run_id, -{_reserved("OLD")} - {_booked("OLD")}) {_ADDING}
    INSERT INTO spent_by_run
        VALUES (NEW.run_id, {_reserved("NEW")} + {_booked("NEW")}) {_ADDING}
    INSERT INTO spent_by_month
        VALUES (NEW.character_id, {_month("NEW")}, {_reserved("NEW")} - {_reserved("OLD")})
        {_ADDING}
    INSERT INTO committed_by_hundred
        VALUES (NEW.id / 100, {_committed("NEW")} - {_committed("OLD")}) {_ADDING}
    END""",
    f"""CREATE TRIGGER IF NOT EXISTS totals_with_an_entry AFTER INSERT ON ledger BEGIN
    INSERT INTO spent_by_run SELECT run_id, {_sure("NEW")}
        FROM attempts WHERE id = NEW.attempt_id {_ADDING}
    INSERT INTO spent_by_month SELECT character_id, {_month("attempts")}, NEW.credits
        FROM attempts WHERE id = NEW.attempt_id {_ADDING}
    END""",
)
COUNTED_ANEW = (
    "DELETE FROM spent_by_run",
    f"""INSERT INTO spent_by_run
    SELECT run_id, sum({_reserved("a")} + {_booked("a")}) FROM attempts AS a GROUP BY run_id""",
    "DELETE FROM spent_by_month",
    f"""INSERT INTO spent_by_month
    SELECT character_id, {_month("a")}, sum({_reserved("a")} + coalesce(
        (SELECT sum(l.credits) FROM ledger AS l WHERE l.attempt_id = a.id), 0))
    FROM attempts AS a GROUP BY 1, 2""",
    "DELETE FROM committed_by_hundred",
    f"""INSERT INTO committed_by_hundred
    SELECT id / 100, sum({_committed("a")}) FROM attempts AS a GROUP BY 1""",
)
"""Statements that make the totals from what they are of; for a journal that has none yet."""

_OF_RUN = Prepared(select(_by_run.c.credits).where(_by_run.c.run_id == bindparam("run_id")))
_OF_MONTH = Prepared(
    select(_by_month.c.credits).where(
        _by_month.c.character_id == bindparam("character_id"),
        _by_month.c.month == bindparam("month"),
    )
)

_LIVE = f"state IN ({schema.listed(schema.LIVE)})"
_committed_then = func.coalesce(func.sum(_attempts.c.credits), 0)
_older = _attempts.c.id <= bindparam("newest")
_SINCE = Prepared(
    select(
        select(func.coalesce(func.sum(_by_hundred.c.credits), 0))
        .where(_by_hundred.c.hundred > bindparam("hundred"))
        .scalar_subquery()
        # Of its own hundred, those that are newer.
        + select(_committed_then)
        .where(
            _attempts.c.id > bindparam("newest"),
            _attempts.c.id < (bindparam("hundred", type_=Integer) + 1) * 100,
            text(_LIVE),
        )
        .scalar_subquery()
        + select(_committed_then)
        .where(_older, _attempts.c.state == schema.SUBMITTING)
        .scalar_subquery()
    )
)
_OF_THEN = select(_committed_then).where(
    _older,
    _attempts.c.id.in_(bindparam("ids", expanding=True)),
    _attempts.c.state.in_(schema.LIVE),
    _attempts.c.state != schema.SUBMITTING,
)


def of_run(connection: Connection, run_id: str) -> int:
    """What a run has spent and reserved, in credits; documented refunds are not counted on."""
    return _OF_RUN.scalar(connection, {"run_id": run_id}) or 0


def of_month(connection: Connection, character_id: str, month: str) -> int:
    """What attempts of a month (``2026-11``) at a character have spent and reserved, in credits."""
    of_month = {"character_id": character_id, "month": month}
    return _OF_MONTH.scalar(connection, of_month) or 0


def committed_since(connection: Connection, moment: Moment) -> int:
    """What attempts may have taken from a balance that was asked for after ``moment``, in credits.

    Of those that began after it, of those that were being submitted then, and of those that are
    now.
    """
    terms = {"newest": moment.newest, "hundred": moment.newest // 100}
    committed = _SINCE.scalar(connection, terms) or 0
    if moment.submitting:
        committed += connection.scalar(_OF_THEN, {"ids": sorted(moment.submitting), **terms}) or 0
    return committed
