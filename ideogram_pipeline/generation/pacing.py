"""How much at a time: jobs in flight, which adapt to the account, and requests a minute."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

WINDOW_SECONDS = 60.0
BURST = 8
"""Of the requests that a window allows, one in so many may come at once; the rest are spread."""
LOOKS_WAIT_FOR = 4
"""Urgent requests that may go before a look that waits; then it is the look's turn."""

QUIET_SECONDS = 1.0
"""How long the pictures of ended jobs wait for requests that fill slots."""

HEADROOM = 4
"""While no limit is known, one in so many more is tried than were accepted together."""
FIRST_ROUNDS = 4
MOST_ROUNDS = 16
"""Rounds of acceptances at a known limit before one more is tried; doubled when that is refused."""


class RequestRate:
    """Lets at most ``per_minute`` requests pass in any 60 seconds, evenly after a first burst.

    Urgent ones, such as submits, go before looks at jobs; looks are never held up for good, since
    only they free a slot.
    """

    def __init__(self, per_minute: int) -> None:
        self.passed = 0
        """Requests let through so far."""
        self._total = per_minute
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._looks: deque[asyncio.Future[None]] = deque()
        self._ahead = 0
        """Urgent requests that have passed while a look waits."""
        self._booked_until = 0.0
        """When all that has passed would have, had it been spread evenly."""
        self._timer: asyncio.TimerHandle | None = None
        self.share(1)

    def share(self, runs: int) -> None:
        """Take one part of the allowance, which is divided among ``runs``."""
        allowed = max(1, self._total // runs)
        burst = max(1, allowed // BURST)
        self._spacing = WINDOW_SECONDS / max(1, allowed - burst)
        self._burst_seconds = (burst - 1) * self._spacing

    async def turn(self, *, is_look: bool = False) -> None:
        """Wait until one more request may be sent."""
        asked = asyncio.get_running_loop().create_future()
        (self._looks if is_look else self._urgent).append(asked)
        self._admit()
        await asked

    def _admit(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._urgent or self._looks:
            now = time.monotonic()
            wait = self._booked_until - self._burst_seconds - now
            if wait > 0:
                self._timer = asyncio.get_running_loop().call_later(wait, self._admit)
                return
            asked = self._next()
            if not asked.done():  # it may have been cancelled while it waited
                self._booked_until = max(self._booked_until, now) + self._spacing
                self.passed += 1
                asked.set_result(None)

    def _next(self) -> asyncio.Future[None]:
        if not self._urgent or (self._looks and self._ahead >= LOOKS_WAIT_FOR):
            self._ahead = 0
            return self._looks.popleft()
        self._ahead += bool(self._looks)
        return self._urgent.popleft()


class Place:
    """A job's place among those in flight, from before its intent until it has ended."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.is_taken = False
        self.may_send = False
        self.is_accepted = False
        self.accepted_at = 0.0
        """When the answer came, by ``time.monotonic``."""

    async def turn(self) -> None:
        """Wait until a request may be sent: no pause is on, and the provider has room for a job."""
        if self._slots.pause and self.may_send:
            self._take_back()
        if not self.may_send:
            await self._slots.turn_of(self)

    def accepted(self) -> None:
        """The provider has a job for this place now."""
        self._take_back()
        if not self.is_accepted:
            self.is_accepted = True
            self.accepted_at = time.monotonic()
            self._slots.grow()
        else:
            self._slots.admit()

    def refused(self, pause: float) -> None:
        """The provider answered 429: the place is kept, and its turn comes first after a pause."""
        self._take_back()
        self._slots.throttle(pause)

    def passed(self) -> None:
        """The provider gave another answer than these; it takes requests."""
        self._slots.calm()

    def leave(self) -> None:
        """Give the place back."""
        self._take_back()
        self._slots.accepted -= self.is_accepted
        self._slots.taken -= self.is_taken
        self._slots.admit()

    def _take_back(self) -> None:
        self._slots.sending -= self.may_send
        self.may_send = False


_Line = deque[tuple[Place, asyncio.Future[None]]]


class Slots:
    """Places for jobs at the provider, as many as the account turns out to take.

    Begins with few. While nothing was refused, it tries a quarter more than were accepted together,
    so the number grows within some round trips, however long the jobs take, and passes an unknown
    limit by little. A 429 leaves what the provider is at work on, or the half if that is more; from
    then on one more is tried now and then, more seldom each time that it is refused. After a pause
    one request goes first, and the others when it is not refused: so a storm costs one request a
    pause, says nothing of the limit, and what was known before is soon reached again.
    """

    def __init__(self, most: int, start: int) -> None:
        self.total = most
        """Most jobs of all runs of this account on this machine."""
        self.most = most
        """The share of it that is ours."""
        self.limit = max(1, min(most, start))
        self.accepted = 0
        """Jobs that the provider has accepted and not finished."""
        self.sending = 0
        """Places whose request may be on its way."""
        self.taken = 0
        """Places of any kind."""
        self._ceiling: int | None = None
        """Where more was refused."""
        self._step = 1
        self._rounds = FIRST_ROUNDS // 2
        self._until_probe = 0
        self._is_probing = False
        self._is_shy = False
        """One request at a time, until one is not refused."""
        self._is_stopped = False
        self._closed_until = 0.0
        self._refused_since: float | None = None
        self._entering: _Line = deque()
        self._sent_back: _Line = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._quiet: asyncio.Future[None] | None = None

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Have a place for a new job, in the order of asking, as long as the block lasts."""
        place = Place(self)
        try:
            await self._wait(place, self._entering)
            yield place
        finally:
            place.leave()

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """Count a job that is out already, and so waits for no place."""
        place = Place(self)
        place.is_taken = place.is_accepted = True
        self.taken += 1
        self.accepted += 1
        try:
            yield
        finally:
            place.leave()

    async def turn_of(self, place: Place) -> None:
        """Wait until a place that was sent back may send; such go before new ones."""
        await self._wait(place, self._sent_back)

    @property
    def pause(self) -> float:
        """Seconds that are left of the pause that the provider asked for; 0 without one."""
        return max(0.0, self._closed_until - time.monotonic())

    @property
    def refused_for(self) -> float:
        """Seconds for which the provider has refused all that was sent; 0 if it has not."""
        return 0.0 if self._refused_since is None else time.monotonic() - self._refused_since

    def stop(self) -> None:
        """Hold nobody up any more: whoever waits finds out that nothing is to be sent."""
        self._is_stopped = True
        self.admit()

    async def quiet(self) -> None:
        """Wait until no request that fills a slot is on its way, but not for long.

        For work that costs no slot any more, so that it holds up none that does.
        """
        if not self.sending:
            return
        if self._quiet is None:
            loop = asyncio.get_running_loop()
            self._quiet = loop.create_future()
            loop.call_later(QUIET_SECONDS, self._end_quiet, self._quiet)
        await asyncio.shield(self._quiet)

    def tell_quiet(self) -> None:
        """Let those go on who wait for quiet, if it is."""
        if not self.sending and self._quiet is not None:
            self._end_quiet(self._quiet)

    def _end_quiet(self, quiet: asyncio.Future[None]) -> None:
        if not quiet.done():
            quiet.set_result(None)
            self._quiet = None

    def share(self, most: int) -> None:
        """Have another part of ``total``, which is divided among the runs."""
        was_full = self.limit >= self.most
        self.most = max(1, min(self.total, most))
        if was_full:
            self.limit = min(self.most, self._ceiling or self.most)
        self.limit = min(self.limit, self.most)
        self.admit()

    def grow(self) -> None:
        """Count an acceptance."""
        self.accepted += 1
        self._refused_since = None
        if self._ceiling is not None:
            # Answers of one burst may come in any order: what is accepted after a 429 counts.
            self._ceiling = max(self._ceiling, self.accepted)
        if self._ceiling is None:
            self._raise_to(self.accepted + max(1, self.accepted // HEADROOM))
        elif self.limit < self._ceiling:
            self._raise_to(min(self._ceiling, 2 * self.accepted))
        else:
            self._probe()
        self.calm()

    def calm(self) -> None:
        """Note that a request was not refused."""
        self._is_shy = False
        self.admit()

    def throttle(self, pause: float) -> None:
        """Heed a 429: once for each pause fewer jobs, and send nothing for ``pause`` seconds."""
        now = time.monotonic()
        if self._refused_since is None:
            self._refused_since = now
        if now >= self._closed_until:
            at_work = max(1, self.accepted)
            if self._is_shy:
                self.limit = min(self.limit, at_work)
            else:
                self.limit = min(self.limit, max(at_work, self.limit // 2))
                self._ceiling = self.limit
                self._rounds = min(MOST_ROUNDS, 2 * self._rounds)
                self._step, self._is_probing = 1, False
                self._until_probe = self._rounds * self.limit
            self._is_shy = True
        self._closed_until = max(self._closed_until, now + pause)
        self.admit()

    def admit(self) -> None:
        """Let in who may go now, or those who wait for quiet."""
        self._admit()
        self.tell_quiet()

    def _admit(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._entering and not self._sent_back:
            return
        if not self._is_stopped and (pause := self.pause):
            self._timer = asyncio.get_running_loop().call_later(pause, self.admit)
            return
        while self._sent_back and self._has_room(self.accepted + self.sending):
            self._let_in(self._sent_back)
        while self._entering and self._has_room(self.taken):
            self._let_in(self._entering)

    def _has_room(self, counted: int) -> bool:
        if self._is_stopped:
            return True
        return counted < self.limit and not (self._is_shy and self.sending)

    def _let_in(self, line: _Line) -> None:
        place, asked = line.popleft()
        if asked.done():
            return  # cancelled while it waited
        self.taken += not place.is_taken
        self.sending += 1
        place.is_taken = place.may_send = True
        asked.set_result(None)

    async def _wait(self, place: Place, line: _Line) -> None:
        asked = asyncio.get_running_loop().create_future()
        line.append((place, asked))
        self.admit()
        await asked

    def _raise_to(self, limit: int) -> None:
        self.limit = max(self.limit, min(self.most, limit))

    def _probe(self) -> None:
        """At a limit that was learned: now and then try whether it still holds."""
        if self._is_probing:
            if self.accepted >= self.limit:
                self._is_probing = False
                self._step = min(2 * self._step, max(1, self.limit // HEADROOM))
                self._until_probe = self.limit
            return
        self._until_probe -= 1
        if self._until_probe <= 0 and self.limit < self.most:
            self._raise_to(self.limit + self._step)
            self._ceiling = self.limit
            self._is_probing = True
