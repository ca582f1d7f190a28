"""How fast, with how few requests and how little CPU and memory: `make bench`.

Judged by the sandbox server's own counts and clock; the server and the buyer are processes of
their own. The ideal is as many waves of jobs as the slots need, times the seconds of a job.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.figures import Figure, circumstances, page
from benchmarks.scenarios import SCENARIOS


def main(words: list[str] | None = None) -> int:
    """Measure, print the page, write JSON; 1 if a goal is missed."""
    words = sys.argv[1:] if words is None else words
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="small numbers, to try the measuring")
    parser.add_argument("--json", type=Path, default=Path("build/performance.json"))
    arguments = parser.parse_args(words)
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


if __name__ == "__main__":
    sys.exit(main())
