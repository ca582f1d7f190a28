"""What is known of how long jobs take, and so when a running one has probably ended."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterable

RECENT_JOBS = 40
"""Jobs from whose times the next one's is expected; a provider's pace changes."""
FINEST = 0.02
"""Share of the usual time below which nothing is expected."""
UNSEEN = 2
"""The quickest of a few jobs is not the quickest of all: as if there were so many of no length."""


class Expectation:
    """The times of the last jobs of one kind, in seconds."""

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        for took in seconds:
            self.note(took)

    def note(self, seconds: float) -> None:
        """Learn how long a job took."""
        if len(self._recent) == RECENT_JOBS:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        self._recent.append(seconds)
        insort(self._sorted, seconds)

    @property
    def is_known(self) -> bool:
        """Whether any job has ended yet."""
        return bool(self._sorted)

    @property
    def usual(self) -> float:
        """The median; 0 when nothing is known."""
        return self._sorted[len(self._sorted) // 2] if self._sorted else 0.0

    @property
    def soonest(self) -> float:
        """Before this age hardly any job ends; 0 when nothing is known."""
        known = len(self._sorted)
        return self._sorted[0] * known / (known + UNSEEN) if known else 0.0

    @property
    def longest(self) -> float:
        """The time of the slowest; 0 when nothing is known."""
        return self._sorted[-1] if self._sorted else 0.0

    @property
    def spread(self) -> float:
        """Between the quickest and the slowest."""
        return self._sorted[-1] - self._sorted[0] if self._sorted else 0.0

    def probable_end(self, age: float) -> float:
        """The age by which every second one ends of the jobs that run at ``age``.

        A job that takes longer than all before it is given as long again as it is late already.
        """
        later = bisect_right(self._sorted, age)
        if later < len(self._sorted):
            return self._sorted[(later + len(self._sorted)) // 2]
        return age + max(FINEST * self.usual, age - self.longest)
