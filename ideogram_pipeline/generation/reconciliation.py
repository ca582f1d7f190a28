"""Our books against the provider's own records: every job of the account, matched or named."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import func, select

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.errors import NotFound
from ideogram_pipeline.apiframe.model import Account, Job
from ideogram_pipeline.apiframe.retrying import patiently
from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.generation import run_records, schema
from ideogram_pipeline.generation.account import Access, provider_access
from ideogram_pipeline.generation.adopting import (
    adopt,
    jobs_in_doubt,
    stated_charge,
)
from ideogram_pipeline.generation.database import Database, open_journal
from ideogram_pipeline.generation.guarding import is_recovering, set_mark
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.listing import Listing
from ideogram_pipeline.generation.owners import Owner
from ideogram_pipeline.generation.pacing import RequestRate
from ideogram_pipeline.generation.provider import Provider
from ideogram_pipeline.generation.records import LOOK_BACK
from ideogram_pipeline.generation.times import from_text
from ideogram_pipeline.planning.expansion import expand
from ideogram_pipeline.settings import Settings

_attempts = schema.attempts
_ledger = schema.ledger


@dataclass(frozen=True, slots=True)
class Orphan:
    """A job of this model in the account, no older than our first, that no attempt of ours has.

    One that failed and was not charged concerns nobody, and is none.
    """

    job_id: str
    created_at: datetime | None
    status: str
    credit_cost: int | None
    """As the provider states it; ``None`` is unknown, not 0."""
    attempt: int | None = None
    """Number of the attempt in doubt that it was made for, as far as one can tell."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the provider's records and the ledger say, side by side, in jobs and credits.

    Jobs from before this journal's first one are somebody else's, and are not looked at.
    """

    jobs_seen: int
    matched: int
    orphans: tuple[Orphan, ...]
    """Without those of attempts in doubt."""
    missing: tuple[str, ...]
    """Job ids of ours that the provider does not list (any more)."""
    ledger_net: int
    """Charges less refunds over the whole journal."""
    provider_charged: int | None
    """What the provider states for the matched jobs, a failed one without a cost being free;
    ``None`` if it states no cost, or 0, for one that did not fail."""
    drift: int | None
    """``provider_charged`` less what the ledger has for the same jobs; 0 is right."""
    unknown_credits: int
    """Price of the attempts of which it is not known whether they were accepted."""
    unresolved: int
    """Number of attempts that a person must settle."""
    balance: int | None
    adopted: tuple[str, ...] = ()
    """Job ids of orphans that were made for a planned image, and are ours from now on."""
    in_doubt: tuple[Orphan, ...] = ()
    """Jobs of attempts that a run is at work on, that the next one settles, or that a person must
    settle."""


def reconcile(settings: Settings, catalog: Catalog | None = None) -> Reconciliation:
    """Page through the provider's jobs, back to our first one, and compare. Spends nothing.

    Args:
        settings: Where the journal and the provider are.
        catalog: An orphan that was made for a picture of it is adopted: its charge is booked, and
            the next run fetches it. Without one, nothing is adopted.

    Raises:
        ConfigurationError: The key is of another team, and work is still open in the one before.
        ProviderError: The key is refused, or the provider is out of reach.
        StorageError: The journal cannot be read.
    """
    with open_journal(settings) as database, provider_access(settings) as access:
        return asyncio.run(_reconcile(settings, database, access, catalog))


async def _reconcile(
    settings: Settings, database: Database, access: Access, catalog: Catalog | None
) -> Reconciliation:
    journal = Journal(database, provider=settings.provider)
    async with ApiframeClient(base_url=access.base_url, api_key=access.api_key) as client:
        provider = Provider(client, RequestRate(settings.requests_per_minute))
        account = await provider.account()
        run_records.bind_account(database, account.team_id)
        since = _beginning(database)
        looks_at_all = is_recovering(database)
        jobs: list[Job] = []
        if since or looks_at_all:
            jobs = await _jobs(provider, journal, None if looks_at_all else since)
        found = _compare(database, journal, jobs, account)
        if catalog is None or not found.orphans:
            return found
        orphans = {orphan.job_id for orphan in found.orphans}
        adopted = _adopt(
            settings, database, journal, provider, catalog, [j for j in jobs if j.id in orphans]
        )
        return replace(_compare(database, journal, jobs, account), adopted=adopted)


def _adopt(
    settings: Settings,
    database: Database,
    journal: Journal,
    provider: Provider,
    catalog: Catalog,
    orphans: list[Job],
) -> tuple[str, ...]:
    """Adopt orphans under a run of their own, so that their charges have one."""
    now = datetime.now(UTC)
    planned = list(expand(catalog, at=now, zone=settings.zone))
    run_id = run_records.new_run_id(now)
    with Owner(database.locks, run_id):
        run_records.open_run(
            database,
            run_id,
            provider=settings.provider,
            characters=(),
            credits_quoted=0,
            images_planned=0,
            images_reused=0,
        )
        status = "stopped"
        try:
            adoption = adopt(
                journal,
                orphans,
                planned,
                catalog,
                zone=settings.zone,
                run_id=run_id,
                now=provider.clock.now(),
            )
            set_mark(settings, database)
            status = "finished"
        finally:
            run_records.close_run(database, run_id, status, requests=provider.requests)
    return tuple(attempt.job_id for attempt in adoption.adopted if attempt.job_id)


def _beginning(database: Database) -> datetime | None:
    """The time before which no job can be ours; ``None`` if none is."""
    with database.read() as connection:
        first = connection.scalar(select(func.min(_attempts.c.intended_at)))
    return from_text(first) - LOOK_BACK if first else None


async def _jobs(provider: Provider, journal: Journal, since: datetime | None) -> list[Job]:
    """The account's jobs, newest first, back to ``since`` or all; paid ones of nobody in full."""
    jobs: list[Job] = []
    async for page in Listing(provider, since).pages():
        claimed = journal.claimed_jobs([job.id for job in page])
        for job in page:
            of_nobody = job.id not in claimed and stated_charge(job) != 0
            jobs.append(await _in_full(provider, job) if of_nobody else job)
    return jobs


