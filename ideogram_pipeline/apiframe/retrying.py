"""Patience for what is safe to send again: the balance, uploads, a page of jobs, one job's record.

Not for submits, and not for watching jobs, which has a rhythm of its own.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ideogram_pipeline.apiframe.errors import Transient

T = TypeVar("T")


async def patiently(
    call: Callable[[], Awaitable[T]],
    *,
    attempts: int = 6,
    first: float = 0.5,
    longest: float = 30.0,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    chance: Callable[[], float] = random.random,
) -> T:
    """Call until it succeeds, waiting between tries with exponential backoff and full jitter.

    Args:
        call: Makes one try; only ``Transient`` errors lead to another.
        attempts: Most tries.
        first: Most seconds of the first wait; it doubles each time.
        longest: Most seconds of any wait of our own choice. A ``Retry-After`` is kept to and the
            jitter added to it; one above ``longest`` ends the patience at once.
        sleep: Waits so many seconds.
        chance: A number in [0, 1), for the jitter.

    Raises:
        Transient: The last one, when the tries are used up.
        ProviderError: Any other, at once.
    """
    for attempt in range(1, attempts + 1):
        try:
            return await call()
        except Transient as error:
            asked = error.retry_after or 0.0
            if attempt == attempts or asked > longest:
                raise
        await sleep(asked + chance() * min(longest, first * 2 ** (attempt - 1)))
    raise ValueError("attempts must be at least 1")
