"""Stopping between two steps: a signal ends the engine's work, never a journal write halfway."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE_SECONDS = 5.0
"""How long work that is nearly done may go on after the first signal."""


def run_stoppable(work: Coroutine[Any, Any, None], wind_down: Callable[[], None]) -> None:
    """Run ``work`` to its end, or until this process is asked to stop.

    The first signal calls ``wind_down``, after which the work should end by itself, and cancels it
    after ``GRACE_SECONDS`` if it does not. The second signal cancels it at once.

    Dagster's own handlers raise at whatever instruction the process is, so that a lock which was
    just taken would stay taken. For the time of the work they are replaced by these. In another
    thread than the main one, where no signal arrives, nothing changes.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM came; the journal is right.
    """
    if threading.current_thread() is not threading.main_thread():
        asyncio.run(work)
        return
    told_to_stop = False

    async def heeding_signals() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None

        def stop() -> None:
            nonlocal told_to_stop
            if told_to_stop:
                task.cancel()
                return
            told_to_stop = True
            wind_down()
            loop.call_later(GRACE_SECONDS, task.cancel)

        before = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            loop.add_signal_handler(number, stop)
        try:
            await work
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    try:
        asyncio.run(heeding_signals())
    except asyncio.CancelledError:
        if not told_to_stop:
            raise
    if told_to_stop:
        raise KeyboardInterrupt
