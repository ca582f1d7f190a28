"""A sandbox server as a process of its own, as whoever types the command has it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.environment import COMMAND


@contextmanager
def sandbox_process(
    *, seed: int, speed: float, opening_credits: int, faults: Sequence[str] = ()
) -> Iterator[str]:
    """Serve a new sandbox as long as the block lasts, and yield its base URL.

    Args:
        seed: Durations and faults are drawn from it.
        speed: How many times faster than the real provider.
        opening_credits: Balance at the beginning, in credits.
        faults: Each ``name=probability``.

    Raises:
        RuntimeError: It does not start.
    """
    words = ["sandbox", "--port", "0", "--tiny", f"--seed={seed}", f"--speed={speed}"]
    words += [f"--credits={opening_credits}", *(f"--fault={fault}" for fault in faults)]
    with subprocess.Popen([COMMAND, *words], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = re.search(r"http://\S+", server.stdout.readline())
            if url is None:
                raise RuntimeError("the sandbox does not start")
            yield url.group()
        finally:
            server.terminate()
