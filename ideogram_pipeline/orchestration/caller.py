"""What a process that runs Dagster inside itself hands to the assets, and gets back from them.

Dagster builds resources anew from their configuration for each run, so an object cannot travel in
one. Runs inside this process execute in the thread that launched them, where a context variable
reaches them; a run in another process finds none and reads its environment instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from ideogram_pipeline.generation.report import ProgressListener, RunReport
from ideogram_pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Caller:
    """The command that launched a run inside its own process."""

    settings: Settings
    on_progress: ProgressListener | None = None
    reports: list[RunReport] = field(default_factory=list)
    """What the engine has reported, one report a run."""


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def current_caller() -> Caller | None:
    """Who launched this run inside this process, if anyone did."""
    return _caller.get()


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Make ``caller`` known to the runs that are executed within this block."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)
