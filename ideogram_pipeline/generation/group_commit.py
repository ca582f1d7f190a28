"""Group commit: the transitions of many tasks share one transaction, off the event loop.

A commit costs an fsync, whatever is in it. Whoever comes while one is under way waits for the next,
in which all that have come share one; alone, nobody waits for company.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.generation.batching import Batches
from ideogram_pipeline.generation.journal import Journal

P = ParamSpec("P")
T = TypeVar("T")

Transaction = Callable[[], AbstractContextManager[Journal]]
"""Opens a journal of which all that is done in the block is one transaction."""


@dataclass(frozen=True, slots=True)
class _Write:
    transition: Callable[[Journal], Any]
    is_intent: bool


class GroupCommit:
    """Commits transitions of the journal for the tasks of one event loop; use ``async with``.

    On leaving the block, all that tasks have asked for is on disk, theirs too that were cancelled.
    """

    def __init__(self, transaction: Transaction, *, of_intents: Transaction) -> None:
        """Make a group.

        Args:
            transaction: Makes a transaction of the journal.
            of_intents: The same where intents are among what is written. What it does after the
                commit is done before anybody goes on, and thus before a request is sent.
        """
        self._transaction = transaction
        self._of_intents = of_intents
        # A thread of its own: writes of the journal do not queue behind pictures.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._groups = Batches[_Write, Any](
            self._commit, thread=self._thread, is_dropped=lambda write: write.is_intent
        )

    async def __aenter__(self) -> Self:
        await self._groups.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._thread:
            await self._groups.__aexit__(kind, error, traceback)

    async def __call__(
        self,
        transition: Callable[Concatenate[Journal, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Carry out a transition; on return it is on disk.

        It may be carried out twice, the first time without effect. If the caller is cancelled while
        it waits, an intent is not written any more, unless its commit is under way; anything else
        is, since it has happened.

        Args:
            transition: A method of ``Journal`` that is one transaction.
            args: Its arguments.
            kwargs: The same.

        Raises:
            StorageError: The journal, or what guards it, cannot be written.
            Exception: What the transition raises; nothing of it was written then.
        """
        write = partial(_call, transition, args, kwargs)
        written: T = await self._groups.ask(_Write(write, transition is Journal.begin))
        return written

    def _commit(self, group: Sequence[_Write]) -> list[Any]:
        """What each transition returns or raises, in their order."""
        has_intents = any(write.is_intent for write in group)
        try:
            with (self._of_intents if has_intents else self._transaction)() as journal:
                return [write.transition(journal) for write in group]
        except StorageError as error:
            return [error] * len(group)
        except Exception as error:
            if len(group) == 1:
                return [error]
            # Nothing was written. One by one, so that none takes another with it.
            return [result for write in group for result in self._commit([write])]


def _call(
    transition: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any], journal: Journal
) -> T:
    return transition(journal, *args, **kwargs)
