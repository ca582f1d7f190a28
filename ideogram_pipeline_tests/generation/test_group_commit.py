"""Many tasks, one transaction: nobody goes on before the disk has it, nobody takes another down."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.group_commit import GroupCommit
from ideogram_pipeline.generation.journal import AlreadyClaimed, Busy, ClaimLost, Journal
from ideogram_pipeline.generation.limits import OverBudget
from ideogram_pipeline_tests.generation.fakes import (
    NO_LIMITS,
    NOW,
    begin,
    body_of,
    image,
    open_journal,
)


@dataclass
class Desk:
    """A group that can be held up before its next commit, and what it has done."""

    journal: Journal
    commits: list[str] = field(default_factory=list)
    mark_error: Exception | None = None
    goes_on: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def transaction(self) -> Iterator[Journal]:
        self.goes_on.wait(10)
        with self.journal.transaction() as journal:
            yield journal
        self.commits.append("facts")

    @contextmanager
    def of_intents(self) -> Iterator[Journal]:
        self.goes_on.wait(10)
        with self.journal.transaction() as journal:
            yield journal
        if self.mark_error:
            raise self.mark_error
        self.commits.append("intents")

    def run(self, work: Callable[[GroupCommit], Coroutine[Any, Any, None]]) -> None:
        """Work with a group, held up until ``goes_on`` is set."""

        async def main() -> None:
            async with GroupCommit(self.transaction, of_intents=self.of_intents) as commit:
                await work(commit)

        asyncio.run(main())

    def state(self, attempt: Attempt) -> str:
        return self.journal.get(attempt.id).state


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_journal(tmp_path) as journal:
        yield Desk(journal)


def intend(commit: GroupCommit, number: int) -> Coroutine[Any, Any, Attempt | Busy | OverBudget]:
    planned = image(number)
    return commit(
        Journal.begin,
        planned,
        body_of(planned),
        run_id="run-1",
        now=NOW,
        limits=NO_LIMITS,
        balance=None,
    )


async def together(*writes: Coroutine[Any, Any, Any]) -> list[Any]:
    """Ask for all of them before the first is written; what each gives or raises."""
    return await asyncio.gather(*writes, return_exceptions=True)


async def a_moment() -> None:
    """Let every task come to where it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_those_who_come_together_share_a_commit_and_each_gets_its_own(desk: Desk) -> None:
    desk.goes_on.set()

    async def work(commit: GroupCommit) -> None:
        begun = await together(*(intend(commit, number) for number in range(1, 6)))
        assert desk.commits == ["intents"]
        assert [attempt.prompt_id for attempt in begun] == [f"ann-{n}" for n in range(1, 6)]
        accepted = await together(
            *(commit(Journal.accept, a, f"job-{a.id}", now=NOW) for a in begun)
        )
        assert desk.commits == ["intents", "facts"]
        assert [attempt.job_id for attempt in accepted] == [f"job-{a.id}" for a in begun]

    desk.run(work)


def test_who_comes_during_a_commit_shares_the_next(desk: Desk) -> None:
    async def work(commit: GroupCommit) -> None:
        first = asyncio.create_task(intend(commit, 1))
        await a_moment()
        later = [asyncio.create_task(intend(commit, number)) for number in (2, 3)]
        await a_moment()
        desk.goes_on.set()
        await asyncio.gather(first, *later)
        assert desk.commits == ["intents", "intents"]

    desk.run(work)


def test_two_intents_for_one_picture_in_one_group_are_one_attempt(desk: Desk) -> None:
    desk.goes_on.set()

    async def work(commit: GroupCommit) -> None:
        first, second = await together(intend(commit, 1), intend(commit, 1))
        assert isinstance(first, Attempt)
        assert second == Busy(first)

    desk.run(work)


def test_who_has_lost_a_claim_takes_nobody_along(desk: Desk) -> None:
    desk.goes_on.set()
    lost, kept, doubled = (begin(desk.journal, image(number)) for number in (1, 2, 3))
    desk.journal.accept(begin(desk.journal, image(4)), "job-4", now=NOW)
    desk.journal.close(lost, "withdrawn", "by another run")

    async def work(commit: GroupCommit) -> None:
        results = await together(
            commit(Journal.accept, lost, "job-1", now=NOW),
            commit(Journal.accept, kept, "job-2", now=NOW),
            commit(Journal.accept, doubled, "job-4", now=NOW),
        )
        assert [type(result) for result in results] == [ClaimLost, Attempt, AlreadyClaimed]

    desk.run(work)
    assert [desk.state(a) for a in (lost, kept, doubled)] == [
        "withdrawn",
        "submitted",
        "submitting",
    ]


def test_no_intent_goes_on_when_the_mark_cannot_be_written(desk: Desk) -> None:
    desk.goes_on.set()
    desk.mark_error = StorageError("the folder of pictures is gone")

    async def work(commit: GroupCommit) -> None:
        results = await together(intend(commit, 1), intend(commit, 2))
        assert results == [desk.mark_error] * 2

    desk.run(work)


def test_a_journal_that_cannot_be_written_is_tried_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    @contextmanager
    def full() -> Iterator[Journal]:
        tried.append("once")
        raise StorageError("the disk is full")
        yield

    monkeypatch.setattr(desk, "transaction", full)
    attempts = [begin(desk.journal, image(number)) for number in (1, 2)]

    async def work(commit: GroupCommit) -> None:
        results = await together(
            *(commit(Journal.accept, a, f"job-{a.id}", now=NOW) for a in attempts)
        )
        assert [str(error) for error in results] == ["the disk is full"] * 2

    desk.run(work)
    assert tried == ["once"]


def test_what_has_happened_is_written_though_nobody_waits_for_it_any_more(desk: Desk) -> None:
    """Work is cancelled by a second Ctrl-C, or by another task's error; its facts are kept."""
    fact = begin(desk.journal, image(1))

    async def work(commit: GroupCommit) -> None:
        busy = asyncio.create_task(intend(commit, 2))
        await a_moment()
        waiting = asyncio.create_task(commit(Journal.accept, fact, "job-1", now=NOW))
        unsent = asyncio.create_task(intend(commit, 3))
        await a_moment()
        for task in (busy, waiting, unsent):
            task.cancel()
        await a_moment()
        desk.goes_on.set()

    desk.run(work)
    assert desk.state(fact) == "submitted"
    begun = {attempt.prompt_id for attempt in desk.journal.of_unknown_outcome()}
    assert begun == {"ann-2"}, "its commit was under way; the other is not begun"


def test_a_second_cancel_while_it_leaves_loses_no_fact(desk: Desk) -> None:
    fact = begin(desk.journal, image(1))

    async def main() -> None:
        async with GroupCommit(desk.transaction, of_intents=desk.of_intents) as commit:
            writes = [asyncio.create_task(intend(commit, 2))]
            await a_moment()
            writes.append(asyncio.create_task(commit(Journal.accept, fact, "job-1", now=NOW)))
            await a_moment()
            assert len(writes) == 2

    async def stopping() -> None:
        task = asyncio.create_task(main())
        for _ in range(4):
            await a_moment()
        task.cancel()  # it is leaving the block, and waits for the commit
        await asyncio.sleep(0)
        desk.goes_on.set()
        await asyncio.wait([task])

    asyncio.run(stopping())
    assert desk.state(fact) == "submitted"
