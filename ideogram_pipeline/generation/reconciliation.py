"""Our books against the provider's own records: every job of the account, matched or named."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.model import Account, Job
from ideogram_pipeline.apiframe.retrying import patiently
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.account import Access, provider_access
from ideogram_pipeline.generation.database import Database, journal_path
from ideogram_pipeline.generation.pacing import RequestRate
from ideogram_pipeline.generation.provider import Provider
from ideogram_pipeline.settings import Settings

_attempts = schema.attempts
_ledger = schema.ledger


@dataclass(frozen=True, slots=True)
class Orphan:
    """A job of this model in the account that no attempt of this journal has."""

    job_id: str
    created_at: datetime | None
    status: str
    credit_cost: int | None
    """As the provider states it; ``None`` is unknown, not 0."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the provider's records and the ledger say, side by side, in jobs and credits."""

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
    """Page through the provider's jobs and compare them with the journal; changes nothing.

    Raises:
        ProviderError: The key is refused, or the provider is out of reach.
        StorageError: The journal cannot be read.
    """
    with provider_access(settings) as access:
        account, jobs = asyncio.run(_ask(access, settings.requests_per_minute))
    with closing(Database(journal_path(settings))) as database:
        return _compare(database, jobs, account)


async def _ask(access: Access, per_minute: int) -> tuple[Account, list[Job]]:
    jobs: dict[str, Job] = {}
    async with ApiframeClient(base_url=access.base_url, api_key=access.api_key) as client:
        provider = Provider(client, RequestRate(per_minute))
        account = await provider.account()
        cursor: str | None = None
        while True:
            asked = cursor
            page = await patiently(lambda at=asked: provider.newest_jobs(at))  # type: ignore[misc]
            jobs.update((job.id, job) for job in page.jobs)
            cursor = page.next_cursor
            if not page.has_more or not cursor:
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
