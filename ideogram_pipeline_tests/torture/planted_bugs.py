"""Eight bugs that a program like this may have, planted from outside into a running process.

Each function changes one behaviour of the product, in the process that calls it and for as long
as that lives.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import UniqueConstraint

from ideogram_pipeline.apiframe import answers
from ideogram_pipeline.apiframe.answers import Answer
from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.model import Job, NotSent
from ideogram_pipeline.generation import filing, schema
from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.filing import Filed, Filing
from ideogram_pipeline.generation.group_commit import GroupCommit
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.records import Records, Search
from ideogram_pipeline.generation.submitting import Submitter


def no_listing() -> None:
    """What is in doubt is sent again without a look at the account's jobs."""

    async def search(_self: Records, _attempt: Attempt) -> Search:
        return Search(matches=(), near=(), exhaustive=False)

    _replace(Records, "search", lambda _original: search)


def no_age_check() -> None:
    """A key is replayed at any age, although the provider forgets it after a day."""
    _replace(Submitter, "_may_replay", lambda _original: lambda _self, _attempt: True)


def new_key_per_try() -> None:
    """Every request carries a key of its own."""

    def planted(submit: Callable[..., Any]) -> Callable[..., Any]:
        async def send(client: ApiframeClient, body: bytes, *, idempotency_key: str) -> Any:
            key = f"{idempotency_key}-{secrets.token_hex(4)}"
            return await submit(client, body, idempotency_key=key)

        return send

    _replace(ApiframeClient, "submit", planted)


def server_error_is_not_sent() -> None:
    """A 5xx is taken for proof that nothing was accepted."""

    def planted(outcome: Callable[..., Any]) -> Callable[..., Any]:
        def read(exchange: Any) -> Any:
            if isinstance(exchange, Answer) and exchange.status >= 500:
                return NotSent(exchange.message)
            return outcome(exchange)

        return read

    _replace(answers, "outcome", planted)


def download_not_synced() -> None:
    """The content of a picture is left to the page cache; folders are synced as before."""
    _replace(filing, "sync", lambda sync: lambda path: sync(path) if path.is_dir() else None)


def stored_before_rename() -> None:
    """The journal says ``stored``, and then the file is moved to its place."""
    moves: dict[Path, Callable[[], Filed]] = {}

    def postponed(move: Callable[[Filing], Filed]) -> Callable[[Filing], Filed]:
        def note(wanted: Filing) -> Filed:
            moves[wanted.usual] = partial(move, wanted)
            return Filed(wanted.usual, wanted.part.stat().st_size)

        return note

    def first(commit: Callable[..., Any]) -> Callable[..., Any]:
        async def commit_and_move(
            group: GroupCommit, transition: Callable[..., Any], *args: Any, **more: Any
        ) -> Any:
            committed = await commit(group, transition, *args, **more)
            if transition is Journal.store:
                _, image = args
                moves.pop(next(target for target in moves if target.match(image.path)))()
            return committed

        return commit_and_move

    _replace(filing, "_move", postponed)
    _replace(GroupCommit, "__call__", first)


def refund_ignored() -> None:
    """A failed job stays booked at its full price."""

    def planted(fail: Callable[..., Attempt]) -> Callable[..., Attempt]:
        def keep(journal: Journal, attempt: Attempt, job: Job, **facts: Any) -> Attempt:
            kept = dataclasses.replace(job, credit_cost=attempt.credits)
            return fail(journal, attempt, kept, **facts)

        return keep

    _replace(Journal, "fail", planted)


def adoption_without_constraint() -> None:
    """A job may be adopted that another attempt has: nobody looks, and no unique index objects."""
    _replace(Journal, "claimed_jobs", lambda _original: lambda _self, _job_ids: set())
    (constraint,) = (
        constraint
        for constraint in schema.attempts.constraints
        if isinstance(constraint, UniqueConstraint) and constraint.columns.keys() == ["job_id"]
    )
    schema.attempts.constraints.remove(constraint)


def _replace(home: Any, name: str, make: Callable[[Any], Any]) -> None:
    setattr(home, name, make(getattr(home, name)))
