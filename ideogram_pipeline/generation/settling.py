"""Finding out whether a request of unknown outcome was accepted, by the account's own records.

The provider echoes what a job was asked for. Every request carries a seed of its own, so the job
of an attempt can be told from all others by comparing that echo with the bytes in the journal.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import partial
from typing import Any

from ideogram_pipeline.apiframe.clock import ProviderClock
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
LOOK_BACK_UNTOLD = timedelta(hours=26)
"""The same where the provider's answers carry no time, and the intent has that of this machine."""


class Likeness(Enum):
    """How a job's echoed input compares with the bytes that we sent."""

    SAME = "same"
    """Prompt, seed and all else that is echoed are equal, the addresses of the inputs too."""
    LIKE = "like"
    """Nothing that is echoed contradicts ours. The provider may keep the inputs under addresses
    of its own, write words in another case, or leave out what it likes, but not the prompt."""
    UNCLEAR = "unclear"
    """It cannot be told: too little is echoed, or our seed beside something that is not ours.
    Nothing may be bought again on the strength of this."""
    OTHER = "other"
    """Another seed: somebody asked for something else."""


@dataclass(frozen=True, slots=True)
class Search:
    """What the account's records say about an attempt."""

    matches: tuple[Job, ...]
    """Jobs that no attempt has and whose request is the ``SAME``, oldest first."""
    near: tuple[Job, ...]
    """Such jobs whose request is ``LIKE`` ours, oldest first."""
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
            since = attempt.intended_at - look_back(self._provider.clock)
            found: dict[Likeness, list[Job]] = {likeness: [] for likeness in Likeness}
            exhaustive = True
            cursor: str | None = None
            while True:
                page = await patiently(partial(self._provider.newest_jobs, cursor))
                recent = [j for j in page.jobs if j.created_at is None or j.created_at >= since]
                claimed = self._journal.claimed_jobs([job.id for job in recent])
                for listed in recent:
                    if listed.id not in claimed:
                        job = await self.with_input(listed.id)
                        echoed = job.input if job else None
                        found[compare(attempt.request, echoed)].append(job or listed)
                cursor = page.next_cursor
                if len(recent) < len(page.jobs):
                    break
                if not page.has_more or not cursor:
                    # The end of all records proves nothing if some of ours are missing from them.
                    exhaustive = not self._journal.has_jobs_before(since)
                    break
            return Search(
                matches=tuple(reversed(found[Likeness.SAME])),
                near=tuple(reversed(found[Likeness.LIKE])),
                exhaustive=exhaustive and not found[Likeness.UNCLEAR] and not found[Likeness.LIKE],
            )

    async def with_input(self, job_id: str) -> Job | None:
        """A listed job with what was asked of it; ``None`` if the record is gone.

        Raises:
            ProviderError: The record cannot be read now.
        """
        if job_id not in self._inputs:
            try:
                self._inputs[job_id] = await patiently(partial(self._provider.job, job_id))
            except NotFound:
                self._inputs[job_id] = None
        return self._inputs[job_id]


def look_back(clock: ProviderClock) -> timedelta:
    """How much earlier than its intent a job of ours may be dated."""
    return LOOK_BACK if clock.is_told else LOOK_BACK_UNTOLD


def compare(sent: Mapping[str, Any], echoed: Mapping[str, Any] | None) -> Likeness:
    """Compare a submitted body with a job's ``input``.

    The echo may be the body itself or flattened, and may hold more.
    """
    ours, theirs = dict(_leaves(sent)), dict(_leaves(echoed or {}))
    common = {name: (theirs[name], ours[name]) for name in ours if name in theirs}
    if "seed" in common and not _equal(*common["seed"]):
        return Likeness.OTHER
    if "prompt" not in common:
        return Likeness.UNCLEAR
    if "seed" in common and all(_equal(*pair) for pair in common.values()):
        return Likeness.SAME
    said = (pair for name, pair in common.items() if name not in INPUT_PARAMS)
    if all(_equal(*map(_plain, pair)) for pair in said):
        return Likeness.LIKE
    return Likeness.UNCLEAR


def _equal(theirs: object, ours: object) -> bool:
    return theirs == ours or str(theirs) == str(ours)


def _plain(value: object) -> object:
    """A text without what a server may change in it: case, spaces, composition of letters."""
    if not isinstance(value, str):
        return value
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split())


def _leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values, inner levels first, so that the outer one wins in a dict."""
    for value in tree.values():
        if isinstance(value, Mapping):
            yield from _leaves(value)
    for name, value in tree.items():
        if not isinstance(value, Mapping):
            yield name, value
