"""Asking a run to stop: in the middle of a journal write, while jobs are drawn, and twice."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.database import Database, journal_path
from ideogram_pipeline.generation.interrupts import run_stoppable
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.pacing import Slots
from ideogram_pipeline.generation.watching import Watcher
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.generation.judging import assert_books_right, paid, stored
from ideogram_pipeline_tests.support import bench

FAST = SandboxOptions(speed=500, tiny=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
@pytest.mark.parametrize("step", ["begin", "accept", "store"])
def test_a_stop_within_a_write_is_heeded_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: signal.Signals
) -> None:
    original = getattr(Journal, step)

    def told_to_stop(journal: Journal, *args: object, **kwargs: object) -> Attempt:
        os.kill(os.getpid(), number)  # with the gate held, and a transaction open
        done: Attempt = original(journal, *args, **kwargs)
        return done

    def rude(_number: int, _frame: object) -> None:
        raise AssertionError("the handler of before must wait until the work is done")

    before = signal.signal(number, rude)
    try:
        with bench(tmp_path, FAST) as desk:
            with monkeypatch.context() as patched:
                patched.setattr(Journal, step, told_to_stop)
                with pytest.raises(KeyboardInterrupt):
                    desk.run()
            assert signal.getsignal(number) is rude, "it is back in its place"
            monkeypatch.setattr("ideogram_pipeline.generation.database.LOCK_SECONDS", 0.0)
            Database(journal_path(desk.settings)).close()
            assert desk.run().exit_code == 0
            assert_books_right(desk, 6)
    finally:
        signal.signal(number, before)


def test_one_signal_brings_home_what_is_made_and_waits_for_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two are in flight when the first ends; that one is fetched, the other left for later."""
    seen = Watcher._seen

    def stop_at_the_first(watcher: Watcher, job: Any) -> None:
        seen(watcher, job)
        if job.is_completed:
            os.kill(os.getpid(), signal.SIGINT)

    slow = SandboxOptions(speed=20, tiny=True, max_concurrent_jobs=1, tell_max_concurrent=False)
    with bench(tmp_path, slow, max_in_flight=2) as desk:
        with monkeypatch.context() as patched:
            patched.setattr(Watcher, "_seen", stop_at_the_first)
            with pytest.raises(KeyboardInterrupt):
                desk.run()
        assert len(stored(desk)) == 1
        assert len(paid(desk)) <= 3
        left = desk.plan()
        assert left.count("resume") == len(paid(desk)) - 1, "what is paid is fetched next time"
        assert desk.run().exit_code == 0
        assert_books_right(desk, 6)


def test_a_submit_that_waits_out_a_429_is_withdrawn_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle = Slots.throttle

    def stop_then(slots: Slots, pause: float) -> None:
        throttle(slots, pause)
        monkeypatch.setattr(Slots, "throttle", throttle)
        os.kill(os.getpid(), signal.SIGTERM)

    with bench(tmp_path, FAST) as desk:
        desk.tell("faults", [{"fault": "rate_limited", "times": 9, "seconds": 600.0}])
        monkeypatch.setattr(Slots, "throttle", stop_then)
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            desk.run()
        assert time.monotonic() - begun < 30
        assert desk.plan().count("generate") == 6, "none is in doubt"
        assert desk.truth()["charges"] == 0


def test_a_second_signal_ends_what_the_first_let_go_on() -> None:
    ended: list[str] = []

    async def stubborn() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    def wind_down() -> None:
        ended.append("winding down")
        os.kill(os.getpid(), signal.SIGINT)

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_stoppable(stubborn(), wind_down)
    assert ended == ["winding down", "cancelled"]
    assert time.monotonic() - begun < 4, "well within the grace"


def test_what_does_not_end_by_itself_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ideogram_pipeline.generation.interrupts.GRACE_SECONDS", 0.05)

    async def stubborn() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        run_stoppable(stubborn(), lambda: None)
