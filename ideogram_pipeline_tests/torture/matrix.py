"""Which cases there are: every point that a run is seen to pass, then chains by chance."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Mapping, Set
from dataclasses import replace

from ideogram_pipeline_tests.torture.cases import (
    MODES,
    Case,
    Group,
    Kill,
    Mode,
    Timer,
    Weather,
)
from ideogram_pipeline_tests.torture.chain import Outcome
from ideogram_pipeline_tests.torture.points import SIDES, Mine
from ideogram_pipeline_tests.torture.processes import Ended

SHARES: dict[Group, float] = {"named": 0.5, "random": 0.25, "faults": 0.25, "engine": 1.0}
"""Of the kills of the groups that are asked for."""
MODE_SHARES: dict[Mode, float] = {
    "honoured": 0.3,
    "hidden": 0.2,
    "ignored": 0.25,
    "outage": 0.25,
}
"""Of all kills."""
WEATHER: dict[Group, Weather] = {
    "named": "unlucky",
    "random": "calm",
    "faults": "storm",
    "engine": "storm",
}
BY_THE_CLOCK: dict[Group, float] = {"named": 0.0, "random": 1.0, "faults": 0.5, "engine": 0.5}
"""Of the kills in chains, those at an instant; the others are at a point."""
CHAIN = 16
"""Kills before a whole run, where a case is more than one kill."""
TRIES = 8
"""Cases that may be spent on a point which the first one did not reach."""
PROTOCOL_WEIGHT = 5
"""How much oftener a chain is killed at a step that moves money or pictures than at one that makes
what can be made again: tables, pages, recipes."""
IN_THE_ENGINE, BEFORE_IT = 0.75, 0.15
"""Shares of the kills by the clock; the rest comes after the engine, while things are published."""


def survey(group: Group, seed: int) -> Case:
    """A case without a kill, which tells the points that there are and how long a run takes."""
    return Case(group, "honoured", "unlucky", seed, ())


class Matrix:
    """All sources of cases, until each has had its kills."""

    def __init__(self, surveyed: Mapping[Group, Ended], *, kills: int, seed: int) -> None:
        whole = sum(SHARES[group] for group in surveyed)
        self._sources = {
            (group, mode): _Source(
                group,
                mode,
                wanted=math.ceil(kills * SHARES[group] / whole * MODE_SHARES[mode]),
                chance=random.Random(f"{seed}/{group}/{mode}"),
                surveyed=usual,
            )
            for group, usual in surveyed.items()
            for mode in MODES
        }

    def next(self) -> Case | None:
        """The next case; ``None`` when those that are under way may be all that is needed."""
        # Whichever is furthest behind, so that a run that is ended early has done some of each.
        by_need = sorted(self._sources.values(), key=lambda source: source.done)
        return next(filter(None, (source.next() for source in by_need)), None)

    def learn(self, outcome: Outcome) -> None:
        """Count a case that is done, and look at what its recovery has passed."""
        self._sources[outcome.case.group, outcome.case.mode].learn(outcome)

    @property
    def unreached(self) -> list[Mine]:
        """The points that were seen, and at which no process has died, at whatever pass."""
        sources = self._sources.values()
        seen = {mine for source in sources for mine in source.seen}
        struck = {replace(mine, number=1) for source in sources for mine in source.reached}
        return sorted(seen - struck)


class _Source:
    """The cases of one row of the table."""

    def __init__(
        self, group: Group, mode: Mode, *, wanted: int, chance: random.Random, surveyed: Ended
    ) -> None:
        self._group: Group = group
        self._mode: Mode = mode
        self._wanted = wanted
        self._chance = chance
        self._due = 0
        """Kills of the cases that are made, without those that came too late."""
        self._made = 0
        self._singles: deque[Case] = deque()
        self._tries: dict[Mine, int] = {}
        self.reached: set[Mine] = set()
        """Where a process has died."""
        self._known: dict[str, int] = {}
        """How often a run passes each point, at most."""
        self._usual = surveyed
        self._see(surveyed, (), self._new_seed())

    @property
    def done(self) -> float:
        """Share of the wanted kills that is made or under way."""
        return self._due / self._wanted

    @property
    def seen(self) -> Set[Mine]:
        """The first pass of each point at which a process is to die, on either side."""
        return self._tries.keys()

    def next(self) -> Case | None:
        left = self._wanted - self._due
        # Where runs fail before they can be killed, there must be an end as well.
        if left <= 0 or self._made > 2 * self._wanted:
            return None
        case = self._singles.popleft() if self._singles else self._chain(min(left, CHAIN))
        self._due += len(case.kills)
        self._made += 1
        return case

    def learn(self, outcome: Outcome) -> None:
        # A kill that was missed is still wanted.
        self._due -= len(outcome.missed)
        self.reached.update(kill for kill in outcome.killed_at if isinstance(kill, Mine))
        if outcome.recovery is None:
            return
        self._usual = outcome.recovery
        *before, last = outcome.case.kills
        if (
            isinstance(last, Mine)
            and last not in self.reached
            and self._tries.get(last, TRIES) < TRIES
        ):
            self._queue(tuple(before), last, outcome.case.seed)
        self._see(outcome.recovery, outcome.case.kills, outcome.case.seed)

    def _see(self, recovery: Ended, kills: tuple[Kill, ...], seed: int) -> None:
        """Take note of what a whole run has passed after certain kills, with faults of ``seed``."""
        new = [point for point in recovery.passes if point not in self._known]
        for point, passes in recovery.passes.items():
            self._known[point] = max(passes, self._known.get(point, 0))
        if self._group in ("named", "engine"):
            self._chance.shuffle(new)
            for point in new:
                if self._mode != "honoured" and not _is_of_protocol(point):
                    continue
                for side in SIDES:
                    self._queue(kills, Mine(point, side), seed)

    def _queue(self, kills: tuple[Kill, ...], mine: Mine, seed: int) -> None:
        self._tries[mine] = self._tries.get(mine, 0) + 1
        self._singles.append(self._case((*kills, mine), seed))

    def _chain(self, length: int) -> Case:
        return self._case(tuple(self._kill() for _ in range(length)), self._new_seed())

    def _case(self, kills: tuple[Kill, ...], seed: int) -> Case:
        return Case(self._group, self._mode, WEATHER[self._group], seed, kills)

    def _new_seed(self) -> int:
        return self._chance.randrange(10**6)

    def _kill(self) -> Kill:
        return self._timer() if self._chance.random() < BY_THE_CLOCK[self._group] else self._mine()

    def _mine(self) -> Mine:
        """At any point: its first, second or last pass."""
        points = sorted(self._known)
        weights = [PROTOCOL_WEIGHT if _is_of_protocol(point) else 1 for point in points]
        [point] = self._chance.choices(points, weights)
        passes = self._known[point]
        number = self._chance.choice(sorted({1, min(2, passes), passes}))
        return Mine(point, self._chance.choice(SIDES), number)

    def _timer(self) -> Timer:
        begin, end = self._usual.engine
        draw = self._chance.random()
        if draw < IN_THE_ENGINE:
            return Timer("engine", self._chance.uniform(0, end - begin))
        if draw < IN_THE_ENGINE + BEFORE_IT:
            return Timer("start", self._chance.uniform(0, begin))
        return Timer("start", self._chance.uniform(end, self._usual.seconds))


def _is_of_protocol(point: str) -> bool:
    _, place = point.split(" ", 1)
    return place.startswith(("apiframe.", "generation."))
