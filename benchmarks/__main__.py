"""How fast, with how few requests and how little CPU and memory: `make bench`.

Judged by the sandbox server's own counts and clock; the server and the buyer are processes of
their own. Time is counted from the first accepted submission to the last picture served. The ideal
is as many waves of jobs as the slots need, times the seconds of a job. The engine has its default
settings, but for the limits of jobs and requests that the measured loads need.
"""

from __future__ import annotations

import argparse
import json
import pstats
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.buyers import ENGINE
from benchmarks.figures import Figure, circumstances, page
from benchmarks.load import Load, bear
from benchmarks.scenarios import SCENARIOS

PROFILED = Load(300, 100, 1.0)
"""Images enough to see where the time goes; under the profiler each takes twice as long."""


def main(words: list[str] | None = None) -> int:
    """Measure, print the page, write JSON; 1 if a goal is missed."""
    words = sys.argv[1:] if words is None else words
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="small numbers, to try the measuring")
    parser.add_argument("--json", type=Path, default=Path("build/performance.json"))
    parser.add_argument("--profile", type=Path, help="measure nothing, profile the engine there")
    arguments = parser.parse_args(words)
    if arguments.profile:
        profile(arguments.profile.resolve())
        return 0
    around = circumstances(" ".join(["python -m benchmarks", *words]))
    figures: list[Figure] = []
    for name in arguments.only or SCENARIOS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        figures += SCENARIOS[name](arguments.quick)
    print(page(figures, around))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    kept = {**around, "figures": [figure.as_json() for figure in figures]}
    arguments.json.write_text(json.dumps(kept, indent=1))
    return int(any(figure.is_met is False for figure in figures))


def profile(path: Path) -> None:
    """Write a profile of the engine's main thread, waits included, and print its heads."""
    bear(PROFILED, replace(ENGINE, options=(str(path),)))
    heads = pstats.Stats(str(path)).strip_dirs()
    heads.sort_stats("tottime").print_stats(25)
    heads.sort_stats("cumtime").print_stats("generation|apiframe", 40)


if __name__ == "__main__":
    sys.exit(main())
