"""Our books against the provider's own records: every job of the account, matched or named."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.model import Account, Job
from ideogram_pipeline.apiframe.retrying import patiently
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.account import Access, provider_access
from ideogram_pipeline.generation.database import Database, open_journal
from ideogram_pipeline.generation.pacing import RequestRate
from ideogram_pipeline.generation.provider import Provider
from ideogram_pipeline.generation.times import from_text
from ideogram_pipeline.settings import Settings

_attempts = schema.attempts
_ledger = schema.ledger

_LOOK_BACK = timedelta(minutes=10)
"""How much earlier than our first intent a job of ours may be dated, by clocks that disagree."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A job of this model in the account, no older than our first, that no attempt of ours has."""

    job_id: str
    created_at: datetime | None
    status: str
    credit_cost: int | None
    """As the provider states it; ``None`` is unknown, not 0."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the provider's records and the ledger say, side by side, in jobs and credits.

    Jobs from before this journal's first one are somebody else's, and are not looked at.
    """

    jobs_seen: int
    matched: int
    orphans: tuple[Orphan, ...]
    missing: tuple[str, ...]
    """Job ids of ours that the provider does not list (any more)."""
    ledger_net: int
    """Charges less refunds over the whole journal."""
    provider_charged: int | None
    """What the provider states for the matched jobs, a failed one without a cost being free;
    ``None`` if it states no cost for one that did not fail."""
    drift: int | None
    """``provider_charged`` less what the ledger has for the same jobs; 0 is right."""
    unknown_credits: int
    """Price of the attempts of which it is not known whether they were accepted."""
    unresolved: int
    """Number of attempts that a person must settle."""
    balance: int | None


def reconcile(settings: Settings) -> Reconciliation:
    """Page through the provider's jobs, back to our first one, and compare; changes nothing.

    Raises:
        ProviderError: The key is refused, or the provider is out of reach.
        StorageError: The journal cannot be read.
    """
    with open_journal(settings) as database:
        since = _beginning(database)
        with provider_access(settings) as access:
            account, jobs = asyncio.run(_ask(access, settings.requests_per_minute, since))
        return _compare(database, jobs, account)


def _beginning(database: Database) -> datetime | None:
    """The time before which no job can be ours; ``None`` if none is."""
    with database.read() as connection:
        first = connection.scalar(select(func.min(_attempts.c.intended_at)))
    return from_text(first) - _LOOK_BACK if first else None


async def _ask(
    access: Access, per_minute: int, since: datetime | None
) -> tuple[Account, list[Job]]:
    jobs: dict[str, Job] = {}
    async with ApiframeClient(base_url=access.base_url, api_key=access.api_key) as client:
        provider = Provider(client, RequestRate(per_minute))
        account = await provider.account()
        cursor: str | None = None
        while since is not None:
            page = await patiently(partial(provider.newest_jobs, cursor))
            recent = [j for j in page.jobs if j.created_at is None or j.created_at >= since]
            jobs.update((job.id, job) for job in recent)
            cursor = page.next_cursor
            # The newest come first, so that a page with an older one is the last that matters.
            if len(recent) < len(page.jobs) or not page.has_more or not cursor:
                break
        return account, list(jobs.values())


def _compare(database: Database, jobs: list[Job], account: Account) -> Reconciliation:
    with database.read() as connection:
        booked = {
            row.job_id: row.net
            for row in connection.execute(
                select(_attempts.c.job_id, func.sum(_ledger.c.credits).label("net"))
                .join(_ledger, _ledger.c.attempt_id == _attempts.c.id)
                .group_by(_attempts.c.job_id)
            )
        }
        unknown = connection.scalar(
            select(func.coalesce(func.sum(_attempts.c.credits), 0)).where(
                _attempts.c.state.in_(schema.UNKNOWN)
            )
        )
        unresolved = connection.scalar(
            select(func.count()).where(_attempts.c.state == schema.UNRESOLVED)
        )
    matched = [job for job in jobs if job.id in booked]
    stated = [(job.credit_cost or 0) if job.is_failed else job.credit_cost for job in matched]
    costs = [cost for cost in stated if cost is not None]
    charged = sum(costs) if len(costs) == len(stated) else None
    ours = sum(booked[job.id] for job in matched)
    listed = {job.id for job in jobs}
    return Reconciliation(
        jobs_seen=len(jobs),
        matched=len(matched),
        orphans=tuple(
            Orphan(job.id, job.created_at, job.status, job.credit_cost)
            for job in jobs
            if job.id not in booked
        ),
        missing=tuple(job_id for job_id in booked if job_id not in listed),
        ledger_net=sum(booked.values()),
        provider_charged=charged,
        drift=None if charged is None else charged - ours,
        unknown_credits=unknown or 0,
        unresolved=unresolved or 0,
        balance=account.credits,
    )
