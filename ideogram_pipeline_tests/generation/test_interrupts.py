"""Asking a run to stop, in the very middle of a journal write."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.database import Database, journal_path
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.generation.judging import assert_books_right
from ideogram_pipeline_tests.support import bench

FAST = SandboxOptions(speed=500, tiny=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
@pytest.mark.parametrize("step", ["begin", "accept", "store"])
def test_a_stop_within_a_write_is_heeded_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: signal.Signals
) -> None:
    original = getattr(Journal, step)

    def told_to_stop(journal: Journal, *args: object, **kwargs: object) -> Attempt:
        with journal._db._gate:
            os.kill(os.getpid(), number)
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
