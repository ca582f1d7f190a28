"""What may be spent: the limits, and the question whether a price still fits under them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from ideogram_pipeline.generation import totals
from ideogram_pipeline.generation.times import to_text
from ideogram_pipeline.generation.totals import Moment
from ideogram_pipeline.planning.model import PlannedImage


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The price would go over a limit; ``message`` names the limit and its number."""

    limit: str
    message: str


@dataclass(frozen=True, slots=True)
class Balance:
    """The account's credits as the provider told them; what began after ``since`` is not in it."""

    credits: int
    since: Moment


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may spend, in credits; each ``None`` is no limit."""

    run: int | None = None
    goes_on_with: tuple[str, ...] = ()
    """Runs whose spending counts against ``run`` as well: this one does what they have left."""
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
        spent = totals.of_month(connection, planned.character_id, month)
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
    spent = sum(totals.of_run(connection, one) for one in (*limits.goes_on_with, run_id))
    if spent + price <= limits.run:
        return None
    return OverBudget("run", f"the run's limit of {limits.run} credits is reached")


def over_balance(
    connection: Connection, price: int, *, limits: Limits, balance: Balance | None
) -> OverBudget | None:
    """Say whether ``price`` credits beyond what is reserved would pass the balance's floor."""
    if balance is None:
        return None
    left = balance.credits - totals.committed_since(connection, balance.since)
    if left - price >= limits.floor:
        return None
    floor = f", of which {limits.floor} are not to be touched" if limits.floor else ""
    return OverBudget("balance", f"the account has {left} credits left{floor}")
