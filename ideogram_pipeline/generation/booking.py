"""What is booked when a job is accepted, completed or failed; in the transaction that notes it."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select

from ideogram_pipeline.apiframe.model import Job
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.prepared import Prepared
from ideogram_pipeline.generation.times import now_text
from ideogram_pipeline.generation.totals import DOCUMENTED_REFUND

_ledger = schema.ledger
_INSERT = Prepared(insert(_ledger))


def book_charge(connection: Connection, attempt: Attempt, note: str | None = None) -> None:
    """Book the price of an accepted job, as the table of prices has it."""
    _book(connection, attempt, "charge", attempt.credits, "price table", note)


def book_completion(connection: Connection, attempt: Attempt, job: Job) -> None:
    """Correct the charge of a completed job where the provider states another price; 0 is none."""
    if job.credit_cost and job.credit_cost != attempt.credits:
        difference = job.credit_cost - attempt.credits
        _book(connection, attempt, "correction", difference, "provider")


def book_failure(connection: Connection, attempt: Attempt, job: Job) -> None:
    """Book what came back of a failed job's price.

    All of it does by the provider's documentation; a ``creditCost`` that is still above zero says
    that so many credits were kept.
    """
    refund = _net(connection, attempt) - (job.credit_cost or 0)
    if refund > 0:
        source = DOCUMENTED_REFUND if job.credit_cost is None else "provider"
        _book(connection, attempt, "refund", -refund, source, job.error)
    elif refund < 0:
        _book(connection, attempt, "correction", -refund, "provider", job.error)


def _book(
    connection: Connection,
    attempt: Attempt,
    entry_type: str,
    amount: int,
    price_source: str,
    note: str | None = None,
) -> None:
    _INSERT.rows(
        connection,
        {
            "attempt_id": attempt.id,
            "entry_type": entry_type,
            "credits": amount,
            "price_source": price_source,
            "note": note,
            "booked_at": now_text(),
        },
    )


def _net(connection: Connection, attempt: Attempt) -> int:
    total = select(func.coalesce(func.sum(_ledger.c.credits), 0))
    return connection.scalar(total.where(_ledger.c.attempt_id == attempt.id)) or 0
