"""What may be spent: the limits, and the question whether a price still fits under them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.times import to_text
from ideogram_pipeline.planning.model import PlannedImage

DOCUMENTED_REFUND = "documented refund"
"""Source of a refund that the provider promises, but has not stated for this job."""

_attempts = schema.attempts
_ledger = schema.ledger


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The price would go over a limit; ``message`` names the limit and its number."""

    limit: str
    message: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of the journal, taken before the provider is asked for the balance."""

    newest: int
    """Id of the newest attempt."""
    submitting: frozenset[int]
    """Attempts of which that balance may or may not know."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The account's credits as the provider told them; what began after ``since`` is not in it."""

    credits: int
    since: Moment


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may spend, in credits; each ``None`` is no limit."""

    run: int | None = None
    floor: int = 0
    monthly: Mapping[str, int] | None = None
    """By character and calendar month (UTC)."""


def over_budget(
    connection: Connection,
    planned: PlannedImage,
    *,
    run_id: str,
    now: datetime,
    limits: Limits,
    balance: Balance | None,
) -> OverBudget | None:
    """Find the first limit that the price of ``planned`` would pass; asked within its intent."""
    price = planned.credits
    over = over_run_limit(connection, price, run_id=run_id, limits=limits)
    if over:
        return over
    monthly = (limits.monthly or {}).get(planned.character_id)
    if monthly is not None:
        month = to_text(now)[:7]
        of_month = _attempts.c.intended_at.startswith(month)
        spent = _spent(connection, and_(_attempts.c.character_id == planned.character_id, of_month))
        if spent + price > monthly:
            return OverBudget(
                "character",
                f"the budget of {monthly} credits of {planned.character_id} for {month} "
                f"is reached ({spent} spent)",
            )
    return over_balance(connection, price, limits=limits, balance=balance)


def over_run_limit(
    connection: Connection, price: int, *, run_id: str, limits: Limits
) -> OverBudget | None:
    """Say whether ``price`` credits more would pass the limit of a run."""
    if limits.run is None:
        return None
    of_run = _attempts.c.run_id == run_id
    # A refund that is only documented may not come; the limit holds even then.
    unconfirmed = connection.scalar(
        select(func.coalesce(func.sum(_ledger.c.credits), 0))
        .join(_attempts, _attempts.c.id == _ledger.c.attempt_id)
        .where(of_run, _ledger.c.price_source == DOCUMENTED_REFUND)
    )
    if _spent(connection, of_run) - (unconfirmed or 0) + price <= limits.run:
        return None
    return OverBudget("run", f"the run's limit of {limits.run} credits is reached")


def over_balance(
    connection: Connection, price: int, *, limits: Limits, balance: Balance | None
) -> OverBudget | None:
    """Say whether ``price`` credits beyond what is reserved would pass the balance's floor."""
    if balance is None:
        return None
    since = or_(
        _attempts.c.id > balance.since.newest,
        _attempts.c.id.in_(balance.since.submitting),
        _attempts.c.state == schema.SUBMITTING,
    )
    committed = _attempts.c.state.in_(schema.LIVE)
    pending = connection.scalar(
        select(func.coalesce(func.sum(_attempts.c.credits), 0)).where(since, committed)
    )
    left = balance.credits - (pending or 0)
    if left - price >= limits.floor:
        return None
    floor = f", of which {limits.floor} are not to be touched" if limits.floor else ""
    return OverBudget("balance", f"the account has {left} credits left{floor}")


def _spent(connection: Connection, which: ColumnElement[bool]) -> int:
    """What the attempts have cost so far, and what those without a known answer may cost."""
    booked = connection.scalar(
        select(func.coalesce(func.sum(_ledger.c.credits), 0))
        .join(_attempts, _attempts.c.id == _ledger.c.attempt_id)
        .where(which)
    )
    unbooked = _attempts.c.state.in_(schema.UNKNOWN)
    reserved = connection.scalar(
        select(func.coalesce(func.sum(_attempts.c.credits), 0)).where(unbooked, which)
    )
    return (booked or 0) + (reserved or 0)
