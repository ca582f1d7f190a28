"""Simulated time: one clock for the provider, for every timer of a run, and for those who wait.

Nobody sleeps: a loop that has nothing to do until later puts the clock forward instead. So waits
keep their real length, an outage of a day costs nothing, and the same steps take the same time.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

A_LOOK = 0.002
"""Seconds that each look at the provider's clock takes, so that no two jobs have one time."""
LEAST_STEP = 1e-6
"""Seconds by which a wait moves the clock at least, however small a rest rounding has left."""


class SimulatedTime:
    """A clock that moves only when somebody waits, looks at it, or puts it forward."""

    def __init__(self, start: datetime) -> None:
        self._start = start.timestamp()
        self._passed = 0.0

    def utc(self) -> float:
        """The provider's clock, in seconds since 1970."""
        self._passed += A_LOOK
        return self._start + self._passed

    def now(self, zone: tzinfo) -> datetime:
        """The machine's clock, which agrees with the provider's."""
        return datetime.fromtimestamp(self._start + self._passed, zone)

    def monotonic(self) -> float:
        """Seconds since the beginning; what a run measures its waits with."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds


class WaitsForEver(Exception):
    """Nothing is due and nothing can happen any more: the run would never end."""


class _Selector(selectors.DefaultSelector):
    """Passes the time where a real selector would wait for it."""

    def __init__(self, time: SimulatedTime) -> None:
        super().__init__()
        self._time = time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise WaitsForEver
        if not ready and timeout is not None and timeout > 0:
            self._time.advance(max(timeout, LEAST_STEP))
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop in simulated time; what would run in another thread runs in this one."""

    def __init__(self, time: SimulatedTime) -> None:
        super().__init__(_Selector(time))
        self._simulated = time

    def time(self) -> float:
        """The loop's clock."""
        return self._simulated.monotonic()

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Call ``func`` at once; its result arrives after others have had their turn."""
        future = self.create_future()
        try:
            result = func(*args)
        except BaseException as error:
            self.call_soon(_settle, future, future.set_exception, error)
        else:
            self.call_soon(_settle, future, future.set_result, result)
        return future


def _settle(future: asyncio.Future[Any], settle: Callable[[Any], None], value: Any) -> None:
    if not future.done():
        settle(value)