async def _in_full(provider: Provider, listed: Job) -> Job:
    """A listed job with what was asked of it, unless its record is gone."""
    try:
        return await patiently(partial(provider.job, listed.id))
    except NotFound:
        return listed


def _compare(
    database: Database, journal: Journal, jobs: list[Job], account: Account
) -> Reconciliation:
    # Before what is booked: what a run settles in between is in both, not in neither.
    in_doubt = journal.of_unknown_outcome()
    with database.read() as connection:
        booked = {
            row.job_id: row.net
            for row in connection.execute(
                select(_attempts.c.job_id, func.sum(_ledger.c.credits).label("net"))
                .join(_ledger, _ledger.c.attempt_id == _attempts.c.id)
                .group_by(_attempts.c.job_id)
            )
        }
    matched = [job for job in jobs if job.id in booked]
    stated = [stated_charge(job) for job in matched]
    costs = [cost for cost in stated if cost is not None]
    charged = sum(costs) if len(costs) == len(stated) else None
    ours = sum(booked[job.id] for job in matched)
    listed = {job.id for job in jobs}
    of_nobody = [job for job in jobs if job.id not in booked and stated_charge(job) != 0]
    doubtful = jobs_in_doubt(of_nobody, in_doubt)
    return Reconciliation(
        jobs_seen=len(jobs),
        matched=len(matched),
        orphans=tuple(_orphan(job) for job in of_nobody if job.id not in doubtful),
        missing=tuple(job_id for job_id in booked if job_id not in listed),
        ledger_net=sum(booked.values()),
        provider_charged=charged,
        drift=None if charged is None else charged - ours,
        unknown_credits=sum(attempt.credits for attempt in in_doubt),
        unresolved=sum(attempt.state == schema.UNRESOLVED for attempt in in_doubt),
        balance=account.credits,
        in_doubt=tuple(
            _orphan(job, doubtful[job.id].id) for job in of_nobody if job.id in doubtful
        ),
    )


def _orphan(job: Job, attempt: int | None = None) -> Orphan:
    return Orphan(job.id, job.created_at, job.status, stated_charge(job), attempt)
