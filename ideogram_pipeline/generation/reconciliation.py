"""Our books against the provider's own records: every job of the account, matched or named."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import func, select

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.model import Account, Job
from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.generation import run_records, schema
from ideogram_pipeline.generation.account import Access, provider_access
from ideogram_pipeline.generation.adopting import adopt
from ideogram_pipeline.generation.database import Database, open_journal
from ideogram_pipeline.generation.guarding import is_recovering
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.listing import Listing
from ideogram_pipeline.generation.pacing import RequestRate
from ideogram_pipeline.generation.provider import Provider
from ideogram_pipeline.generation.settling import LOOK_BACK, Records
from ideogram_pipeline.generation.times import from_text
from ideogram_pipeline.planning.expansion import expand
from ideogram_pipeline.settings import Settings

_attempts = schema.attempts
_ledger = schema.ledger


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
    adopted: tuple[str, ...] = ()
    """Job ids of orphans that were made for a planned image, and are ours from now on."""


def reconcile(settings: Settings, catalog: Catalog | None = None) -> Reconciliation:
    """Page through the provider's jobs, back to our first one, and compare. Spends nothing.

    Args:
        settings: Where the journal and the provider are.
        catalog: An orphan that was made for a picture of it is adopted: its charge is booked, and
            the next run fetches it. Without one, nothing is changed.

    Raises:
        ProviderError: The key is refused, or the provider is out of reach.
        StorageError: The journal cannot be read.
    """
    with open_journal(settings) as database, provider_access(settings) as access:
        return asyncio.run(_reconcile(settings, database, access, catalog))


async def _reconcile(
    settings: Settings, database: Database, access: Access, catalog: Catalog | None
) -> Reconciliation:
    since = None if is_recovering(database) else _beginning(database)
    async with ApiframeClient(base_url=access.base_url, api_key=access.api_key) as client:
        provider = Provider(client, RequestRate(settings.requests_per_minute))
        account = await provider.account()
        nothing_ours = since is None and not is_recovering(database)
        jobs = [] if nothing_ours else await _jobs(provider, since)
        found = _compare(database, jobs, account)
        if catalog is None or not found.orphans:
            return found
        adopted = await _adopt(settings, database, provider, since, catalog)
        return replace(_compare(database, jobs, account), adopted=adopted)


async def _adopt(
    settings: Settings,
    database: Database,
    provider: Provider,
    since: datetime | None,
    catalog: Catalog,
) -> tuple[str, ...]:
    """Adopt orphans under a run of their own, so that their charges have one."""
    journal = Journal(database, provider=settings.provider)
    now = datetime.now(UTC)
    run_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    orphans = await Records(provider, journal).orphans(since)
    planned = list(expand(catalog, at=now, zone=settings.zone))
    run_records.open_run(
        database,
        run_id,
        provider=settings.provider,
        characters=(),
        credits_quoted=0,
        images_planned=0,
        images_reused=0,
    )
    adoption = adopt(
        journal,
        orphans,
        planned,
        catalog,
        zone=settings.zone,
        run_id=run_id,
        now=provider.clock.now(),
    )
    run_records.close_run(database, run_id, "finished", requests=provider.requests)
    return tuple(attempt.job_id for attempt in adoption.adopted if attempt.job_id)


def _beginning(database: Database) -> datetime | None:
    """The time before which no job can be ours; ``None`` if none is."""
    with database.read() as connection:
        first = connection.scalar(select(func.min(_attempts.c.intended_at)))
    return from_text(first) - LOOK_BACK if first else None


async def _jobs(provider: Provider, since: datetime | None) -> list[Job]:
    """The account's jobs, newest first, back to ``since`` or all."""
    return [job async for page in Listing(provider, since).pages() for job in page]


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
