"""Work for one thread, in batches: nobody waits for company, nobody loses what is theirs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from ideogram_pipeline.generation.batching import Batches

Asking = Callable[[Batches[int, int]], Coroutine[Any, Any, None]]


@dataclass
class Worker:
    """Multiplies by ten, and can be held up; a negative number is an error."""

    batches: list[list[int]] = field(default_factory=list)
    trouble: BaseException | None = None
    """Raised for the next batch."""
    began: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)

    def do(self, pieces: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(pieces))
        self.began.set()
        assert self.goes_on.wait(10)
        trouble, self.trouble = self.trouble, None
        if trouble is not None:
            raise trouble
        return [ValueError(piece) if piece < 0 else piece * 10 for piece in pieces]

    def run(self, asking: Asking, **options: Any) -> None:
        """Have ``asking`` ask it, and leave."""

        async def main() -> None:
            with ThreadPoolExecutor(1) as thread:
                async with asyncio.timeout(10), Batches(self.do, thread=thread, **options) as asked:
                    await asking(asked)

        asyncio.run(main())

    async def is_at_work(self) -> None:
        assert await asyncio.to_thread(self.began.wait, 10)


@pytest.fixture
def worker() -> Worker:
    """One that is not held up."""
    worker = Worker()
    worker.goes_on.set()
    return worker


@pytest.fixture
def held() -> Worker:
    """One that goes on with its first batch when it is told to."""
    return Worker()


async def given(*asked: asyncio.Future[int]) -> list[Any]:
    """What each of them gives or raises."""
    return await asyncio.gather(*asked, return_exceptions=True)


def test_those_who_come_together_share_a_batch_in_order(worker: Worker) -> None:
    async def asking(batches: Batches[int, int]) -> None:
        assert await given(*(batches.ask(piece) for piece in (3, 1, 2))) == [30, 10, 20]

    worker.run(asking)
    assert worker.batches == [[3, 1, 2]]


def test_alone_nobody_waits_for_company(worker: Worker) -> None:
    async def asking(batches: Batches[int, int]) -> None:
        assert await batches.ask(1) == 10
        assert await batches.ask(2) == 20

    worker.run(asking)
    assert worker.batches == [[1], [2]]


def test_who_comes_during_a_batch_is_in_the_next(held: Worker) -> None:
    async def asking(batches: Batches[int, int]) -> None:
        first = batches.ask(1)
        await held.is_at_work()
        later = [batches.ask(piece) for piece in (2, 3)]
        held.goes_on.set()
        assert await given(first, *later) == [10, 20, 30]

    held.run(asking)
    assert held.batches == [[1], [2, 3]]


def test_each_gets_its_own_result_or_error(worker: Worker) -> None:
    async def asking(batches: Batches[int, int]) -> None:
        good, bad, worse, fine = await given(*(batches.ask(piece) for piece in (1, -2, -3, 4)))
        assert (good, fine) == (10, 40)
        assert [type(bad), bad.args, worse.args] == [ValueError, (-2,), (-3,)]

    worker.run(asking)


@pytest.mark.parametrize("drops_odd", [False, True])
def test_what_was_cancelled_is_done_all_the_same_unless_it_is_dropped(
    held: Worker, drops_odd: bool
) -> None:
    async def asking(batches: Batches[int, int]) -> None:
        first = batches.ask(1)
        await held.is_at_work()
        second, third, fourth, fifth = (batches.ask(piece) for piece in (2, 3, 4, 5))
        for asked in (first, second, third):
            asked.cancel()
        held.goes_on.set()
        assert await given(fourth, fifth) == [40, 50]

    held.run(asking, **({"is_dropped": lambda piece: piece % 2 == 1} if drops_odd else {}))
    assert held.batches == [[1], [2, 4, 5] if drops_odd else [2, 3, 4, 5]]


def test_an_error_of_the_whole_batch_is_everybodys_and_the_next_is_done(worker: Worker) -> None:
    worker.trouble = OSError("the disk is gone")

    async def asking(batches: Batches[int, int]) -> None:
        trouble = worker.trouble
        assert await given(batches.ask(1), batches.ask(2)) == [trouble, trouble]
        assert await batches.ask(3) == 30

    worker.run(asking)


def test_an_error_while_others_wait_is_not_theirs(held: Worker) -> None:
    held.trouble = OSError("the disk is gone")

    async def asking(batches: Batches[int, int]) -> None:
        trouble = held.trouble
        first = batches.ask(1)
        await held.is_at_work()
        second = batches.ask(2)
        held.goes_on.set()
        assert await given(first, second) == [trouble, 20]

    held.run(asking)


class Torn(BaseException):
    """Not an error of the work: what ends a process."""


def test_what_ends_the_work_hangs_nobody_and_is_raised_on_leaving(worker: Worker) -> None:
    worker.trouble = torn = Torn()
    raised: list[BaseException] = []

    async def asking(batches: Batches[int, int]) -> None:
        raised.extend(await given(batches.ask(1), batches.ask(2)))

    with pytest.raises(Torn):
        worker.run(asking)
    assert raised == [torn, torn]


@pytest.mark.parametrize("trouble", [None, LookupError("the block fails")])
def test_on_leaving_all_that_was_asked_for_is_done(held: Worker, trouble: Exception | None) -> None:
    asked: list[asyncio.Future[int]] = []

    async def main() -> None:
        with ThreadPoolExecutor(1) as thread:
            try:
                async with Batches(held.do, thread=thread) as batches:
                    asked.append(batches.ask(1))
                    await held.is_at_work()
                    asked.append(batches.ask(2))
                    asyncio.get_running_loop().call_soon(held.goes_on.set)
                    if trouble is not None:
                        raise trouble
            except LookupError as error:
                assert error is trouble
            assert [one.done() and one.result() for one in asked] == [10, 20]

    asyncio.run(main())
    assert held.batches == [[1], [2]]


def test_who_asks_for_nothing_leaves_at_once(held: Worker) -> None:
    async def asking(batches: Batches[int, int]) -> None:
        pass

    held.run(asking)
    assert held.batches == []


def test_who_waits_behind_what_ends_the_work_hangs_no_more_than_others(held: Worker) -> None:
    held.trouble = Torn()
    late: list[asyncio.Future[int]] = []

    async def asking(batches: Batches[int, int]) -> None:
        first = batches.ask(1)
        await held.is_at_work()
        late.append(batches.ask(2))
        held.goes_on.set()
        await asyncio.gather(first, return_exceptions=True)

    with pytest.raises(Torn):
        held.run(asking)
    assert isinstance(late[0].exception(), Torn)


def test_leaving_waits_for_what_is_asked_in_answer_to_the_last_batch() -> None:
    did: list[int] = []

    def do(pieces: Sequence[int]) -> list[int | Exception]:
        did.extend(pieces)
        return [0] * len(pieces)

    async def main() -> None:
        with ThreadPoolExecutor(1) as thread:
            async with Batches(do, thread=thread) as batches:

                async def chain() -> None:
                    await batches.ask(1)
                    await batches.ask(2)

                task = asyncio.create_task(chain())
                await asyncio.sleep(0)
            assert did == [1, 2]
            await task

    asyncio.run(main())
