"""Our books against the provider's own records: every job of the account, matched or named."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Select, exists, func, select

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
from ideogram_pipeline.generation.settled import (
    earliest_unsettled_intent,
    put_settled_point,
    settled_point,
)
from ideogram_pipeline.generation.times import from_text, to_text
from ideogram_pipeline.planning.expansion import expand
from ideogram_pipeline.settings import Settings

_attempts = schema.attempts
_ledger = schema.ledger

AWAITED = timedelta(days=7)
"""How long a job that has not ended, or one without its refund, keeps the settled point back."""


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

    Jobs from before this journal's first one are somebody else's, and are not looked at; nor are
    those from before ``since``. What is said of jobs is said of those that were looked at.
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
    since: datetime | None = None
    """Older jobs were not looked at; ``None``: all that there are were."""
    settled: datetime | None = None
    """What is older agrees, and is not expected to change; ``None`` if that cannot be said."""


def reconcile(settings: Settings, catalog: Catalog | None = None, *, whole: bool) -> Reconciliation:
    """Page through the provider's jobs and compare. Spends nothing.

    How far the two agree is kept as the settled point. It lies before everything that differs, is
    open or may change, so that each later look sees that again.

    Args:
        settings: Where the journal and the provider are.
        catalog: An orphan that was made for a picture of it is adopted: its charge is booked, and
            the next run fetches it. Without one, nothing is adopted.
        whole: Go back to our first job; otherwise only to the settled point, where there is one. A
            job that was settled and has changed since then is seen only by a whole look.

    Raises:
        ConfigurationError: The key is of another team, and work is still open in the one before.
        ProviderError: The key is refused, or the provider is out of reach.
        StorageError: The journal cannot be read.
    """
    with open_journal(settings) as database, provider_access(settings) as access:
        return asyncio.run(_reconcile(settings, database, access, catalog, whole=whole))


@dataclass(frozen=True, slots=True)
class _Look:
    """What of the account was looked at, and what was known before it was asked for."""

    jobs: list[Job]
    since: datetime | None
    """Older jobs were not asked for."""
    missed_since: datetime | None
    """Jobs intended then or later must be among ``jobs``; ``None``: all of ours must."""
    known_point: datetime | None
    """The settled point of before."""
    asked_at: datetime | None
    """The provider's time before the listing; ``None`` if nothing can be settled by it."""
    open_since: datetime | None
    """The earliest intent that was open then: what ends meanwhile may be listed as it was."""


async def _reconcile(
    settings: Settings,
    database: Database,
    access: Access,
    catalog: Catalog | None,
    *,
    whole: bool,
) -> Reconciliation:
    journal = Journal(database, provider=settings.provider)
    async with ApiframeClient(base_url=access.base_url, api_key=access.api_key) as client:
        provider = Provider(client, RequestRate(settings.requests_per_minute))
        account = await provider.account()
        run_records.bind_account(database, account.team_id)
        look = await _look(database, journal, provider, whole=whole)
        found = _compare(database, journal, look, account)
        if catalog is not None and found.orphans:
            orphans = {orphan.job_id for orphan in found.orphans}
            unclaimed = [job for job in look.jobs if job.id in orphans]
            adopted = _adopt(settings, database, journal, provider, catalog, unclaimed)
            found = replace(_compare(database, journal, look, account), adopted=adopted)
    if found.settled is not None and found.settled != look.known_point:
        with database.write() as connection:
            put_settled_point(connection, found.settled, instead_of=look.known_point)
    return found


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


async def _look(database: Database, journal: Journal, provider: Provider, *, whole: bool) -> _Look:
    """List the account's jobs as far back as they must be compared."""
    looks_at_all = is_recovering(database)
    # Without the provider's time, nothing can be said of what is older than a moment.
    asked_at = provider.clock.now() if provider.clock.is_told and not looks_at_all else None
    with database.read() as connection:
        known = settled_point(connection)
        open_since = earliest_unsettled_intent(connection)
    # A point in the future is from a clock that was wrong then.
    is_known = known is not None and asked_at is not None and known <= asked_at
    point = known if is_known and not whole else None
    since = None if looks_at_all else _before(point or _first_intent(database))
    jobs: list[Job] = []
    is_listed = False
    if since or looks_at_all:
        jobs, is_listed = await _jobs(provider, journal, since)
    return _Look(jobs, since, point, known, asked_at if is_listed else None, open_since)


def _first_intent(database: Database) -> datetime | None:
    with database.read() as connection:
        first = connection.scalar(select(func.min(_attempts.c.intended_at)))
    return from_text(first) if first else None


def _before(moment: datetime | None) -> datetime | None:
    """The time before which no job can be of an intent of ``moment`` or later."""
    return moment - LOOK_BACK if moment else None


