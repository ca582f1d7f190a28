"""Progress: many steps are told at once, the last one always."""

from __future__ import annotations

import asyncio

import pytest

from ideogram_pipeline.generation import telling
from ideogram_pipeline.generation.report import Progress
from ideogram_pipeline.generation.telling import Teller


def progress(made: int) -> Progress:
    return Progress("run-1", 9, made, 0, 0, 0, 0, 0, "")


def test_steps_that_come_fast_are_told_together_and_the_last_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(telling, "SECONDS", 0.0)
    told: list[Progress] = []
    made = 0

    async def work() -> None:
        nonlocal made
        teller = Teller(told.append, lambda: progress(made))
        telling_task = asyncio.create_task(teller.run())
        for step in (1, 2, 3):
            made = step
            teller.news()
        await asyncio.sleep(0.001)
        assert [moment.made for moment in told] == [3]
        made = 4
        teller.news()
        teller.tell()
        await asyncio.sleep(0.001)
        assert [moment.made for moment in told] == [3, 4], "and not twice"
        telling_task.cancel()

    asyncio.run(work())


def test_what_a_listener_raises_ends_the_telling() -> None:
    def refuse(_: Progress) -> None:
        raise InterruptedError

    async def work() -> None:
        teller = Teller(refuse, lambda: progress(1))
        teller.news()
        await teller.run()

    with pytest.raises(InterruptedError):
        asyncio.run(work())


def test_without_a_listener_nobody_looks() -> None:
    async def work() -> None:
        teller = Teller(None, lambda: pytest.fail("looked"))
        teller.news()
        teller.tell()

    asyncio.run(work())
