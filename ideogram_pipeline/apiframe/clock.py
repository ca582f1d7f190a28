"""The provider's time, read from the ``Date`` header of its answers.

Windows that guard money (how long a key may be replayed) are the provider's, so they are measured
with its clock; ours may be wrong, be set, or stand still while a laptop sleeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from ideogram_pipeline.apiframe.retry_after import http_date

SLACK: Final = timedelta(seconds=2)
"""How far behind a ``Date`` may be for no other reason than its making: it is cut to whole
seconds, and the answer has travelled since."""

WITNESSES: Final = 3
"""Answers in a row that must be behind before the clock is set back."""


def _since_boot() -> float:
    """Seconds of a clock that nobody sets and that, on Linux, also runs during suspend."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class ProviderClock:
    """Last ``Date`` plus the time passed since then.

    The rules by which it is set:

    1. A ``Date`` ahead of the clock sets it forward at once. Late is the safe side: it closes a
       window too early, never too late.
    2. A ``Date`` behind by up to ``SLACK`` changes nothing, so the clock does not jitter.
    3. A ``Date`` behind by more is believed when ``WITNESSES`` answers in a row are: then the
       clock is set back to the latest of them. One cached answer, or one machine with a wrong
       clock, moves nothing; an absurd date in the future is mended by the next few answers.

    So ``now()`` goes back only by rule 3, and once when the first ``Date`` replaces the local
    clock.
    """

    def __init__(
        self,
        *,
        elapsed: Callable[[], float] = _since_boot,
        local: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._elapsed = elapsed
        self._local = local
        self._epoch: datetime | None = None
        """The provider's time at which ``elapsed`` was 0."""
        self._behind: list[datetime] = []

    @property
    def is_told(self) -> bool:
        """Whether any answer has carried a readable ``Date`` yet."""
        return self._epoch is not None

    def now(self) -> datetime:
        """The provider's present time in UTC, at most about a second early.

        Until an answer has carried a readable ``Date``, it is local time.
        """
        if self._epoch is None:
            return self._local()
        return self._epoch + timedelta(seconds=self._elapsed())

    def observe(self, date: str | None) -> None:
        """Take note of an answer's ``Date`` header; a missing or unreadable one is ignored."""
        stated = http_date(date)
        if stated is None:
            return
        epoch = stated - timedelta(seconds=self._elapsed())
        if self._epoch is None or epoch > self._epoch:
            self._epoch = epoch
        elif self._epoch - epoch > SLACK:
            self._behind.append(epoch)
            if len(self._behind) < WITNESSES:
                return
            self._epoch = max(self._behind)
        self._behind.clear()
