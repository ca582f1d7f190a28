"""A sandbox server as a process of its own, as whoever types the command has it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.environment import COMMAND


@contextmanager
def sandbox_process(
    *,
    opening_credits: int,
    seed: int = 0,
    speed: float = 1.0,
    faults: Sequence[str] = (),
    tiny: bool = True,
    more: Sequence[str] = (),
) -> Iterator[str]:
    """Serve a new sandbox as long as the block lasts, and yield its base URL.

    Args:
        opening_credits: Balance at the beginning, in credits.
        seed: Durations and faults are drawn from it.
        speed: How many times faster than the real provider.
        faults: Each ``name=probability``.
        tiny: Pictures of a few pixels.
        more: Other options of the command.

    Raises:
        RuntimeError: It does not start.
    """
    words = ["sandbox", "--port=0", f"--seed={seed}", f"--speed={speed}", *more]
    words += [f"--credits={opening_credits}", *(f"--fault={fault}" for fault in faults)]
    if tiny:
        words.append("--tiny")
    with subprocess.Popen([COMMAND, *words], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = re.search(r"http://\S+", server.stdout.readline())
            if url is None:
                raise RuntimeError("the sandbox does not start")
            yield url.group()
        finally:
            server.terminate()
