"""One run, from plan to report: sets up the engine, lets it work, counts what came of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.download import Downloader
from ideogram_pipeline.apiframe.errors import Transient
from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.files import make_folder
from ideogram_pipeline.generation import guarding, history, run_records
from ideogram_pipeline.generation.account import Access, provider_access
from ideogram_pipeline.generation.adopting import adopt
from ideogram_pipeline.generation.collecting import Collector
from ideogram_pipeline.generation.database import Database, open_journal
from ideogram_pipeline.generation.disk import Disks
from ideogram_pipeline.generation.engine import Engine, Workers
from ideogram_pipeline.generation.fates import count_fates
from ideogram_pipeline.generation.filing import filing_by
from ideogram_pipeline.generation.group_commit import GroupCommit
from ideogram_pipeline.generation.interrupts import run_stoppable
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.limits import Balance, Limits
from ideogram_pipeline.generation.owners import Owner, is_alive
from ideogram_pipeline.generation.pacing import RequestRate, Slots
from ideogram_pipeline.generation.provider import Provider
from ideogram_pipeline.generation.records import Records
from ideogram_pipeline.generation.references import References
from ideogram_pipeline.generation.refetching import reopen_missing
from ideogram_pipeline.generation.report import NotBegun, ProgressListener, RunReport
from ideogram_pipeline.generation.sharing import Share
from ideogram_pipeline.generation.submitting import Submitter
from ideogram_pipeline.generation.uploads import Uploads
from ideogram_pipeline.generation.watching import Watcher
from ideogram_pipeline.planning.model import Decision
from ideogram_pipeline.planning.plan import Plan
from ideogram_pipeline.settings import Settings

LOST_JOURNAL = (
    "the journal was lost, and this may be paid already; see `ideogram-pipeline reconcile`, then "
    "`ideogram-pipeline settle`"
)
TO_BE_DONE: tuple[Decision, ...] = ("generate", "resume")
CAREFUL_START = 5
"""Jobs in flight to begin with when the account does not say how many it may have."""


def generate(
    settings: Settings,
    catalog: Catalog,
    plan: Plan,
    *,
    run_id: str,
    max_credits: int | None = None,
    goes_on_with: Sequence[str] = (),
    on_progress: ProgressListener | None = None,
) -> RunReport:
    """Carry out a plan: first what earlier runs left open, then what is to be bought.

    Whatever ends it, a kill included, the journal is right and the next run goes on from there.

    Args:
        settings: Where things are, and the limits.
        catalog: For the characters' budgets.
        plan: What to do; made just before.
        run_id: Names the run for good; never used again.
        max_credits: Most credits that this run may commit; the setting's limit holds as well.
        goes_on_with: Runs that left what this one does; what they have committed counts as well.
        on_progress: Told about every step.

    Raises:
        ProviderError: The key is refused, or the provider is out of reach.
        StorageError: The journal or a picture cannot be written.
        KeyboardInterrupt: SIGINT or SIGTERM came.
    """
    _check_writable(settings)
    with open_journal(settings) as database, Owner(database.locks, run_id):
        journal = Journal(database, provider=settings.provider)
        run_records.open_run(
            database,
            run_id,
            provider=settings.provider,
            characters=plan.characters(),
            credits_quoted=plan.quote,
            images_planned=len(plan),
            images_reused=plan.count("reuse"),
        )
        guarding.set_mark(settings, database)
        untouched = reopen_missing(database, journal, settings.folder, plan.fingerprints())
        run = _Run(settings, catalog, plan, run_id, database, journal, untouched)
        status = "stopped"
        try:
            if plan.count("generate", "resume") or journal.has_open_attempts():
                with provider_access(settings) as access:
                    limits = _limits(settings, catalog, max_credits, goes_on_with)
                    run_stoppable(run.work(access, limits, on_progress), run.stop)
            status = "finished"
            guarding.set_mark(settings, database)
        finally:
            report = run.report()
            run_records.close_run(
                database,
                run_id,
                status,
                images_made=report.count("made"),
                images_reused=report.count("reused"),
                images_deferred=report.count("deferred") + report.count("running"),
                images_failed=report.count("failed") + report.count("blocked"),
                requests=report.requests,
                balance_before=report.balance_before,
                balance_after=report.balance_after,
            )
        return report


class _Run:
    """The engine's surroundings, and what is to be told of its work."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        plan: Plan,
        run_id: str,
        database: Database,
        journal: Journal,
        untouched: frozenset[str],
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._plan = plan
        self._run_id = run_id
        self._database = database
        self._journal = journal
        self._untouched = untouched
        self._engine: Engine | None = None
        self._stopped = False
        self._rate = RequestRate(settings.requests_per_minute)
        self._balance_before: int | None = None
        self._balance_after: int | None = None
        self._started = time.monotonic()

    async def work(
        self, access: Access, limits: Limits, on_progress: ProgressListener | None
    ) -> None:
        """Reach the provider and let the engine work."""
        settings, journal = self._settings, self._journal
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(
                ApiframeClient(base_url=access.base_url, api_key=access.api_key)
            )
            disk = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="disk"))
            downloader = await stack.enter_async_context(
                Downloader(base_url=access.base_url, extra_hosts=settings.result_hosts, disk=disk)
            )
            provider = Provider(client, self._rate)
            asked_at = journal.moment()
            account = await provider.account()
            run_records.bind_account(self._database, account.team_id)
            self._balance_before = account.credits
            most = min(
                settings.max_in_flight, account.max_concurrent_jobs or settings.max_in_flight
            )
            slots = Slots(most, start=most if account.max_concurrent_jobs else CAREFUL_START)
            share = Share(slots, self._rate, run_id=self._run_id, alive=self._alive)
            share.take()
            records = Records(provider, journal)
            # Before it is sent: a journal without its intents must never pass for the newest one.
            guarded = partial(guarding.write, settings, self._database)
            commit = await stack.enter_async_context(
                GroupCommit(journal.transaction, of_intents=partial(journal.transaction, guarded))
            )
            filing = await stack.enter_async_context(filing_by(disk))
            blocked = await self._adopt_after_loss(records, provider)
            self._engine = Engine(
                Workers(
                    provider=provider,
                    journal=journal,
                    commit=commit,
                    references=References(provider, Uploads(self._database, access.base_url)),
                    submitter=Submitter(
                        provider,
                        journal,
                        commit,
                        records,
                        slots,
                        patience=settings.patience,
                    ),
                    watcher=Watcher(
                        provider,
                        interval=settings.poll_interval,
                        patience=settings.patience,
                        recent_seconds=history.recent_seconds(self._database),
                    ),
                    collector=Collector(provider, downloader, commit, filing, settings.folder),
                    slots=slots,
                    share=share,
                ),
                self._plan.images(*TO_BE_DONE),
                wanted=set(self._plan.fingerprints(*TO_BE_DONE)) - blocked.keys(),
                quoted=self._plan.quote,
                run_id=self._run_id,
                limits=limits,
                balance=None if account.credits is None else Balance(account.credits, asked_at),
                is_alive=lambda owner: is_alive(self._database.locks, owner),
                patience=settings.patience,
                shortage=Disks((settings.folder, self._database.path.parent)).shortage,
                on_progress=on_progress,
            )
            self._engine.not_begun.update(blocked)
            if self._stopped:
                return
            await self._engine.run()
            if self._stopped:
                return
            try:
                self._balance_after = (await provider.account()).credits
            except Transient:
                self._balance_after = None

    def _alive(self) -> list[str]:
        """The other runs that are at work now."""
        others = (name for name in run_records.running(self._database) if name != self._run_id)
        return [name for name in others if is_alive(self._database.locks, name)]

    async def _adopt_after_loss(self, records: Records, provider: Provider) -> dict[str, NotBegun]:
        """After a loss of the journal, adopt what the account has; what may not be bought then."""
        if not guarding.is_recovering(self._database):
            return {}
        new = list(self._plan.images("generate"))
        adoption = adopt(
            self._journal,
            await records.orphans(since=None),
            new,
            self._catalog,
            zone=self._settings.zone,
            run_id=self._run_id,
            now=provider.clock.now(),
        )
        if not adoption.left:
            guarding.recovered(self._database)
        found = {attempt.fingerprint for attempt in adoption.adopted}
        return {
            image.fingerprint: NotBegun("blocked", f"{LOST_JOURNAL}: {reason}")
            for image in new
            if image.fingerprint not in found
            and (reason := adoption.doubt_about(image.fingerprint))
        }

    def stop(self) -> None:
        """Bring home what is nearly there, and end."""
        self._stopped = True
        if self._engine is not None:
            self._engine.stop()

    def report(self) -> RunReport:
        """Say what came of it so far."""
        return RunReport(
            run_id=self._run_id,
            provider=self._settings.provider,
            characters=count_fates(
                self._database,
                self._plan,
                run_id=self._run_id,
                not_begun=self._engine.not_begun if self._engine else {},
            ),
            quote=self._plan.quote,
            unknown_credits=history.unknown_credits(self._database, self._run_id),
            balance_before=self._balance_before,
            balance_after=self._balance_after,
            requests=self._rate.passed,
            seconds=time.monotonic() - self._started,
            untouched=self._untouched,
        )


def _limits(
    settings: Settings, catalog: Catalog, max_credits: int | None, goes_on_with: Sequence[str]
) -> Limits:
    both = [limit for limit in (max_credits, settings.max_credits_per_run) if limit is not None]
    budgets = {
        name: character.monthly_credit_budget
        for name, character in catalog.characters.items()
        if character.monthly_credit_budget is not None
    }
    return Limits(
        run=min(both, default=None),
        goes_on_with=tuple(goes_on_with),
        floor=settings.balance_floor,
        monthly=budgets,
    )


def _check_writable(settings: Settings) -> None:
    """Find out before anything is bought whether pictures could be stored."""
    try:
        make_folder(settings.images_folder)
        probe = settings.images_folder / f".probe-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StorageError(
            f"Pictures cannot be stored in {settings.images_folder}: {error.strerror or error}. "
            "Nothing was bought. Make the folder writable, or set IDEOGRAM_PIPELINE_HOME to "
            "another one."
        ) from None
