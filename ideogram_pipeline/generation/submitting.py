"""From intent to job: the only place where money leaves.

One request at a time for each attempt, always the bytes and the key that the journal holds. What
the outcome says about the money decides what may follow, see the branches of ``submit``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from datetime import UTC, datetime, timedelta

from ideogram_pipeline.apiframe.errors import KeyRefused, ProviderError, Unreachable
from ideogram_pipeline.apiframe.model import (
    Accepted,
    Conflict,
    Job,
    NotSent,
    OutOfCredits,
    Refused,
    Rejected,
    Throttled,
    Unknown,
)
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.group_commit import GroupCommit
from ideogram_pipeline.generation.journal import AlreadyClaimed, Journal
from ideogram_pipeline.generation.likeness import Likeness, compare
from ideogram_pipeline.generation.pacing import Place, Slots
from ideogram_pipeline.generation.provider import Provider
from ideogram_pipeline.generation.records import Records, Search

REPLAY_WINDOW = timedelta(hours=20)
"""How long a key is replayed. The provider honours it for 24 h; the rest is for its clock, queues
and our own slowness."""
STRAGGLING = timedelta(minutes=15)
"""How long a request that was sent at the end of that may be on its way to becoming a job; nothing
is proven absent before."""
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
"""Seconds between two tries of one request."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""How far in the future an intent may lie; more, and the clock was wrong then."""
UNKNOWN_TRIES = 6
"""Unknown outcomes of one attempt in a row, after which the next run goes on with it."""


class OutOfMoney(Exception):
    """The account cannot pay for this picture; nothing was charged for it."""


