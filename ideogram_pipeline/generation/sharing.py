"""One account for several runs: each that is alive on this machine has an equal part of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ideogram_pipeline.generation.pacing import RequestRate, Slots

SHARE_SECONDS = 1.0
"""How often it is looked who is alive."""


class Share:
    """Our part of the jobs in flight and of the requests a minute."""

    def __init__(
        self,
        slots: Slots,
        rate: RequestRate,
        *,
        run_id: str,
        alive: Callable[[], Iterable[str]],
    ) -> None:
        """Make a share.

        Args:
            slots: Of this run; its ``total`` is what is divided.
            rate: The same.
            run_id: This run.
            alive: Gives the runs that are alive; this one may be among them.
        """
        self._slots = slots
        self._rate = rate
        self._run_id = run_id
        self._alive = alive

    def take(self) -> None:
        """Take our part of what is there; what cannot be divided goes to the oldest runs."""
        runs = sorted({self._run_id, *self._alive()})
        each, over = divmod(self._slots.total, len(runs))
        self._slots.share(each + (runs.index(self._run_id) < over))
        self._rate.share(len(runs))

    async def run(self) -> None:
        """Take it anew again and again, for ever."""
        while True:
            await asyncio.sleep(SHARE_SECONDS)
            self.take()
