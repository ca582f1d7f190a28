"""A run that is killed with SIGKILL at a chosen instant; the crash tests start it as a process.

The instant is a step of the protocol, before or after it. The steps are wrapped here, from
outside; the product has no switch for it.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.download import Downloader
from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.generation import collecting, run_records
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.generation.run import generate
from ideogram_pipeline.generation.uploads import Uploads
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.support import AT, new_run_id

STEPS: dict[str, tuple[Any, str]] = {
    "open_run": (run_records, "open_run"),
    "take_over": (Journal, "take_over"),
    "upload": (ApiframeClient, "upload"),
    "remember_upload": (Uploads, "remember"),
    "begin": (Journal, "begin"),
    "submit": (ApiframeClient, "submit"),
    "doubt": (Journal, "doubt"),
    "list": (ApiframeClient, "jobs"),
    "accept": (Journal, "accept"),
    "complete": (Journal, "complete"),
    "fail": (Journal, "fail"),
    "fetch": (Downloader, "fetch"),
    "check": (collecting, "inspect"),
    "rename": (Path, "replace"),
    "sync": (collecting, "sync"),
    "note_content": (Journal, "note_content"),
    "move": (collecting, "_move"),
    "store": (Journal, "store"),
    "close_run": (run_records, "close_run"),
}
"""Where a run can be killed: each is a commit of the journal, a request, or a step on the disk."""


def die() -> None:
    """End this process the way a power cut or the kernel does: no handler runs."""
    os.kill(os.getpid(), signal.SIGKILL)


def mine(step: str, when: str, number: int) -> None:
    """Arrange that the ``number``-th pass of a step ends the process, before or after it."""
    home, name = STEPS[step]
    original: Callable[..., Any] = getattr(home, name)
    passes = itertools.count(1)

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def wrapped_async(*args: Any, **kwargs: Any) -> Any:
            armed = next(passes) == number
            if armed and when == "before":
                die()
            result = await original(*args, **kwargs)
            if armed:
                die()
            return result

        setattr(home, name, wrapped_async)
        return

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        armed = next(passes) == number
        if armed and when == "before":
            die()
        result = original(*args, **kwargs)
        if armed:
            die()
        return result

    setattr(home, name, wrapped)


def run(settings: Settings, step: str | None, when: str, number: int) -> None:
    """Plan and carry out, to the end or to the mine."""
    if step is not None:
        mine(step, when, number)
    catalog = read_catalog(settings.catalog)
    plan = make_plan(settings, catalog, at=AT)
    generate(settings, catalog, plan, run_id=new_run_id())
