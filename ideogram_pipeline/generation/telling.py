"""Telling people how far a run is: soon, but not at each of many steps a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ideogram_pipeline.generation.report import Progress, ProgressListener

SECONDS = 0.1
"""How much news is told at once; nobody sees more than ten pictures a second of a bar."""


class Teller:
    """Tells a listener of every change, several of them at once if they come fast."""

    def __init__(self, listener: ProgressListener | None, look: Callable[[], Progress]) -> None:
        """Make a teller.

        Args:
            listener: Is told; ``None`` if nobody is.
            look: How far it is now.
        """
        self._listener = listener
        self._look = look
        self._news = asyncio.Event()

    def news(self) -> None:
        """Something has changed."""
        if self._listener is not None:
            self._news.set()

    async def run(self) -> None:
        """Tell of news, for ever; cancel it when there is none any more.

        What the listener raises is raised.
        """
        while True:
            await self._news.wait()
            if self._news.is_set():  # not told at the end meanwhile
                self.tell()
            await asyncio.sleep(SECONDS)

    def tell(self) -> None:
        """Tell now; at the end of a run, so that its last step is not left out."""
        self._news.clear()
        if self._listener is not None:
            self._listener(self._look())