async def _jobs(
    provider: Provider, journal: Journal, since: datetime | None
) -> tuple[list[Job], bool]:
    """The account's jobs, newest first, back to ``since`` or all; paid ones of nobody in full.

    Returns:
        The jobs, and whether the listing has reached ``since`` or its end.
    """
    jobs: list[Job] = []
    listing = Listing(provider, since)
    async for page in listing.pages():
        claimed = journal.claimed_jobs([job.id for job in page])
        for job in page:
            of_nobody = job.id not in claimed and stated_charge(job) != 0
            jobs.append(await _in_full(provider, job) if of_nobody else job)
    return jobs, listing.has_passed or listing.has_ended


async def _in_full(provider: Provider, listed: Job) -> Job:
    """A listed job with what was asked of it, unless its record is gone."""
    try:
        return await patiently(partial(provider.job, listed.id))
    except NotFound:
        return listed


def _compare(database: Database, journal: Journal, look: _Look, account: Account) -> Reconciliation:
    jobs = look.jobs
    # Before what is booked: what a run settles in between is in both, not in neither.
    in_doubt = journal.of_unknown_outcome()
    with database.read() as connection:
        booked = _booked(connection, jobs)
        missing = _missing(connection, look)
        ledger_net = connection.scalar(select(func.coalesce(func.sum(_ledger.c.credits), 0))) or 0
        open_since = earliest_unsettled_intent(connection)
    matched = [job for job in jobs if job.id in booked]
    stated = [stated_charge(job) for job in matched]
    costs = [cost for cost in stated if cost is not None]
    charged = sum(costs) if len(costs) == len(stated) else None
    ours = sum(booked[job.id] for job in matched)
    of_nobody = [job for job in jobs if job.id not in booked and stated_charge(job) != 0]
    doubtful = jobs_in_doubt(of_nobody, in_doubt)
    return Reconciliation(
        jobs_seen=len(jobs),
        matched=len(matched),
        orphans=tuple(_orphan(job) for job in of_nobody if job.id not in doubtful),
        missing=tuple(missing),
        ledger_net=ledger_net,
        provider_charged=charged,
        drift=None if charged is None else charged - ours,
        unknown_credits=sum(attempt.credits for attempt in in_doubt),
        unresolved=sum(attempt.state == schema.UNRESOLVED for attempt in in_doubt),
        balance=account.credits,
        in_doubt=tuple(
            _orphan(job, doubtful[job.id].id) for job in of_nobody if job.id in doubtful
        ),
        since=look.since,
        settled=_settled(look, booked, [*missing.values(), look.open_since, open_since]),
    )


def _listed(jobs: list[Job]) -> Select[tuple[str]]:
    """The ids of ``jobs`` as a query: there may be more than a statement can have parameters."""
    ids = func.json_each(json.dumps([job.id for job in jobs])).table_valued("value")
    return select(ids.c.value)


def _booked(connection: Connection, jobs: list[Job]) -> dict[str, int]:
    """What the ledger has, in credits, for those of ``jobs`` that are ours."""
    rows = connection.execute(
        select(_attempts.c.job_id, func.sum(_ledger.c.credits).label("net"))
        .join(_ledger, _ledger.c.attempt_id == _attempts.c.id)
        .where(_attempts.c.job_id.in_(_listed(jobs)))
        .group_by(_attempts.c.job_id)
    )
    return {row.job_id: row.net for row in rows}


def _missing(connection: Connection, look: _Look) -> dict[str, datetime]:
    """The jobs of ours that should have been listed and were not, with their intent."""
    has_entry = exists().where(_ledger.c.attempt_id == _attempts.c.id)
    missing = select(_attempts.c.job_id, _attempts.c.intended_at).where(
        _attempts.c.job_id.is_not(None), _attempts.c.job_id.not_in(_listed(look.jobs)), has_entry
    )
    if look.missed_since:
        missing = missing.where(_attempts.c.intended_at >= to_text(look.missed_since))
    rows = connection.execute(missing.order_by(_attempts.c.id))
    return {row.job_id: from_text(row.intended_at) for row in rows}


def _settled(
    look: _Look, booked: dict[str, int], open_since: list[datetime | None]
) -> datetime | None:
    """The moment up to which nothing differs, is open, or is expected to change."""
    if look.asked_at is None or any(job.created_at is None for job in look.jobs):
        return None
    unsettled = (job.created_at for job in look.jobs if _is_unsettled(job, booked, look.asked_at))
    settled = min(filter(None, (look.asked_at, *unsettled, *open_since)))
    # A look that ends at a point says nothing of what is before it.
    return settled if look.missed_since is None else max(settled, look.missed_since)


def _is_unsettled(job: Job, booked: dict[str, int], asked_at: datetime) -> bool:
    """Whether a job, which says when it was created, is to be looked at again."""
    charge = stated_charge(job)
    agrees = charge == booked.get(job.id, 0) or (charge is None and job.id in booked)
    may_change = not job.is_final or (job.is_failed and charge != 0)
    is_awaited = job.created_at is not None and job.created_at > asked_at - AWAITED
    return not agrees or (may_change and is_awaited)


def _orphan(job: Job, attempt: int | None = None) -> Orphan:
    return Orphan(job.id, job.created_at, job.status, stated_charge(job), attempt)
