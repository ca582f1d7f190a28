"""What only a person can decide: a picture that may be paid, or was paid and is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.errors import NotFound
from ideogram_pipeline.apiframe.model import Job
from ideogram_pipeline.apiframe.retrying import patiently
from ideogram_pipeline.errors import PipelineError
from ideogram_pipeline.generation import run_records, schema
from ideogram_pipeline.generation.account import provider_access
from ideogram_pipeline.generation.attempt import COLUMNS, Attempt
from ideogram_pipeline.generation.database import Database, open_journal
from ideogram_pipeline.generation.guarding import is_recovering, recovered, set_mark
from ideogram_pipeline.generation.journal import AlreadyClaimed, Journal
from ideogram_pipeline.generation.likeness import Likeness, compare
from ideogram_pipeline.settings import Settings

WAITING = (schema.UNRESOLVED, schema.EXPIRED)
"""States that no run leaves by itself."""


class CannotSettleError(PipelineError):
    """The answer does not fit the question; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Questions:
    """What waits for a person."""

    attempts: tuple[Attempt, ...]
    """Unresolved or expired, oldest first."""
    journal_lost: bool
    """The journal was lost, and the account has jobs that could not be told apart."""


def questions(settings: Settings) -> Questions:
    """List what waits for a person.

    Raises:
        StorageError: The journal cannot be read.
    """
    waiting = select(*COLUMNS).where(schema.attempts.c.state.in_(WAITING))
    with open_journal(settings) as database:
        with database.read() as connection:
            rows = connection.execute(waiting.order_by(schema.attempts.c.id))
            attempts = tuple(map(Attempt.from_row, rows))
        return Questions(attempts, is_recovering(database))


def was_accepted(settings: Settings, attempt_id: int, job_id: str) -> Attempt:
    """Say which job an unresolved attempt became; its charge is booked, and the next run fetches.

    Raises:
        CannotSettleError: There is no such attempt or job, the job belongs to another picture, or
            the provider says that it was made for something else.
        ConfigurationError: The key is of another team than the one that was asked for the picture.
        ProviderError: The provider is out of reach.
        StorageError: The journal cannot be written.
    """
    with _waiting(settings, attempt_id, schema.UNRESOLVED) as (database, journal, attempt):
        job = _job(settings, database, job_id)
        if compare(attempt.request, job.input) is Likeness.OTHER:
            raise CannotSettleError(
                f"Job {job_id} was made for another request (its seed is another one) than "
                f"attempt {attempt_id}. Nothing was changed."
            )
        try:
            accepted = journal.accept(attempt, job_id, now=job.created_at or attempt.intended_at)
        except AlreadyClaimed:
            raise CannotSettleError(
                f"Job {job_id} belongs to another picture already. Nothing was changed."
            ) from None
        set_mark(settings, database)
        return accepted


def was_not_accepted(settings: Settings, attempt_id: int) -> Attempt:
    """Say that an unresolved attempt never became a job, so that its picture may be bought.

    Raises:
        CannotSettleError: There is no such attempt.
        StorageError: The journal cannot be written.
    """
    with _waiting(settings, attempt_id, schema.UNRESOLVED) as (_, journal, attempt):
        return journal.close(attempt, schema.ABSENT, "never accepted, as a person has found")


def buy_again(settings: Settings, attempt_id: int) -> Attempt:
    """Let a picture be bought again that was paid and lost. What it has cost stays in the ledger.

    Raises:
        CannotSettleError: There is no such attempt.
        StorageError: The journal cannot be written.
    """
    with _waiting(settings, attempt_id, schema.EXPIRED) as (_, journal, attempt):
        return journal.release(attempt, "paid and lost; a person lets it be bought again")


def forget_lost_journal(settings: Settings) -> None:
    """Say that no job of the account that cannot be told apart is one of ours.

    Raises:
        CannotSettleError: The journal was not lost.
        StorageError: The journal cannot be written.
    """
    with open_journal(settings) as database:
        if not is_recovering(database):
            raise CannotSettleError("The journal is whole: there is nothing to forget.")
        recovered(database)


@contextmanager
def _waiting(
    settings: Settings, attempt_id: int, state: str
) -> Iterator[tuple[Database, Journal, Attempt]]:
    """Open the journal with the attempt that a person speaks of, which must be in ``state``."""
    with open_journal(settings) as database:
        journal = Journal(database, provider=settings.provider)
        attempt = journal.find(attempt_id)
        if attempt is None or attempt.state != state:
            found = "there is none" if attempt is None else f"it is {attempt.state}"
            raise CannotSettleError(
                f"Attempt {attempt_id} is not {state}: {found}. `ideogram-pipeline settle` lists "
                "what waits for a person. Nothing was changed."
            )
        yield database, journal, attempt


def _job(settings: Settings, database: Database, job_id: str) -> Job:
    async def ask() -> Job:
        async with ApiframeClient(base_url=access.base_url, api_key=access.api_key) as client:
            account = await patiently(client.account)
            run_records.bind_account(database, account.team_id)
            return await patiently(lambda: client.job(job_id))

    try:
        with provider_access(settings) as access:
            return asyncio.run(ask())
    except NotFound:
        raise CannotSettleError(
            f"The provider has no job {job_id} for this key. Nothing was changed."
        ) from None
