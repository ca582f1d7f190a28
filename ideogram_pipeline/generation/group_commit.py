"""Group commit: the transitions of many tasks share one transaction, off the event loop.

A commit costs an fsync, whatever is in it. Whoever comes while one is under way waits for the next,
in which all that have come share one; alone, nobody waits for company.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from ideogram_pipeline.generation.journal import Journal

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Write:
    transition: Callable[[Journal], Any]
    is_intent: bool
    done: asyncio.Future[Any]


class GroupCommit:
    """Commits transitions of the journal for the tasks of one event loop."""

    def __init__(self, journal: Journal, *, before_sending: Callable[[], None]) -> None:
        """Make a group.

        Args:
            journal: Where the transitions are written.
            before_sending: Called when intents are on disk, before any of their tasks goes on.
        """
        self._journal = journal
        self._before_sending = before_sending
        self._waiting: list[_Write] = []
        self._writing: asyncio.Task[None] | None = None

    async def __call__(
        self,
        transition: Callable[Concatenate[Journal, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Carry out a transition; on return it is on disk.

        Args:
            transition: A method of ``Journal`` that is one transaction.
            args: Its arguments.
            kwargs: The same.

        Raises:
            StorageError: The journal cannot be written.
            Exception: What the transition raises; nothing of it was written then.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        write = partial(_call, transition, args, kwargs)
        self._waiting.append(_Write(write, transition is Journal.begin, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await done

    async def _write(self) -> None:
        while self._waiting:
            # What was cancelled while it waited is not begun.
            group = [write for write in self._waiting if not write.done.done()]
            self._waiting = []
            results = await asyncio.to_thread(self._commit, group)
            for write, result in zip(group, results, strict=True):
                if write.done.done():
                    continue
                if isinstance(result, Exception):
                    write.done.set_exception(result)
                else:
                    write.done.set_result(result)

    def _commit(self, group: Sequence[_Write]) -> list[Any]:
        try:
            with self._journal.transaction() as journal:
                results = [write.transition(journal) for write in group]
        except Exception as error:
            if len(group) == 1:
                return [error]
            # Nothing was written. One by one, so that none takes another with it.
            return [result for write in group for result in self._commit([write])]
        if any(write.is_intent for write in group):
            self._before_sending()
        return results


def _call(
    transition: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any], journal: Journal
) -> T:
    return transition(journal, *args, **kwargs)
