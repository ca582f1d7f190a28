"""Credits wasted under the same faults, by the pipeline and by other ways to do its job."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.contest import PRICE, SPEED, Cell, Trouble, run_cell
from benchmarks.contestants import CONTESTANTS, Contestant

SEED = 1
"""The smallest with which 3 of the first 60 answers are lost: 5 %, as is meant."""

LOST = "lost_after=0.05"
BUSY = "poll_rate_limited=0.05"
TROUBLES = (
    Trouble("none"),
    Trouble("SIGKILL at half", is_killed=True),
    Trouble("5 % of answers lost", faults=(LOST,)),
    Trouble("5 % of polls 429", faults=(BUSY,)),
    Trouble("all three", is_killed=True, faults=(LOST, BUSY)),
)
NOT_INSTALLED = "not installed"


def main() -> None:
    """Measure all, print the tables, write JSON; exit 1 if the pipeline wastes or misses any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=60, help="planned pictures in each cell")
    parser.add_argument("--seed", type=int, default=SEED, help="of every sandbox")
    parser.add_argument("--json", type=Path, default=Path("build/waste.json"))
    parser.add_argument(
        "--python", default=sys.executable, help="the interpreter that has DBOS and Pixeltable"
    )
    arguments = parser.parse_args()
    cells = []
    for cell in measure(
        CONTESTANTS, images=arguments.images, seed=arguments.seed, python=arguments.python
    ):
        said = f"{cell.contestant}, {cell.trouble}: {cell.extra_credits} extra, {cell.seconds} s"
        print(said, file=sys.stderr)
        cells.append(cell)
    print(tables(cells, images=arguments.images, seed=arguments.seed))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    terms = {"images": arguments.images, "price": PRICE, "seed": arguments.seed, "speed": SPEED}
    arguments.json.write_text(json.dumps({**terms, "cells": list(map(asdict, cells))}, indent=1))
    ours = [cell for cell in cells if cell.contestant == CONTESTANTS[0].name]
    sys.exit(any(cell.extra_credits or cell.missing for cell in ours))


def measure(
    contestants: Sequence[Contestant], *, images: int, seed: int, python: str
) -> Iterator[Cell]:
    """Lead every contestant that is installed through every trouble."""
    for contestant in contestants:
        if contestant.is_installed(python):
            for trouble in TROUBLES:
                yield run_cell(contestant, trouble, images=images, seed=seed, python=python)


def tables(cells: Sequence[Cell], *, images: int, seed: int) -> str:
    """Write the cells down as tables: contestants below each other, troubles across."""
    price = PRICE * images
    return "\n\n".join(
        [
            f"{images} pictures planned for {price:,} credits, sandbox seed {seed}.",
            _table(
                "Extra credits (percent of the planned)",
                cells,
                lambda cell: f"{cell.extra_credits:,} ({cell.extra_percent:g} %)",
            ),
            _table(
                "Paid and not on the disk (pictures)",
                cells,
                lambda cell: f"{cell.paid_and_missing:,}",
            ),
            _table("Jobs made", cells, lambda cell: f"{cell.jobs:,}"),
            _table(
                "Not on the disk (pictures, paid or not)",
                cells,
                lambda cell: f"{cell.missing:,}",
            ),
        ]
    )


def _table(title: str, cells: Sequence[Cell], shown: Callable[[Cell], str]) -> str:
    found = {(cell.contestant, cell.trouble): shown(cell) for cell in cells}
    names = [trouble.name for trouble in TROUBLES]
    width = 2 + max(map(len, (*names, *found.values(), NOT_INSTALLED)))
    first = 2 + max(len(contestant.name) for contestant in CONTESTANTS)
    lines = [title, " " * first + "".join(f"{name:>{width}}" for name in names)]
    for contestant in CONTESTANTS:
        texts = [found.get((contestant.name, name), NOT_INSTALLED) for name in names]
        lines.append(f"{contestant.name:<{first}}" + "".join(f"{t:>{width}}" for t in texts))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
