"""Which thread of this process needs how much CPU; on Linux, elsewhere nothing is told."""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY_SECONDS = 0.05
_TASKS = Path("/proc/self/task")


class ThreadTimes:
    """Looks at all threads again and again, as long as the block lasts, since they come and go."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[str, float]] = {}
        self._before = self._look()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watching-threads", daemon=True)

    def seconds(self) -> dict[str, float]:
        """Seconds of CPU within the block, by what the threads' names begin with."""
        total: Counter[str] = Counter()
        for thread, (name, seconds) in self._seen.items():
            total[name] += seconds - self._before.get(thread, (name, 0.0))[1]
        return dict(total)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()
        self._seen |= self._look()

    def _watch(self) -> None:
        while not self._is_over.wait(_EVERY_SECONDS):
            self._seen |= self._look()

    @staticmethod
    def _look() -> dict[int, tuple[str, float]]:
        found: dict[int, tuple[str, float]] = {}
        for thread in threading.enumerate():
            try:
                stat = (_TASKS / str(thread.native_id) / "stat").read_text()
            except OSError:
                continue  # it has ended meanwhile, or this is not Linux
            fields = stat.rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
            found[thread.native_id or 0] = (
                thread.name.partition("_")[0],
                ticks / os.sysconf("SC_CLK_TCK"),
            )
        return found
