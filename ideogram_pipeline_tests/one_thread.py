"""All work of this process in one thread: its steps have one order, the same in every run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


def keep_to_one_thread() -> None:
    """Have event loops do at once, where they are, what they would give to other threads."""

    def run_here(
        loop: asyncio.BaseEventLoop, _executor: object, function: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        done = loop.create_future()
        try:
            done.set_result(function(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    asyncio.BaseEventLoop.run_in_executor = run_here  # type: ignore[assignment,method-assign]