class Submitter:
    """Brings attempts from ``submitting`` to a known state."""

    def __init__(
        self,
        provider: Provider,
        journal: Journal,
        commit: GroupCommit,
        records: Records,
        slots: Slots,
        *,
        patience: float,
    ) -> None:
        self._provider = provider
        self._journal = journal
        self._commit = commit
        self._records = records
        self._slots = slots
        self._patience = patience
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Send nothing any more; requests that are out are still answered."""
        self._stopped.set()
        self._slots.stop()

    async def submit(self, attempt: Attempt, place: Place, *, send: bool = True) -> Attempt:
        """Send the attempt until its outcome is known.

        Args:
            attempt: In state ``submitting``.
            place: Its place among the jobs in flight.
            send: False only looks whether an attempt in doubt was accepted.

        Returns:
            The attempt as ``submitted``, ``rejected``, ``withdrawn``, ``absent`` or
            ``unresolved``; or still ``submitting`` when the provider gives no clear answer for
            long: its price stays reserved, and the next run goes on with it.

        Raises:
            OutOfMoney: The balance does not suffice.
            KeyRefused: The key may not; no other request will fare better.
            Unreachable: No connection could be made for longer than our patience.
        """
        unknowns = 0
        started = time.monotonic()
        wait = FIRST_WAIT
        while True:
            # A long pause comes before the look and the question of the window, not after them.
            await place.turn()
            if self._stopped.is_set():
                return await self._declined(attempt, "the run was stopped", schema.WITHDRAWN)
            if attempt.doubt:
                try:
                    attempt = await self._settle(attempt, place)
                except KeyRefused:
                    raise
                except ProviderError as error:
                    return await self._commit(
                        Journal.remark, attempt, f"no clear answer yet: {error}"
                    )
                if not self._may_replay(attempt):
                    return attempt
            if attempt.state != schema.SUBMITTING or not send:
                return attempt
            outcome = await self._provider.submit(
                attempt.body, idempotency_key=attempt.idempotency_key
            )
            if not isinstance(outcome, Accepted | Throttled | NotSent):
                place.passed()
            match outcome:
                case Accepted(job_id):
                    return await self._accept(attempt, place, job_id)
                case Conflict(message):
                    attempt = await self._find_conflicting(attempt, place, message)
                    unknowns += 1
                    if attempt.state != schema.SUBMITTING or unknowns == UNKNOWN_TRIES:
                        return attempt
                    await self._sleep(_jitter(wait))
                case Rejected(message):
                    return await self._declined(attempt, message, schema.REJECTED)
                case OutOfCredits(message):
                    await self._declined(attempt, message, schema.WITHDRAWN)
                    raise OutOfMoney(message)
                case Refused(message):
                    await self._declined(attempt, message, schema.WITHDRAWN)
                    raise KeyRefused(
                        f"The provider refuses the key in APIFRAME_API_KEY: {message}. Mend the "
                        "key and run again; pictures under way are not lost."
                    )
                case Throttled(retry_after):
                    pause = max(_jitter(wait), retry_after or 0.0)
                    if self._slots.refused_for + pause > self._patience:
                        reason = "the provider takes no more requests now (HTTP 429)"
                        return await self._declined(attempt, reason, schema.WITHDRAWN)
                    place.refused(pause)
                case NotSent(reason):
                    if time.monotonic() - started > self._patience:
                        await self._declined(attempt, reason, schema.WITHDRAWN)
                        raise Unreachable(f"The provider cannot be reached: {reason}.")
                    await self._sleep(_jitter(wait))
                case Unknown(reason, retry_after):
                    attempt = await self._commit(Journal.doubt, attempt, reason)
                    unknowns += 1
                    if unknowns == UNKNOWN_TRIES:
                        return attempt
                    # The server may still be at work on the request that we gave up on.
                    await self._sleep(max(_jitter(wait), retry_after or 0.0))
            wait = min(LONGEST_WAIT, wait * 2)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, or wake because nothing is to be sent any more."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    async def _accept(self, attempt: Attempt, place: Place, job_id: str) -> Attempt:
        """Take the job that the provider answers with."""
        try:
            return await self._bind(attempt, place, job_id)
        except AlreadyClaimed:
            reason = f"the provider answers with job {job_id}, which belongs to another picture"
            return await self._commit(Journal.close, attempt, schema.UNRESOLVED, reason)

    async def _bind(self, attempt: Attempt, place: Place, job_id: str) -> Attempt:
        place.accepted()
        return await self._commit(Journal.accept, attempt, job_id, now=self._provider.clock.now())

    def _may_replay(self, attempt: Attempt) -> bool:
        """Whether the provider still knows the key, so that sending it again buys nothing twice.

        By its clock and by ours: one of them may have been wrong when it was first sent.
        """
        age = self._provider.clock.now() - attempt.intended_at
        ours = datetime.now(UTC) - attempt.begun_at if attempt.begun_at else age
        return -CLOCKS_DIFFER < age < REPLAY_WINDOW and ours < REPLAY_WINDOW

    def _is_long_past(self, attempt: Attempt) -> bool:
        """Whether even the last replay is too old to become a job any more.

        By the provider's clock; by ours only where an intent lies in the provider's future, so
        that its clock was wrong then.
        """
        age = self._provider.clock.now() - attempt.intended_at
        if age <= -CLOCKS_DIFFER and attempt.begun_at:
            age = datetime.now(UTC) - attempt.begun_at
        return age > REPLAY_WINDOW + STRAGGLING

    async def _settle(self, attempt: Attempt, place: Place) -> Attempt:
        """Look for the job of an attempt in doubt, and adopt it.

        Returns:
            ``submitted`` if it is there. If not: ``submitting``, to be sent again with the same
            key, as long as the provider honours it; some time after that, ``absent`` if the
            records prove that there is none, else ``unresolved``.
        """
        search = await self._records.search(attempt)
        if candidate := self._candidate(attempt, search):
            try:
                return await self._bind(attempt, place, candidate.id)
            except AlreadyClaimed:
                # A twin was faster; the next look leaves it out.
                return await self._settle(attempt, place)
        if self._may_replay(attempt):
            return attempt
        if not self._is_long_past(attempt):
            return await self._commit(
                Journal.remark,
                attempt,
                f"sent at {attempt.intended_at:%Y-%m-%d %H:%M} UTC without an answer; the account "
                "has no such job so far, and a later run will know for certain",
            )
        if search.exhaustive and not attempt.conflicted:
            return await self._commit(
                Journal.close, attempt, schema.ABSENT, "not accepted: the account has no such job"
            )
        return await self._commit(
            Journal.close,
            attempt,
            schema.UNRESOLVED,
            f"sent at {attempt.intended_at:%Y-%m-%d %H:%M} UTC without an answer, and the "
            "account's records no longer tell whether a job was made",
        )

    def _candidate(self, attempt: Attempt, search: Search) -> Job | None:
        """The job that is this attempt's, as far as can be told."""
        if search.matches:
            return search.matches[0]
        if len(search.near) != 1 or self._could_be_anothers(attempt, search.near[0]):
            return None
        return search.near[0]

    def _could_be_anothers(self, attempt: Attempt, job: Job) -> bool:
        """Whether another attempt that may have been accepted has a request like this one's."""
        return any(
            compare(other.request, job.input) in (Likeness.SAME, Likeness.LIKE)
            for other in self._journal.of_unknown_outcome()
            if other.id != attempt.id
        )

    async def _declined(self, attempt: Attempt, message: str, state: str) -> Attempt:
        """Close an attempt that was declined, unless an earlier send of it is still in doubt."""
        if attempt.doubt:
            return await self._commit(Journal.remark, attempt, message)
        return await self._commit(Journal.close, attempt, state, message)

    async def _find_conflicting(self, attempt: Attempt, place: Place, message: str) -> Attempt:
        """Adopt the job that an earlier body under this key has made.

        Our keys are computed from the picture, so such a body asked for the same picture, with
        another address of its inputs: a journal was lost, or is kept on another machine. If
        several jobs could be meant, a person has to say which. If there is none, the provider may
        still be at work on an earlier request, and the attempt is in doubt.
        """
        attempt = await self._commit(Journal.conflict, attempt, message)
        try:
            search = await self._records.search(attempt)
        except KeyRefused:
            raise
        except ProviderError as error:
            return await self._commit(Journal.remark, attempt, f"no clear answer yet: {error}")
        several = len(search.matches) + len(search.near)
        if several > 1:
            return await self._commit(
                Journal.close,
                attempt,
                schema.UNRESOLVED,
                f"the provider has another request under this key ({message}); "
                f"{several} of the account's jobs could be the one",
            )
        if candidate := self._candidate(attempt, search):
            with contextlib.suppress(AlreadyClaimed):  # a twin was faster: as without that job
                return await self._bind(attempt, place, candidate.id)
        return attempt


def _jitter(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.0)
