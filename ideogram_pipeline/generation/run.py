"""One run, from plan to report: sets up the engine, lets it work, counts what came of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.download import Downloader
from ideogram_pipeline.apiframe.errors import Transient
from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.generation import history, schema
from ideogram_pipeline.generation.account import Access, provider_access
from ideogram_pipeline.generation.collecting import Collector
from ideogram_pipeline.generation.database import Database, journal_path
from ideogram_pipeline.generation.engine import Engine, NotBegun, Workers
from ideogram_pipeline.generation.history import Newest
from ideogram_pipeline.generation.interrupts import run_stoppable
from ideogram_pipeline.generation.journal import Balance, Journal, Limits
from ideogram_pipeline.generation.owners import Owner, is_alive
from ideogram_pipeline.generation.pacing import RequestRate, Slots
from ideogram_pipeline.generation.provider import Provider
from ideogram_pipeline.generation.references import References
from ideogram_pipeline.generation.report import (
    CharacterReport,
    Fate,
    ProgressListener,
    RunReport,
    Trouble,
)
from ideogram_pipeline.generation.settling import Records
from ideogram_pipeline.generation.submitting import Submitter
from ideogram_pipeline.generation.watching import Watcher
from ideogram_pipeline.planning.decisions import Plan
from ideogram_pipeline.planning.model import PlanEntry, PlannedImage
from ideogram_pipeline.settings import Settings

CAREFUL_START = 5
"""Jobs in flight to begin with when the account does not say how many it may have."""


def generate(
    settings: Settings,
    catalog: Catalog,
    plan: Plan,
    *,
    run_id: str,
    max_credits: int | None = None,
    on_progress: ProgressListener | None = None,
) -> RunReport:
    """Carry out a plan: first what earlier runs left open, then what is to be bought.

    Whatever ends it, a kill included, the journal is right and the next run goes on from there.

    Args:
        settings: Where things are, and the limits.
        catalog: For the characters' budgets.
        plan: What to do; made just before.
        run_id: See ``new_run_id``.
        max_credits: Most credits that this run may commit; the setting's limit holds as well.
        on_progress: Told about every step.

    Raises:
        ProviderError: The key is refused, or the provider is out of reach.
        StorageError: The journal or a picture cannot be written.
        KeyboardInterrupt: SIGINT or SIGTERM came.
    """
    _check_writable(settings)
    path = journal_path(settings)
    with Owner(path.parent / "locks", run_id), closing(Database(path)) as database:
        journal = Journal(database, provider=settings.provider)
        journal.start_run(
            run_id,
            plan.characters(),
            credits_quoted=plan.quote,
            images_planned=len(plan.entries),
            images_reused=plan.count("reuse"),
            max_credits=max_credits,
        )
        run = _Run(settings, plan, run_id, database, journal)
        status = "stopped"
        try:
            if plan.count("generate") or plan.count("resume") or journal.has_open_attempts():
                with provider_access(settings) as access:
                    limits = _limits(settings, catalog, max_credits)
                    run_stoppable(run.work(access, limits, on_progress))
            status = "finished"
        finally:
            report = run.report()
            journal.finish_run(
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
        self, settings: Settings, plan: Plan, run_id: str, database: Database, journal: Journal
    ) -> None:
        self._settings = settings
        self._plan = plan
        self._run_id = run_id
        self._database = database
        self._journal = journal
        self._locks = database.path.parent / "locks"
        self._not_begun: dict[str, NotBegun] = {}
        self._out_of_money: str | None = None
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
            downloader = await stack.enter_async_context(
                Downloader(base_url=access.base_url, extra_hosts=settings.result_hosts)
            )
            provider = Provider(client, self._rate)
            mark = journal.mark()
            account = await provider.account()
            self._balance_before = account.credits
            most = min(
                settings.max_in_flight, account.max_concurrent_jobs or settings.max_in_flight
            )
            slots = Slots(most, start=most if account.max_concurrent_jobs else CAREFUL_START)
            engine = Engine(
                Workers(
                    provider=provider,
                    journal=journal,
                    references=References(provider, journal),
                    submitter=Submitter(
                        provider,
                        journal,
                        Records(provider, journal),
                        slots,
                        patience=settings.patience,
                    ),
                    watcher=Watcher(
                        provider,
                        interval=settings.poll_interval,
                        patience=settings.patience,
                        usual_seconds=history.usual_seconds(self._database),
                    ),
                    collector=Collector(provider, downloader, journal, settings.folder),
                    slots=slots,
                ),
                _wanted(self._plan),
                run_id=self._run_id,
                limits=limits,
                balance=None if account.credits is None else Balance(account.credits, mark),
                is_alive=lambda owner: is_alive(self._locks, owner),
                patience=settings.patience,
                on_progress=on_progress,
            )
            self._not_begun = engine.not_begun
            await engine.run()
            try:
                self._balance_after = (await provider.account()).credits
            except Transient:
                self._balance_after = None

    def report(self) -> RunReport:
        """Read from the journal what became of each planned image."""
        fingerprints = {entry.planned.fingerprint for entry in self._plan.entries}
        newest = history.newest_attempts(self._database, fingerprints)
        reports = {name: CharacterReport(name) for name in self._plan.characters()}
        for entry in self._plan.entries:
            report = reports[entry.planned.character_id]
            fate, reason = self._fate(entry, newest.get(entry.planned.fingerprint))
            report.fates[fate] = report.fates.get(fate, 0) + 1
            if fate == "reused":
                report.credits_avoided += entry.planned.credits
            elif fate != "made":
                report.troubles.append(_trouble(entry.planned, fate, reason))
        spent = history.credits_by_character(self._database, self._run_id)
        for name, amount in spent.items():
            reports.setdefault(name, CharacterReport(name)).credits = amount
        return RunReport(
            run_id=self._run_id,
            provider=self._settings.provider,
            characters=reports,
            quote=self._plan.quote,
            unknown_credits=history.unknown_credits(self._database, self._run_id),
            balance_before=self._balance_before,
            balance_after=self._balance_after,
            requests=self._rate.passed,
            seconds=time.monotonic() - self._started,
        )

    def _fate(self, entry: PlanEntry, found: Newest | None) -> tuple[Fate, str]:
        not_begun = self._not_begun.get(entry.planned.fingerprint)
        if not_begun is not None:
            return not_begun.fate, not_begun.reason
        if found is None:
            return "deferred", "the run ended before its turn"
        reason = found.standing.error or ""
        match found.standing.state:
            case schema.STORED:
                ours = found.owner == self._run_id and entry.decision != "reuse"
                return ("made" if ours else "reused"), ""
            case schema.SUBMITTED:
                return "running", reason or "paid, still under way at the provider"
            case schema.WITHDRAWN | schema.ABSENT:
                return "deferred", reason
            case schema.SUBMITTING | schema.COMPLETED if self._another_is_at(found):
                return "running", "another run is at it"
            case schema.SUBMITTING:
                return "failed", f"not known whether it was accepted: {reason}"
            case schema.EXPIRED | schema.UNRESOLVED:
                return "blocked", reason
            case schema.FAILED if not found.standing.retriable:
                return "blocked", f"refused by the provider: {reason}"
        return "failed", reason

    def _another_is_at(self, found: Newest) -> bool:
        return found.owner != self._run_id and is_alive(self._locks, found.owner)


def _wanted(plan: Plan) -> Iterator[PlannedImage]:
    return (e.planned for e in plan.entries if e.decision in ("generate", "resume"))


def _trouble(planned: PlannedImage, fate: Fate, reason: str) -> Trouble:
    return Trouble(
        character_id=planned.character_id,
        prompt_id=planned.prompt_id,
        variation=planned.variation,
        edition=planned.edition,
        fate=fate,
        reason=reason,
    )


def _limits(settings: Settings, catalog: Catalog, max_credits: int | None) -> Limits:
    both = [limit for limit in (max_credits, settings.max_credits_per_run) if limit is not None]
    budgets = {
        name: character.monthly_credit_budget
        for name, character in catalog.characters.items()
        if character.monthly_credit_budget is not None
    }
    return Limits(run=min(both, default=None), floor=settings.balance_floor, monthly=budgets)


def _check_writable(settings: Settings) -> None:
    """Find out before anything is bought whether pictures could be stored."""
    try:
        settings.images_folder.mkdir(parents=True, exist_ok=True)
        probe = settings.images_folder / f".probe-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StorageError(
            f"Pictures cannot be stored in {settings.images_folder}: {error.strerror or error}. "
            "Nothing was bought. Make the folder writable, or set IDEOGRAM_PIPELINE_HOME to "
            "another one."
        ) from None
