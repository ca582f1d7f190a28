"""Runs of the pipeline that can be halted at a point of the protocol, and left there or killed.

Each run has a thread of its own, and only one of all threads is at work at a time. A halted run
executes nothing: it is a stopped process. A killed one never goes on either, and its lock is freed
as the kernel would; no handler and no ``finally`` of it runs until the example has been judged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Self

import pytest

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.generation import filing, guarding, publication
from ideogram_pipeline.generation.group_commit import GroupCommit
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.owners import Owner
from ideogram_pipeline_tests.generation.killed_run import STEPS, around

POINTS: dict[str, tuple[Any, str]] = {
    # A rename may happen under a lock, for which others would wait in real time.
    **{name: step for name, step in STEPS.items() if name != "rename"},
    "set_mark": (guarding, "set_mark"),
    "adopt": (Journal, "adopt"),
    "reopen": (Journal, "reopen"),
    "resend": (GroupCommit, "resend"),
    "job": (ApiframeClient, "job"),
    "close": (GroupCommit, "close"),
    "file": (filing, "file_together"),
    "publish": (publication, "publish_books"),
}
"""Commits of the journal, requests, and steps on the disk."""

HANGS = 60.0
"""Real seconds after which a run that neither halts nor ends is a failure of the test."""

When = Literal["before", "after"]
_here = threading.local()


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a run is to halt: at the ``number``-th pass of a point, before or after it."""

    point: str
    when: When
    number: int = 1


class _Buried(BaseException):
    """Ends the thread of a run that will not go on."""


class HaltableRun:
    """One run of the pipeline; it is at work only while somebody waits in ``go_on``."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.ended = False
        self.error: BaseException | None = None
        """What ended the run, other than its own will."""
        self._work = work
        self._stop: Stop | None = None
        self._passes = 0
        self._owner: Owner | None = None
        self._dying = self._buried = False
        self._turn = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def go_on(self, stop: Stop | None = None) -> Self:
        """Let it work until it comes to ``stop``, or ends."""
        self._stop, self._passes = stop, 0
        self._hand_over()
        return self

    def kill(self) -> None:
        """End a halted run where it stands; its lock is free from now on."""
        self._dying = True
        self._hand_over()

    def bury(self) -> None:
        """Unwind a run that stands or was killed; whatever it does now is too late to matter."""
        if not self.ended:
            self._buried = True
            self._hand_over()
        self._thread.join(HANGS)

    def owns(self, owner: Owner) -> None:
        """Remember by what others see that it lives."""
        self._owner = owner

    def passes(self, point: str, when: When) -> None:
        """Halt here, if this is the place."""
        if self._stop is None or (point, when) != (self._stop.point, self._stop.when):
            return
        self._passes += 1
        if self._passes == self._stop.number:
            self._stop = None
            self._halt()

    def _halt(self) -> None:
        while True:
            self._back.release()
            self._turn.acquire()
            if self._buried:
                raise _Buried
            if not self._dying:
                return
            if self._owner is not None:
                self._owner._lock.release(force=True)

    def _hand_over(self) -> None:
        self._turn.release()
        assert self._back.acquire(timeout=HANGS), "the run neither halts nor ends"

    def _live(self) -> None:
        _here.run = self
        self._turn.acquire()
        try:
            if not self._buried:
                self._work()
        except _Buried:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self.ended = True
            self._back.release()


def lay_points(patch: pytest.MonkeyPatch) -> None:
    """Make every point one at which a run can be halted, and see which lock a run takes."""
    for point, (home, name) in POINTS.items():
        enter, leave = partial(_pass, point, "before"), partial(_pass, point, "after")
        patch.setattr(home, *around(home, name, enter, leave))
    take = Owner.__enter__

    def entered(owner: Owner) -> Owner:
        _here.run.owns(owner)
        return take(owner)

    patch.setattr(Owner, "__enter__", entered)


def _pass(point: str, when: When, _entered: None = None) -> None:
    run: HaltableRun | None = getattr(_here, "run", None)
    if run is not None:
        run.passes(point, when)
