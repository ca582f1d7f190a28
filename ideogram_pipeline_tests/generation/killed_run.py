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
from typing import Any, TypeVar

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.download import Downloader
from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.generation import collecting, filing, run_records
from ideogram_pipeline.generation.group_commit import GroupCommit
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.generation.run import generate
from ideogram_pipeline.generation.uploads import Uploads
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.support import AT, new_run_id

T = TypeVar("T")

STEPS: dict[str, tuple[Any, str]] = {
    "open_run": (run_records, "open_run"),
    "take_over": (Journal, "take_over"),
    "upload": (ApiframeClient, "upload"),
    "remember_upload": (Uploads, "remember"),
    "begin": (GroupCommit, "begin"),
    "submit": (ApiframeClient, "submit"),
    "doubt": (GroupCommit, "doubt"),
    "list": (ApiframeClient, "jobs"),
    "accept": (GroupCommit, "accept"),
    "complete": (GroupCommit, "complete"),
    "fail": (GroupCommit, "fail"),
    "fetch": (Downloader, "fetch"),
    "check": (collecting, "inspect"),
    "rename": (Path, "replace"),
    "sync": (filing, "sync"),
    "note_content": (GroupCommit, "note_content"),
    "move": (filing, "_move"),
    "store": (GroupCommit, "store"),
    "close_run": (run_records, "close_run"),
}
"""Where a run can be killed: each is a commit of the journal, a request, or a step on the disk."""


def die() -> None:
    """End this process the way a power cut or the kernel does: no handler runs."""
    os.kill(os.getpid(), signal.SIGKILL)


def mine(step: str, when: str, number: int) -> None:
    """Arrange that the ``number``-th pass of a step ends the process, before or after it."""
    passes = itertools.count(1)

    def enter() -> bool:
        armed = next(passes) == number
        if armed and when == "before":
            die()
        return armed

    def leave(armed: bool) -> None:
        if armed:
            die()

    home, name = STEPS[step]
    setattr(home, *around(home, name, enter, leave))


def around(
    home: Any, name: str, enter: Callable[[], T], leave: Callable[[T], None]
) -> tuple[str, Callable[..., Any]]:
    """A step with something before and after it, and the attribute of ``home`` that it replaces.

    Of ``GroupCommit`` the step is a transition of the journal with that name. It is left by the
    task that took it, when it is on the disk. ``leave`` is given what ``enter`` has returned, since
    tasks take steps side by side.
    """
    if home is GroupCommit:
        commit = GroupCommit.__call__

        @functools.wraps(commit)
        async def around_commit(
            group: GroupCommit, transition: Any, *args: Any, **more: Any
        ) -> Any:
            if transition is not getattr(Journal, name):
                return await commit(group, transition, *args, **more)
            entered = enter()
            result = await commit(group, transition, *args, **more)
            leave(entered)
            return result

        return "__call__", around_commit

    step: Callable[..., Any] = getattr(home, name)
    if inspect.iscoroutinefunction(step):

        @functools.wraps(step)
        async def around_async(*args: Any, **kwargs: Any) -> Any:
            entered = enter()
            result = await step(*args, **kwargs)
            leave(entered)
            return result

        return name, around_async

    @functools.wraps(step)
    def around_step(*args: Any, **kwargs: Any) -> Any:
        entered = enter()
        result = step(*args, **kwargs)
        leave(entered)
        return result

    return name, around_step


def run(settings: Settings, step: str | None, when: str, number: int) -> None:
    """Plan and carry out, to the end or to the mine."""
    if step is not None:
        mine(step, when, number)
    catalog = read_catalog(settings.catalog)
    plan = make_plan(settings, catalog, at=AT)
    generate(settings, catalog, plan, run_id=new_run_id())
