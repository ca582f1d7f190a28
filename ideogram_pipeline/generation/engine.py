"""The engine: carries every attempt from whatever state it is in to its end, and buys the rest.

Work that earlier runs left behind comes first, then new paid work. Both take the same way,
submit, watch, collect; an attempt that was left behind only enters it further on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from ideogram_pipeline.apiframe.errors import (
    KeyRefused,
    NotFound,
    ProviderError,
    Transient,
    Unreachable,
)
from ideogram_pipeline.apiframe.model import Job
from ideogram_pipeline.errors import CatalogError
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.collecting import Collector
from ideogram_pipeline.generation.failures import is_content_refusal, is_provider_fault
from ideogram_pipeline.generation.group_commit import GroupCommit
from ideogram_pipeline.generation.journal import Busy, ClaimLost, Journal
from ideogram_pipeline.generation.limits import Balance, Limits, OverBudget
from ideogram_pipeline.generation.pacing import Place, Slots
from ideogram_pipeline.generation.provider import Provider
from ideogram_pipeline.generation.references import References
from ideogram_pipeline.generation.report import NotBegun, Progress, ProgressListener
from ideogram_pipeline.generation.sharing import Share
from ideogram_pipeline.generation.submitting import OutOfMoney, Submitter
from ideogram_pipeline.generation.telling import Teller
from ideogram_pipeline.generation.watching import StillRunning, Watcher
from ideogram_pipeline.planning.identity import request_body
from ideogram_pipeline.planning.model import PlannedImage

ATTEMPTS_IN_A_RUN = 3
"""Attempts at one picture when the provider itself fails; each failed one is refunded."""
WAITING_FOR_COLLECTION = 16
"""Pictures that may wait to be fetched while all slots are full, besides one for each slot: jobs
that were begun together end together, and the next ones are begun before they are fetched."""
FOLLOW_SECONDS = 0.5
"""How often the journal is read for a picture that another run is at."""
STOPPED = "the run was stopped before its turn"
BALANCE_SECONDS = 10.0
"""How old a balance may be for a limit that it sets to be believed."""


@dataclass(frozen=True, slots=True)
class Workers:
    """What the engine works with; one of each for a run."""

    provider: Provider
    journal: Journal
    commit: GroupCommit
    references: References
    submitter: Submitter
    watcher: Watcher
    collector: Collector
    slots: Slots
    share: Share


class Engine:
    """One run: brings home what is wanted, and whatever dead runs have left open."""

    def __init__(
        self,
        workers: Workers,
        images: Iterable[PlannedImage],
        *,
        wanted: Collection[str],
        quoted: int,
        run_id: str,
        limits: Limits,
        balance: Balance | None,
        is_alive: Callable[[str], bool],
        patience: float,
        shortage: Callable[[], str | None],
        on_progress: ProgressListener | None = None,
    ) -> None:
        """Make an engine.

        Args:
            workers: What it works with.
            images: What may be made, in order; read as their turn comes, since they may be many.
            wanted: The fingerprints of those that are to be made, each once.
            quoted: Credits that this will cost.
            run_id: The run.
            limits: What may be spent.
            balance: The account's, as just asked for.
            is_alive: Whether a run is.
            patience: Seconds without any job ending after which waiting ends.
            shortage: Says why nothing more could be stored.
            on_progress: Told how far it is.
        """
        self._provider = workers.provider
        self._journal = workers.journal
        self._commit = workers.commit
        self._workers = workers
        self._slots = workers.slots
        self._images = images
        self._wanted = frozenset(wanted)
        self._run_id = run_id
        self._limits = limits
        self._is_alive = is_alive
        self._patience = patience
        self._shortage = shortage
        self._teller = Teller(on_progress, self._progress)
        self._quoted = quoted
        self._room = asyncio.Semaphore(2 * workers.slots.total + WAITING_FOR_COLLECTION)
        self._carried: set[int] = set()
        """Attempts of dead runs that a task of this run is at."""
        self._balance = balance
        self._balance_at = time.monotonic()
        self._made = self._failed = self._spent = 0
        self._stopped = False
        self.out_of_money: str | None = None
        """The provider's words when the balance did not suffice; nothing new is begun after it."""
        self.not_begun: dict[str, NotBegun] = {}
        """Wanted pictures that were not attempted, by fingerprint."""

    async def run(self) -> None:
        """Work until all is stored, deferred, failed, or under way for longer than our patience.

        Raises:
            ProviderError: The key is refused, or the provider is out of reach.
            StorageError: The journal or a picture cannot be written.
        """
        try:
            async with asyncio.TaskGroup() as background:
                beside = [
                    background.create_task(self._workers.watcher.run()),
                    background.create_task(self._workers.share.run()),
                    background.create_task(self._teller.run()),
                ]
                async with asyncio.TaskGroup() as self._work:
                    await self._take_over()
                    not_yet = set(self._wanted)
                    for planned in self._images:
                        if planned.fingerprint not in not_yet:
                            continue
                        not_yet.remove(planned.fingerprint)
                        await self._room.acquire()
                        if self._stopped:
                            break
                        self._work.create_task(self._in_room(planned))
                for task in beside:
                    task.cancel()
            self._teller.tell()
        except BaseExceptionGroup as errors:
            raise _foremost(errors) from None

    def stop(self) -> None:
        """Begin nothing more and wait for no job; what is nearly home is still brought home."""
        self._stopped = True
        self._workers.submitter.stop()
        self._workers.watcher.stop()

    async def _take_over(self) -> None:
        """Carry on what dead runs left open.

        What is in doubt is settled before anything new is bought: it may have been charged, and
        the limits have to know.
        """
        left = self._journal.take_over(self._run_id, self._is_alive)
        self._carried.update(attempt.id for attempt in left)
        async with asyncio.TaskGroup() as settling:
            for attempt in left:
                if attempt.state == schema.SUBMITTING:
                    settling.create_task(self._settle_doubt(attempt))
                else:
                    self._work.create_task(self._carry_on(attempt))

    async def _settle_doubt(self, attempt: Attempt) -> None:
        """Find out whether it was accepted; if not, and it is wanted, send it once more."""
        try:
            async with self._slots.place() as place:
                attempt = await self._submit(attempt, place, send=False)
                if attempt.state == schema.SUBMITTING and attempt.fingerprint in self._wanted:
                    attempt = await self._resend(attempt, place)
            self._work.create_task(self._carry_on(attempt))
        except ClaimLost:
            self._carried.discard(attempt.id)

    async def _resend(self, attempt: Attempt, place: Place) -> Attempt:
        """Send what is in doubt and was not found; it is bought by that, so all limits hold."""
        if obstacle := self._obstacle():
            return self._put_off(attempt, obstacle)
        begun = await self._commit(
            Journal.resend, attempt, self._run_id, limits=self._limits, balance=self._balance
        )
        if isinstance(begun, OverBudget):
            return self._put_off(attempt, begun.message)
        return await self._submit(begun, place)

    def _put_off(self, attempt: Attempt, reason: str) -> Attempt:
        self.not_begun[attempt.fingerprint] = NotBegun("deferred", reason)
        return attempt

    async def _carry_on(self, attempt: Attempt) -> None:
        """See an attempt of a dead run to its end; if it is wanted, ``_bring_home`` follows it."""
        try:
            job = None
            if attempt.state == schema.SUBMITTED:
                with self._slots.occupied():
                    end = await self._watch(attempt, fresh=False, age=self._age(attempt))
                attempt, job = await self._conclude(attempt, end)
            await self._collect(attempt, job)
        except ClaimLost:
            # Another run has it: it took us for dead, or a person has settled it.
            return
        finally:
            self._carried.discard(attempt.id)

    async def _in_room(self, planned: PlannedImage) -> None:
        try:
            await self._bring_home(planned)
        except ClaimLost:
            return
        finally:
            self._room.release()

    async def _bring_home(self, planned: PlannedImage) -> None:
        """Buy a picture and see it home, by another attempt where the provider has failed."""
        worth_another = True
        while worth_another:
            job = end = None
            async with self._slots.place() as place:
                begun = await self._begin(planned)
                if isinstance(begun, Attempt):
                    attempt = await self._submit(begun, place)
                    if attempt.state == schema.SUBMITTED:
                        age = time.monotonic() - place.accepted_at
                        end = await self._watch(attempt, fresh=True, age=age)
            # The job has ended: its slot is another's, and that one goes first.
            if end is not None:
                await self._slots.quiet()
                attempt, job = await self._conclude(attempt, end)
            if isinstance(begun, NotBegun):
                self.not_begun[planned.fingerprint] = begun
                self._teller.news()
                return
            if isinstance(begun, Busy):
                attempt = await self._follow(begun.attempt)
            else:
                attempt = await self._collect(attempt, job)
            if attempt.state == schema.FAILED:
                self._workers.references.forget(planned)
            worth_another = self._is_worth_another(attempt)

    def _is_worth_another(self, attempt: Attempt) -> bool:
        if attempt.state == schema.ABSENT:
            return True
        if attempt.state != schema.FAILED or not is_provider_fault(attempt.error):
            return False
        tried = self._journal.attempts_in_run(attempt.fingerprint, self._run_id)
        return tried < ATTEMPTS_IN_A_RUN

    async def _begin(self, planned: PlannedImage) -> Attempt | Busy | NotBegun:
        """Write down the intent, once the inputs are at the provider and the limits allow it."""
        if obstacle := self._obstacle():
            return NotBegun("deferred", obstacle)
        try:
            urls = await self._workers.references.urls(planned)
        except (KeyRefused, Unreachable):
            raise
        except (CatalogError, ProviderError) as error:
            return NotBegun("failed", f"its reference cannot be handed over: {error}")
        if self._stopped:
            return NotBegun("deferred", STOPPED)
        begun = await self._write_intent(planned, urls)
        over_balance = isinstance(begun, OverBudget) and begun.limit == "balance"
        if over_balance and await self._renew_balance():
            begun = await self._write_intent(planned, urls)
        if isinstance(begun, OverBudget):
            return NotBegun("deferred", begun.message)
        return begun

    def _obstacle(self) -> str | None:
        """Why nothing may be bought now."""
        if self._stopped:
            return STOPPED
        return self.out_of_money or self._shortage()

    async def _write_intent(
        self, planned: PlannedImage, urls: dict[str, str]
    ) -> Attempt | Busy | OverBudget:
        return await self._commit(
            Journal.begin,
            planned,
            request_body(planned, urls),
            run_id=self._run_id,
            now=self._provider.clock.now(),
            limits=self._limits,
            balance=self._balance,
        )

    async def _renew_balance(self) -> bool:
        """Ask for the balance again if what we know is old; refunds and purchases raise it."""
        if time.monotonic() - self._balance_at < BALANCE_SECONDS:
            return False
        self._balance_at = time.monotonic()
        asked_at = self._journal.moment()
        try:
            account = await self._provider.account()
        except Transient:
            return False
        self._balance = None if account.credits is None else Balance(account.credits, asked_at)
        return True

    async def _submit(self, attempt: Attempt, place: Place, *, send: bool = True) -> Attempt:
        try:
            attempt = await self._workers.submitter.submit(attempt, place, send=send)
        except OutOfMoney as error:
            self.out_of_money = str(error)
            return self._journal.get(attempt.id)
        if attempt.state == schema.SUBMITTED:
            self._spent += attempt.credits
        self._teller.news()
        return attempt

    async def _watch(
        self, attempt: Attempt, *, fresh: bool, age: float
    ) -> Job | StillRunning | ProviderError:
        """Wait until the job has ended, or there is a reason to wait no more."""
        try:
            return await self._workers.watcher.ended(
                attempt.job_id or "",
                attempt.rendering_speed,
                fresh=fresh,
                age=age,
            )
        except KeyRefused:
            raise
        except (StillRunning, ProviderError) as error:
            return error

    def _age(self, attempt: Attempt) -> float:
        """Seconds since it was submitted, by the provider's clock."""
        now = self._provider.clock.now()
        return (now - (attempt.submitted_at or now)).total_seconds()

    async def _conclude(
        self, attempt: Attempt, end: Job | StillRunning | ProviderError
    ) -> tuple[Attempt, Job | None]:
        """Write down what became of the job."""
        if isinstance(end, Exception):
            if isinstance(end, NotFound) and self._workers.collector.is_given_up(attempt):
                return await self._workers.collector.expire(attempt), None
            reason = str(end) or "still under way at the provider"
            return await self._commit(Journal.remark, attempt, reason), None
        now = self._provider.clock.now()
        if end.is_completed:
            return await self._commit(Journal.complete, attempt, end, now=now), end
        self._failed += 1
        self._teller.news()
        retriable = not is_content_refusal(end.error)
        failed = await self._commit(Journal.fail, attempt, end, now=now, retriable=retriable)
        return failed, end

    async def _collect(self, attempt: Attempt, job: Job | None) -> Attempt:
        if attempt.state == schema.COMPLETED:
            attempt = await self._workers.collector.collect(attempt, job)
            self._made += attempt.state == schema.STORED
            self._teller.news()
        return attempt

    async def _follow(self, attempt: Attempt) -> Attempt:
        """Wait while another task or run is at a picture; take over from a run that has died."""
        until = time.monotonic() + self._patience
        while attempt.state in schema.OPEN and time.monotonic() < until and not self._stopped:
            if attempt.owner == self._run_id:
                if attempt.id not in self._carried:
                    break  # We have done for it what can be done now.
            elif not self._is_alive(attempt.owner):
                await self._take_over()
            await asyncio.sleep(FOLLOW_SECONDS)
            attempt = self._journal.get(attempt.id)
        return attempt

    def _progress(self) -> Progress:
        in_flight = self._slots.accepted
        fates = [not_begun.fate for not_begun in self.not_begun.values()]
        return Progress(
            run_id=self._run_id,
            planned=len(self._wanted),
            made=self._made,
            in_flight=in_flight,
            failed=self._failed + fates.count("failed"),
            deferred=fates.count("deferred"),
            credits_spent=self._spent,
            credits_quoted=self._quoted,
            activity=f"{in_flight} being drawn" if in_flight else "submitting",
        )


def _foremost(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error to report: an interrupt before an error, and the first of its kind."""
    leaves: list[BaseException] = []
    for error in errors.exceptions:
        leaves.append(_foremost(error) if isinstance(error, BaseExceptionGroup) else error)
    return min(leaves, key=lambda error: isinstance(error, Exception))
