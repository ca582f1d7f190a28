"""Finding out whether a request of unknown outcome was accepted, by the account's own records.

The provider echoes what a job was asked for. Every request carries a seed of its own, so the job
of an attempt can be told from all others by comparing that echo with the bytes in the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from ideogram_pipeline.apiframe.errors import NotFound
from ideogram_pipeline.apiframe.model import INPUT_PARAMS, Job
from ideogram_pipeline.apiframe.retrying import patiently
from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.provider import Provider

REPLAY_WINDOW = timedelta(hours=20)
"""How long a key is replayed. The provider honours it for 24 h; the rest is for its clock, queues
and our own slowness."""
LOOK_BACK = timedelta(minutes=10)
"""How much earlier than the intent a job may be dated: two servers, two clocks."""

_ADDRESSES = frozenset(INPUT_PARAMS)


@dataclass(frozen=True, slots=True)
class Search:
    """What the account's records say about an attempt."""

    matches: tuple[Job, ...]
    """Jobs that no attempt has and whose request is this attempt's, oldest first."""
    near: tuple[Job, ...]
    """The same, but for the addresses of the inputs, oldest first: the provider may keep them
    under addresses of its own, or they were uploaded once more."""
    exhaustive: bool
    """The listing reached back past the intent and every candidate could be compared."""


class Records:
    """The account's jobs, as far as they had to be looked at."""

    def __init__(self, provider: Provider, journal: Journal) -> None:
        self._provider = provider
        self._journal = journal
        self._inputs: dict[str, Job | None] = {}
        self._one_at_a_time = asyncio.Lock()

    async def search(self, attempt: Attempt) -> Search:
        """Look for the job of ``attempt``: its body says for what, its intent how far back.

        Raises:
            ProviderError: The records cannot be read now.
        """
        async with self._one_at_a_time:
            since = attempt.intended_at - LOOK_BACK
            matches: list[Job] = []
            near: list[Job] = []
            exhaustive = True
            cursor: str | None = None
            while True:
                page = await patiently(partial(self._provider.newest_jobs, cursor))
                recent = [j for j in page.jobs if j.created_at is None or j.created_at >= since]
                claimed = self._journal.claimed_jobs([job.id for job in recent])
                for listed in recent:
                    if listed.id in claimed:
                        continue
                    job = await self._with_input(listed.id)
                    echoed = job.input if job else None
                    verdict = same_request(attempt.request, echoed, addresses=True)
                    if job and verdict:
                        matches.append(job)
                    elif job and same_request(attempt.request, echoed, addresses=False):
                        near.append(job)
                    exhaustive &= verdict is not None
                cursor = page.next_cursor
                if len(recent) < len(page.jobs):
                    break
                if not page.has_more or not cursor:
                    # The end of all records proves nothing if some of ours are missing from them.
                    exhaustive &= not self._journal.has_jobs_before(since)
                    break
            return Search(tuple(reversed(matches)), tuple(reversed(near)), exhaustive)

    async def _with_input(self, job_id: str) -> Job | None:
        if job_id not in self._inputs:
            try:
                self._inputs[job_id] = await patiently(partial(self._provider.job, job_id))
            except NotFound:
                self._inputs[job_id] = None
        return self._inputs[job_id]


def same_request(
    sent: Mapping[str, Any], echoed: Mapping[str, Any] | None, *, addresses: bool
) -> bool | None:
    """Compare a submitted body with a job's ``input``.

    The echo may be the body itself or flattened, and may hold more; what it holds of ours must be
    equal, and prompt and seed must be there.

    Returns:
        Whether they are the same; ``None`` if that cannot be told: the echo lacks what is needed,
        or has our seed and differs in something else, as when the provider keeps the inputs under
        addresses of its own. Nothing may be bought again on the strength of such a difference.
    """
    if not echoed:
        return None
    ours, theirs = dict(_leaves(sent)), dict(_leaves(echoed))
    if "seed" not in theirs or "prompt" not in theirs:
        return None
    if not _equal(theirs["seed"], ours["seed"]):
        return False
    ignored = frozenset[str]() if addresses else _ADDRESSES
    compared = [name for name in ours if name in theirs and name not in ignored]
    return all(_equal(theirs[name], ours[name]) for name in compared) or None


def _equal(theirs: object, ours: object) -> bool:
    return theirs == ours or str(theirs) == str(ours)


def _leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values, inner levels first, so that the outer one wins in a dict."""
    for value in tree.values():
        if isinstance(value, Mapping):
            yield from _leaves(value)
    for name, value in tree.items():
        if not isinstance(value, Mapping):
            yield name, value
