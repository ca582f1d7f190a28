"""How much at a time: jobs in flight, which adapt to the account, and requests a minute."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from types import TracebackType

WINDOW_SECONDS = 60.0


class RequestRate:
    """Lets at most ``per_minute`` requests pass in any 60 seconds, in the order they came."""

    def __init__(self, per_minute: int) -> None:
        self.passed = 0
        """Requests let through so far."""
        self._per_minute = per_minute
        self._recent: deque[float] = deque()
        self._order = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until one more request may be sent."""
        async with self._order:
            now = time.monotonic()
            while self._recent and self._recent[0] <= now - WINDOW_SECONDS:
                self._recent.popleft()
            if len(self._recent) >= self._per_minute:
                await asyncio.sleep(self._recent[0] + WINDOW_SECONDS - now)
                self._recent.popleft()
            self._recent.append(time.monotonic())
            self.passed += 1


class Slots:
    """Places for jobs at the provider; use it as ``async with slots:`` around a job's life.

    Grows by one after as many acceptances as there are slots, halves when the provider answers
    429, though not below what it has accepted and is at work on.
    """

    def __init__(self, most: int, start: int) -> None:
        self.most = most
        self.limit = max(1, min(most, start))
        self.accepted = 0
        """Jobs that the provider has accepted and not finished."""
        self.taken = 0
        self._since_change = 0
        self._closed_until = 0.0
        self._room = asyncio.Event()

    async def __aenter__(self) -> None:
        while self.taken >= self.limit:
            self._room.clear()
            await self._room.wait()
        self.taken += 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.taken -= 1
        self._room.set()

    @property
    def pause(self) -> float:
        """Seconds that are left of the pause that the provider asked for; 0 without one."""
        return max(0.0, self._closed_until - time.monotonic())

    def grow(self) -> None:
        """Count an acceptance."""
        self._since_change += 1
        if self._since_change >= self.limit and self.limit < self.most:
            self.limit += 1
            self._since_change = 0
            self._room.set()

    def throttle(self, pause: float) -> None:
        """Heed a 429: halve once for each pause, and send nothing for ``pause`` seconds."""
        now = time.monotonic()
        if now >= self._closed_until:
            self.limit = max(1, self.limit // 2, min(self.accepted, self.limit))
            self._since_change = 0
        self._closed_until = max(self._closed_until, now + pause)
