"""The crash points of the protocol, found by running: nobody keeps a list that could be forgotten.

A point is a step after which something is different on the disk or at the provider: a commit of the
journal, a request, a rename, an fsync, a removal. It is named by the public function of the product
that takes the step, so that a new step is a new point by itself. Steps of Dagster's own are left
out; kills at random instants reach them.

All is wrapped from outside, in the process that is to die; the product has no switch for it.
"""

from __future__ import annotations

import functools
import os
import signal
import stat
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Literal, Self
from unittest import mock

import httpx
from sqlalchemy.engine.default import DefaultDialect

from ideogram_pipeline.apiframe.transport import Connection
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.group_commit import GroupCommit

Side = Literal["before", "after"]
SIDES: tuple[Side, Side] = ("before", "after")

_PRODUCT = "ideogram_pipeline"
_HELPERS = f"{_PRODUCT}.files"
"""Whoever has something written, synced or renamed by these is who takes the step."""
# The door through which every function of the journal writes; the function is what tells.
_DOOR = Database.write.__wrapped__.__code__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, order=True)
class Mine:
    """Where a process is to die: at the ``number``-th pass of a point, before or after the step."""

    point: str
    side: Side
    number: int = 1

    def __str__(self) -> str:
        return f"{self.point} {self.side} {self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` has written."""
        point, side, number = text.rsplit(" ", 2)
        return cls(point, "before" if side == "before" else "after", int(number))


class Passes:
    """Counts how often each point is passed, and dies at the mine, if there is one."""

    def __init__(self, mine: Mine | None) -> None:
        self.counted: Counter[str] = Counter()
        self._mine = mine
        self._counting = threading.Lock()

    def enter(self, kind: str) -> Mine | None:
        """Arrive at a step; how it ends, or ``None`` for a step that is not the product's."""
        place = _place()
        return None if place is None else self.arrive(f"{kind} {place}")

    def arrive(self, point: str) -> Mine:
        """Arrive at a point; how it ends."""
        with self._counting:
            self.counted[point] += 1
            number = self.counted[point]
        self.reach(Mine(point, "before", number))
        return Mine(point, "after", number)

    def reach(self, here: Mine | None) -> None:
        """Go on, or die here."""
        if here is not None and here == self._mine:
            # As the kernel or a power cut does it: no handler runs, nothing is tidied up.
            os.kill(os.getpid(), signal.SIGKILL)


def lay(mine: Mine | None) -> Passes:
    """Wrap every step of this process; for a process that is made for it."""
    passes = Passes(mine)
    for kind, home, name in (
        ("commit", DefaultDialect, "do_commit"),
        ("rename", os, "replace"),
        ("rename", os, "rename"),
        ("fsync", os, "fsync"),
        ("remove", os, "unlink"),
    ):
        mock.patch.object(home, name, _wrapped(getattr(home, name), kind, passes)).start()

    send = Connection.send

    @functools.wraps(send)
    async def wrapped_send(*args: Any, **kwargs: Any) -> httpx.Response:
        # The step ends with the head of the answer: the effect has happened, the body is unread.
        end = passes.enter("request")
        answer = await send(*args, **kwargs)
        passes.reach(end)
        return answer

    mock.patch.object(Connection, "send", wrapped_send).start()
    commit = GroupCommit.__call__

    @functools.wraps(commit)
    async def wrapped_commit(
        group: GroupCommit, transition: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        # What several tasks commit at once is a point for each of them, besides that of the group.
        end = passes.arrive(f"commit generation.journal.{transition.__qualname__}")
        result = await commit(group, transition, *args, **kwargs)
        passes.reach(end)
        return result

    mock.patch.object(GroupCommit, "__call__", wrapped_commit).start()
    return passes


def _wrapped(step: Callable[..., Any], kind: str, passes: Passes) -> Callable[..., Any]:
    @functools.wraps(step)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        # That of names in a folder is another step than that of what is in a file.
        of_folder = kind == "fsync" and stat.S_ISDIR(os.fstat(args[0]).st_mode)
        end = passes.enter("fsync-folder" if of_folder else kind)
        try:
            return step(*args, **kwargs)
        finally:
            # Also when it fails, as the removal of a file that is not there does.
            passes.reach(end)

    return wrapped


def _place() -> str | None:
    """The innermost public function of the product that is at work here, below Dagster."""
    frame: FrameType | None = sys._getframe(2)
    found = None
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        room, _, _ = module.partition(".")
        if room == "dagster":
            break
        if room == _PRODUCT and frame.f_code is not _DOOR:
            name = frame.f_code.co_qualname
            found = f"{module.removeprefix(_PRODUCT + '.')}.{name}"
            is_public = not any(part.startswith(("_", "<")) for part in name.split("."))
            if is_public and module != _HELPERS:
                break
        frame = frame.f_back
    return found
