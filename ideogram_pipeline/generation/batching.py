"""Work for one thread that many tasks ask for: it is done in batches.

To hand a piece of work to a thread and to wake the task that waits for it costs more than most of
these pieces do. Whoever comes while a batch is under way is in the next one; alone, nobody waits
for company.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Asked(Generic[Piece, Result]):
    piece: Piece
    done: asyncio.Future[Result]


class Batches(Generic[Piece, Result]):
    """A thread, and what the tasks of one event loop ask it to do; use ``async with``.

    On leaving the block all that was asked for is done, also for tasks that were cancelled.
    """

    def __init__(
        self,
        do: Callable[[Sequence[Piece]], Sequence[Result | Exception]],
        *,
        thread: Executor,
        is_dropped: Callable[[Piece], bool] = lambda _piece: False,
    ) -> None:
        """Make the batches.

        Args:
            do: Does some pieces, in the thread; what each of them gives or raises, in their order.
            thread: One thread.
            is_dropped: Whether a piece is left out if its task was cancelled before its batch
                began.
        """
        self._do = do
        self._is_dropped = is_dropped
        self._waiting: list[_Asked[Piece, Result]] = []
        self._working: asyncio.Task[None] | None = None
        self._thread = thread

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Cancelled again or not: what was asked for has happened, and must get to the disk.
        cancelled: asyncio.CancelledError | None = None
        while self._working is not None and not self._working.done():
            try:
                await asyncio.shield(self._working)
            except asyncio.CancelledError as again:
                cancelled = again
        if self._working is not None:
            self._working.result()
        if cancelled is not None:
            raise cancelled

    def ask(self, piece: Piece) -> asyncio.Future[Result]:
        """Ask for a piece of work; wait for the result, or for what it raised."""
        asked: _Asked[Piece, Result]
        asked = _Asked(piece, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return asked.done

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = [asked for asked in self._waiting if not self._is_void(asked)]
            self._waiting = []
            pieces = [asked.piece for asked in batch]
            results: Sequence[Result | BaseException]
            try:
                results = await loop.run_in_executor(self._thread, self._do, pieces)
            except Exception as error:
                results = [error] * len(batch)
            except BaseException as error:
                batch += self._waiting
                self._waiting = []
                _hand_out(batch, [error] * len(batch))
                raise
            _hand_out(batch, results)

    def _is_void(self, asked: _Asked[Piece, Result]) -> bool:
        return asked.done.cancelled() and self._is_dropped(asked.piece)


def _hand_out(
    batch: Sequence[_Asked[Piece, Result]], results: Sequence[Result | BaseException]
) -> None:
    for asked, result in zip(batch, results, strict=True):
        if asked.done.done():
            continue  # its task was cancelled meanwhile
        if isinstance(result, BaseException):
            asked.done.set_exception(result)
        else:
            asked.done.set_result(result)
