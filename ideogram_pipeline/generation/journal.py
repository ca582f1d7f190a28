"""The journal: every step of every paid image, on disk before its effect is relied on.

Each method is one transaction. An attempt is changed only by the run that owns it, and only from
the state that the run believes it to be in; otherwise ``ClaimLost`` tells the caller to let go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, union, update
from sqlalchemy.exc import IntegrityError

from ideogram_pipeline.apiframe.model import Job
from ideogram_pipeline.generation import booking, schema
from ideogram_pipeline.generation.attempt import COLUMNS, Attempt, StoredImage
from ideogram_pipeline.generation.database import Transactions, UnderWay
from ideogram_pipeline.generation.earlier import Earlier, look_back
from ideogram_pipeline.generation.limits import (
    Balance,
    Limits,
    OverBudget,
    over_balance,
    over_budget,
    over_run_limit,
)
from ideogram_pipeline.generation.prepared import Prepared
from ideogram_pipeline.generation.times import now_text, to_text
from ideogram_pipeline.generation.totals import Moment
from ideogram_pipeline.planning.model import PlannedImage

_attempts = schema.attempts

# Made once: to put a statement together costs several times what it costs to run it. Which columns
# it sets, SQLAlchemy takes from the values that come with it.
_INSERT = Prepared(insert(_attempts).returning(*COLUMNS))
_READ = Prepared(select(*COLUMNS).where(_attempts.c.id == bindparam("of_id")))
_MOVE = Prepared(
    update(_attempts)
    .where(
        _attempts.c.id == bindparam("of_id"),
        _attempts.c.owner == bindparam("of_owner"),
        _attempts.c.epoch == bindparam("of_epoch"),
        _attempts.c.state == bindparam("in_state"),
    )
    .returning(*COLUMNS)
)

Write = Callable[[], AbstractContextManager[Connection]]
"""Opens a transaction of the journal."""


class ClaimLost(Exception):
    """Another run owns this attempt now, or has moved it on; nothing was written."""


class AlreadyClaimed(Exception):
    """The job belongs to another attempt of this journal; nothing was written."""


@dataclass(frozen=True, slots=True)
class Busy:
    """The picture needs no further attempt, or may have none.

    It is bought, another run is at it, it was paid and lost, or its content was refused.
    """

    attempt: Attempt


class Journal:
    """What was intended, sent, paid and stored, one row an attempt."""

    def __init__(self, database: Transactions, *, provider: str) -> None:
        self._db = database
        self._provider = provider

    @contextmanager
    def transaction(self, write: Write | None = None) -> Iterator[Journal]:
        """This journal with all that is done in the block in one transaction.

        Args:
            write: Opens the transaction, if it is to be more than one of the database.
        """
        with (write or self._db.write)() as connection:
            yield Journal(UnderWay(connection), provider=self._provider)

    def begin(
        self,
        planned: PlannedImage,
        body: bytes,
        *,
        run_id: str,
        now: datetime,
        limits: Limits,
        balance: Balance | None,
    ) -> Attempt | Busy | OverBudget:
        """Write down the intent to buy one picture and reserve its price, before anything is sent.

        Args:
            planned: The picture.
            body: The exact bytes that will be sent, now and in every repetition.
            run_id: The run that buys and owns it.
            now: The provider's time.
            limits: Checked in the same transaction, with all that other runs have reserved.
            balance: The newest known balance, for the floor.
        """
        with self._db.write() as connection:
            earlier = look_back(connection, planned)
            if earlier.sufficient is not None:
                return Busy(_read(connection, earlier.sufficient))
            over = over_budget(
                connection, planned, run_id=run_id, now=now, limits=limits, balance=balance
            )
            if over:
                return over
            return self._insert(
                connection,
                earlier,
                planned,
                body,
                run_id=run_id,
                state=schema.SUBMITTING,
                intended_at=now,
                begun_at=now_text(),
            )

    def adopt(
        self, planned: PlannedImage, body: bytes, job: Job, *, run_id: str, now: datetime
    ) -> Attempt | Busy:
        """Take a job of the account that no attempt has for the job of ``planned``.

        It was paid already, so no limit is asked; its charge is booked. Any run may take it over.

        Args:
            planned: The picture.
            body: What the job was asked for, as far as that is known.
            job: The provider's record.
            run_id: The run to which the charge is booked.
            now: The provider's time, for a job without a date.

        Raises:
            AlreadyClaimed: Another attempt has this job.
        """
        with self._db.write() as connection:
            earlier = look_back(connection, planned)
            if earlier.sufficient is not None:
                return Busy(_read(connection, earlier.sufficient))
            created_at = job.created_at or now
            try:
                adopted = self._insert(
                    connection,
                    earlier,
                    planned,
                    body,
                    run_id=run_id,
                    state=schema.SUBMITTED,
                    owner=schema.NOBODY,
                    intended_at=created_at,
                    submitted_at=to_text(created_at),
                    job_id=job.id,
                )
            except IntegrityError:
                raise AlreadyClaimed(job.id) from None
            booking.book_charge(connection, adopted, note="adopted")
            return adopted

    def doubt(self, attempt: Attempt, reason: str) -> Attempt:
        """Note that the request may have been accepted although no readable answer came."""
        return self._move(attempt, attempt.state, doubt=1, error=reason)

    def conflict(self, attempt: Attempt, reason: str) -> Attempt:
        """Note that there is, or was, a job under this key: it will never be proven absent."""
        return self._move(attempt, attempt.state, doubt=1, conflicted=1, error=reason)

    def accept(self, attempt: Attempt, job_id: str, *, now: datetime) -> Attempt:
        """Bind the provider's job and book its charge.

        Raises:
            AlreadyClaimed: Another attempt has this job.
        """
        with self._db.write() as connection:
            try:
                moved = self._move_in(
                    connection,
                    attempt,
                    schema.SUBMITTED,
                    job_id=job_id,
                    submitted_at=to_text(now),
                    doubt=0,
                    error=None,
                )
            except IntegrityError:
                raise AlreadyClaimed(job_id) from None
            booking.book_charge(connection, moved)
            return moved

    def complete(self, attempt: Attempt, job: Job, *, now: datetime) -> Attempt:
        """Note that the picture was made, and correct the charge where the provider says so."""
        with self._db.write() as connection:
            booking.book_completion(connection, attempt, job)
            return self._move_in(
                connection,
                attempt,
                schema.COMPLETED,
                completed_at=to_text(job.completed_at or now),
            )

    def fail(self, attempt: Attempt, job: Job, *, now: datetime, retriable: bool) -> Attempt:
        """Note that the job ended without a picture, and book the refund."""
        with self._db.write() as connection:
            booking.book_failure(connection, attempt, job)
            return self._move_in(
                connection,
                attempt,
                schema.FAILED,
                completed_at=to_text(job.completed_at or now),
                error=job.error or f"the provider reports {job.status}",
                retriable=int(retriable),
            )

    def note_content(self, attempt: Attempt, sha256: str) -> Attempt:
        """Note the hash of the whole and checked file, before it is moved to its place."""
        return self._move(attempt, attempt.state, sha256=sha256)

    def resend(
        self, attempt: Attempt, run_id: str, *, limits: Limits, balance: Balance | None
    ) -> Attempt | OverBudget:
        """Let ``run_id`` send once more what an earlier run may have sent in vain.

        Its price counts in that run from now on, and already does if that run goes on with the one
        that reserved it. The character's budget has reserved it since its intent, and what is
        reserved must be left in the balance.
        """
        price = 0 if attempt.run_id in limits.goes_on_with else attempt.credits
        with self._db.write() as connection:
            over = over_run_limit(connection, price, run_id=run_id, limits=limits) or over_balance(
                connection, 0, limits=limits, balance=balance
            )
            return over or self._move_in(connection, attempt, attempt.state, run_id=run_id)

    def store(self, attempt: Attempt, image: StoredImage) -> Attempt:
        """Note that the file is whole, checked and in its place."""
        return self._move(
            attempt,
            schema.STORED,
            stored_at=now_text(),
            path=image.path,
            sha256=image.sha256,
            bytes=image.bytes,
            width=image.width,
            height=image.height,
            format=image.format,
            error=None,
        )

    def close(self, attempt: Attempt, state: str, reason: str) -> Attempt:
        """End an attempt without a picture, with the reason that people will read.

        Args:
            attempt: Ours, and still open.
            state: ``rejected`` or ``withdrawn``: declined, nothing was charged; ``absent``: proven
                never to have been accepted; ``expired``: paid, and gone at the provider;
                ``unresolved``: neither found nor ruled out, so that a person must look, and it is
                never bought again by itself.
            reason: What happened.
        """
        return self._move(attempt, state, error=reason)

    def release(self, attempt: Attempt, reason: str) -> Attempt:
        """Let a picture that was paid and lost be bought again, because a person says so."""
        return self._move(attempt, schema.FAILED, error=reason, retriable=1)

    def reopen(self, attempt: Attempt, reason: str) -> Attempt:
        """Have the file of a picture fetched once more, by whichever run comes next; it is paid."""
        return self._move(
            attempt, schema.COMPLETED, owner=schema.NOBODY, epoch=attempt.epoch + 1, error=reason
        )

    def remark(self, attempt: Attempt, reason: str) -> Attempt:
        """Keep the newest trouble with an attempt that stays as it is."""
        return self._move(attempt, attempt.state, error=reason)

    def take_over(self, run_id: str, is_alive: Callable[[str], bool]) -> list[Attempt]:
        """Claim every open attempt whose owner is dead, those nearest to expiry first.

        What was being submitted is in doubt from now on: its owner may have died between the
        provider's acceptance and the answer.
        """
        with self._db.write() as connection:
            of_open = _attempts.c.state.in_(schema.OPEN)
            running = schema.runs.c.status == "running"
            known = union(
                select(_attempts.c.owner).where(of_open),
                select(schema.runs.c.run_id).where(running),
            )
            dead = [
                owner
                for owner in connection.scalars(known)
                if owner != run_id and not is_alive(owner)
            ]
            connection.execute(
                update(schema.runs)
                .where(running, schema.runs.c.run_id.in_(dead))
                .values(status="interrupted")
            )
            claimed = connection.execute(
                update(_attempts)
                .where(of_open, _attempts.c.owner.in_(dead))
                .values(
                    owner=run_id,
                    epoch=_attempts.c.epoch + 1,
                    doubt=or_(_attempts.c.doubt, _attempts.c.state == schema.SUBMITTING),
                )
                .returning(*COLUMNS)
            )
            return sorted(map(Attempt.from_row, claimed), key=lambda attempt: attempt.intended_at)

    def get(self, attempt_id: int) -> Attempt:
        """Read an attempt, which there is, as it is now."""
        found = self.find(attempt_id)
        assert found is not None
        return found

    def find(self, attempt_id: int) -> Attempt | None:
        """Read an attempt as it is now, if there is such a one."""
        with self._db.read() as connection:
            rows = _READ.rows(connection, {"of_id": attempt_id})
            return Attempt.from_row(rows[0]) if rows else None

    def moment(self) -> Moment:
        """This moment, see ``Balance``."""
        with self._db.read() as connection:
            newest = connection.scalar(select(func.max(_attempts.c.id))) or 0
            of_submitting = _attempts.c.state == schema.SUBMITTING
            submitting = connection.scalars(select(_attempts.c.id).where(of_submitting))
            return Moment(newest, frozenset(submitting))

    def has_open_attempts(self) -> bool:
        """Whether any run has left, or is at, work that is not finished."""
        with self._db.read() as connection:
            of_open = _attempts.c.state.in_(schema.OPEN)
            return connection.scalar(select(_attempts.c.id).where(of_open).limit(1)) is not None

    def attempts_in_run(self, fingerprint: str, run_id: str) -> int:
        """How many attempts this run has made at one picture."""
        with self._db.read() as connection:
            of_run = and_(_attempts.c.fingerprint == fingerprint, _attempts.c.run_id == run_id)
            return connection.scalar(select(func.count()).where(of_run)) or 0

    def claimed_jobs(self, job_ids: Collection[str]) -> set[str]:
        """Those of ``job_ids`` that an attempt already has."""
        with self._db.read() as connection:
            found = connection.scalars(
                select(_attempts.c.job_id).where(_attempts.c.job_id.in_(job_ids))
            )
            return {job_id for job_id in found if job_id}

    def of_unknown_outcome(self) -> list[Attempt]:
        """Every attempt that may have been accepted without our knowing, oldest first.

        Read after the account was listed, it covers each listed job of ours that no attempt has:
        an intent is older than its job.
        """
        of_unknown = _attempts.c.state.in_(schema.UNKNOWN)
        unknown = select(*COLUMNS).where(of_unknown).order_by(_attempts.c.id)
        with self._db.read() as connection:
            return list(map(Attempt.from_row, connection.execute(unknown)))

    def jobs_since(self, moment: datetime) -> set[str]:
        """The jobs of ours that were accepted at ``moment`` or later, by the provider's clock."""
        later = _attempts.c.submitted_at >= to_text(moment)
        with self._db.read() as connection:
            found = connection.scalars(select(_attempts.c.job_id).where(later))
            return {job_id for job_id in found if job_id}

    def has_jobs_before(self, moment: datetime) -> bool:
        """Whether a job of ours was accepted before ``moment``, by the provider's clock."""
        earlier = _attempts.c.submitted_at < to_text(moment)
        with self._db.read() as connection:
            return connection.scalar(select(_attempts.c.id).where(earlier).limit(1)) is not None

    def _insert(
        self,
        connection: Connection,
        earlier: Earlier,
        planned: PlannedImage,
        body: bytes,
        *,
        run_id: str,
        intended_at: datetime,
        **values: object,
    ) -> Attempt:
        of_planned = {
            "fingerprint": planned.fingerprint,
            "number": earlier.number,
            "idempotency_key": earlier.key,
            "owner": run_id,
            "run_id": run_id,
            "provider": self._provider,
            "character_id": planned.character_id,
            "prompt_id": planned.prompt_id,
            "variation": planned.variation,
            "edition": planned.edition,
            "rendering_speed": planned.rendering_speed,
            "seed": planned.seed,
            "credits": planned.credits,
            "body": body,
            "reference_sha256": planned.reference.sha256,
            "image_sha256": planned.image.sha256 if planned.image else None,
            "mask_sha256": planned.mask.sha256 if planned.mask else None,
            "intended_at": to_text(intended_at),
        }
        return Attempt.from_row(_INSERT.rows(connection, of_planned | values)[0])

    def _move(self, attempt: Attempt, state: str, **values: object) -> Attempt:
        with self._db.write() as connection:
            return self._move_in(connection, attempt, state, **values)

    def _move_in(
        self, connection: Connection, attempt: Attempt, state: str, **values: object
    ) -> Attempt:
        claim = {
            "of_id": attempt.id,
            "of_owner": attempt.owner,
            "of_epoch": attempt.epoch,
            "in_state": attempt.state,
        }
        rows = _MOVE.rows(connection, claim | {"state": state} | values)
        if not rows:
            raise ClaimLost(f"attempt {attempt.id} is no longer ours in state {attempt.state}")
        return Attempt.from_row(rows[0])


def _read(connection: Connection, attempt_id: int) -> Attempt:
    return Attempt.from_row(_READ.rows(connection, {"of_id": attempt_id})[0])
