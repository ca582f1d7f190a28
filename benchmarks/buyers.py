"""Who buys in `python -m benchmarks`, and how each is started."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Buyer:
    """A program that makes a catalog's pictures."""

    name: str
    module: str
    """In this folder."""
    pace: tuple[str, float] | None = ("--second", 1.0)
    """Its option for the time between two looks, and the seconds of it at real speed; none: it is
    ours, and reads the environment."""
    options: tuple[str, ...] = ()

    def command(
        self, catalog: str, home: Path, noted: Path, *, at_a_time: int, scale: float
    ) -> Sequence[str]:
        """What to type.

        Args:
            catalog: What to buy.
            home: Where to keep it.
            noted: Where ours write what they needed.
            at_a_time: Most pictures in work.
            scale: How many times faster than the real ones the provider's jobs are.
        """
        # By import: Dagster finds the ops of a module again by its name.
        start = [sys.executable, "-c", f"from benchmarks.{self.module} import main; main()"]
        if self.pace is None:
            return [*start, str(noted), *self.options]
        option, seconds = self.pace
        words = [f"--at-a-time={at_a_time}", f"{option}={seconds / scale}"]
        return [*start, catalog, str(home), *words, *self.options]


ENGINE = Buyer("ideogram-pipeline, the engine", "engine_process", pace=None)
DAGSTER_RUN = Buyer("ideogram-pipeline, a run of Dagster", "many_characters", pace=None)
# The vendor's documents say to look every 2 to 3 s.
SCRIPT = Buyer("asyncio + httpx script", "naive_script", ("--poll", 2.5))
VENDOR_STYLE = Buyer("vendor-style client", "vendor_style")
OP_PER_IMAGE = Buyer("one Dagster op per image (multiprocess executor)", "op_per_image")
