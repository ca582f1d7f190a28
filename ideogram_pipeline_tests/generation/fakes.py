"""A provider that answers by script, a clock that is set by hand, and a journal without a run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ideogram_pipeline.apiframe.errors import NotFound
from ideogram_pipeline.apiframe.model import (
    MODEL,
    Accepted,
    Account,
    Job,
    JobPage,
    SubmitOutcome,
    Upload,
)
from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.batching import Batches
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.filing import Filed, Filing, filing_by
from ideogram_pipeline.generation.group_commit import GroupCommit
from ideogram_pipeline.generation.journal import Busy, Journal
from ideogram_pipeline.generation.limits import Balance, Limits, OverBudget
from ideogram_pipeline.planning.identity import request_body
from ideogram_pipeline.planning.model import PlannedImage
from ideogram_pipeline_tests.planning.rows import character, one, picture, prompt

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
NO_LIMITS = Limits()


def image(number: int = 1, who: str = "ann", **values: Any) -> PlannedImage:
    """A planned image of 15 credits."""
    row = prompt(prompt_id=f"{who}-{number}", character_id=who, **values)
    return one(row, character(character_id=who, reference=picture(who)))


def body_of(planned: PlannedImage, host: str = "https://cdn") -> bytes:
    """Its request, with inputs at ``host``."""
    return request_body(planned, {planned.reference.sha256: f"{host}/{planned.character_id}.png"})


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """A journal in ``folder``."""
    database = Database(folder / "journal.sqlite")
    try:
        yield Journal(database, provider="sandbox")
    finally:
        database.close()


def group_commit(journal: Journal) -> GroupCommit:
    """One that guards nothing."""
    return GroupCommit(journal.transaction, of_intents=journal.transaction)


@asynccontextmanager
async def filing_desk() -> AsyncIterator[Batches[Filing, Filed]]:
    """What files, in a thread of its own."""
    with ThreadPoolExecutor(1) as disk:
        async with filing_by(disk) as filing:
            yield filing


def try_begin(
    journal: Journal,
    planned: PlannedImage,
    *,
    run_id: str = "run-1",
    now: datetime = NOW,
    limits: Limits = NO_LIMITS,
    balance: Balance | None = None,
    body: bytes | None = None,
) -> Attempt | Busy | OverBudget:
    """Write down an intent."""
    return journal.begin(
        planned, body or body_of(planned), run_id=run_id, now=now, limits=limits, balance=balance
    )


def begin(journal: Journal, planned: PlannedImage | None = None, **terms: Any) -> Attempt:
    """Write down an intent that nothing speaks against."""
    begun = try_begin(journal, planned or image(), **terms)
    assert isinstance(begun, Attempt), begun
    return begun


def job_of(attempt: Attempt, job_id: str = "job-1", **values: Any) -> Job:
    """The provider's record of an attempt."""
    given: dict[str, Any] = {
        "id": job_id,
        "status": "COMPLETED",
        "model": MODEL,
        "created_at": attempt.intended_at,
        "completed_at": attempt.intended_at,
        "input": json.loads(attempt.body),
        "raw": {"id": job_id},
    }
    return Job(**(given | values))


@dataclass
class Clock:
    """The provider's clock."""

    moment: datetime = NOW
    is_told: bool = True

    def now(self) -> datetime:
        return self.moment

    def pass_hours(self, hours: float) -> None:
        self.moment += timedelta(hours=hours)


@dataclass
class ScriptedProvider:
    """Answers in the order of its script; the last answer again and again.

    An answer may be an exception, which is raised, or a function, which is called.
    """

    outcomes: list[Any] = field(default_factory=list)
    """Of submits."""
    pages: list[Any] = field(default_factory=list)
    """Of the list of jobs; by default one page with all of ``jobs``."""
    jobs: dict[str, Any] = field(default_factory=dict)
    """By id: a job, or a list of answers about it."""
    clock: Clock = field(default_factory=Clock)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    """Every request, as its kind and what it was about."""
    most_at_once: int = 0
    _at_once: int = 0

    @property
    def submits(self) -> list[tuple[bytes, str]]:
        """Body and key of each submit."""
        return [about for kind, about in self.asked if kind == "submit"]

    @property
    def kinds(self) -> list[str]:
        """The kinds of all requests."""
        return [kind for kind, _ in self.asked]

    async def submit(self, attempt_body: bytes, *, idempotency_key: str) -> SubmitOutcome:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.asked.append(("submit", (attempt_body, idempotency_key)))
        await asyncio.sleep(0)
        self._at_once -= 1
        outcome: SubmitOutcome = _answer(self.outcomes)
        return outcome

    async def job(self, job_id: str) -> Job:
        self.asked.append(("job", job_id))
        found = self.jobs.get(job_id) or NotFound("no such job")
        answer: Job = _answer(found if isinstance(found, list) else [found])
        return answer

    async def newest_jobs(self, cursor: str | None = None, *, status: str | None = None) -> JobPage:
        self.asked.append(("list", status or cursor))
        if self.pages:
            answer: JobPage = _answer(self.pages)
            return answer
        jobs = [_answer(j if isinstance(j, list) else [j]) for j in self.jobs.values()]
        listed = (job for job in reversed(jobs) if status in (None, job.status))
        return page(*(replace(job, input=None) for job in listed))

    async def account(self) -> Account:
        self.asked.append(("account", None))
        return Account(1000, None, None, None)

    async def upload(self, content: bytes, *, filename: str, content_type: str) -> Upload:
        self.asked.append(("upload", filename))
        return Upload(f"https://cdn/{filename}", None)


def page(*jobs: Job, cursor: str | None = None) -> JobPage:
    """A page of the list; with a cursor, not the last."""
    return JobPage(jobs, cursor, cursor is not None)


def accepted(job_id: str = "job-1") -> Accepted:
    """The good outcome."""
    return Accepted(job_id)


def _answer(script: list[Any]) -> Any:
    answer = script.pop(0) if len(script) > 1 else script[0]
    if isinstance(answer, Exception):
        raise answer
    return answer() if callable(answer) else answer
