"""What a newcomer sees, in numbers: `make numbers`, or with `--fresh` from an empty clone, too.

Money is judged by the sandbox's own truth, read from its state after the runs, not by our books.
Times are of this machine and this moment.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.environment import COMMAND, PROJECT, empty_environment
from ideogram_pipeline.sandbox.embedded import STATE_NAME
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline_tests.support import call


def main() -> None:
    """Measure, and print one line a number with its goal; exit 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="also `make demo` in a fresh clone")
    lines = measure()
    if parser.parse_args().fresh:
        lines.append(fresh_clone())
    width = max(len(what) for what, *_ in lines)
    for what, found, goal, met in lines:
        print(f"{what:<{width}}  {found:>12}  {goal:<22} {'ok' if met else 'MISSED'}")
    sys.exit(not all(met for *_, met in lines))


def measure() -> list[tuple[str, str, str, bool]]:
    """Run plan, demo and demo again in an empty home."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        helped = min(timed(["--help"], home)[0] for _ in range(5))
        quote = json.loads(timed(["plan", "--json"], home)[1])["quote"]
        first, _ = timed(["demo"], home)
        truth = truth_of(home)
        second, _ = timed(["demo"], home)
        after = truth_of(home)
        sql = "SELECT sum(credits)::INT AS net FROM credit_ledger"
        ledger = json.loads(timed(["sql", sql, "--format", "json"], home)[1])[0]["net"]
    cost = truth["charges"] - truth["refunds"]
    bought = {name: after[name] - truth[name] for name in ("submissions", "uploads", "charges")}
    return [
        ("--help, seconds", f"{helped:.2f}", "under 0.4", helped < 0.4),
        ("first demo, seconds", f"{first:.1f}", "under 25", first < 25),
        ("second demo, seconds", f"{second:.1f}", "", True),
        ("quote, credits", f"{quote}", "", quote > 0),
        ("cost by the sandbox's truth", f"{cost}", f"the quote, {quote}", cost == quote),
        ("cost by credit_ledger", f"{ledger}", f"the quote, {quote}", ledger == quote),
        ("second run: submissions", f"{bought['submissions']}", "0", bought["submissions"] == 0),
        ("second run: uploads", f"{bought['uploads']}", "0", bought["uploads"] == 0),
        ("second run: credits", f"{bought['charges']}", "0", bought["charges"] == 0),
    ]


def fresh_clone() -> tuple[str, str, str, bool]:
    """Time `make demo` in a fresh clone, with nothing in pip's cache."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
        started = time.monotonic()
        subprocess.run(
            ["make", "--silent", "demo"],
            cwd=clone,
            env=os.environ | {"PIP_NO_CACHE_DIR": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        seconds = time.monotonic() - started
    return "fresh clone, make demo, seconds", f"{seconds:.0f}", "under 180", seconds < 180


def timed(arguments: Sequence[str], home: Path) -> tuple[float, str]:
    """Run the command in an empty environment; its seconds and its standard output."""
    started = time.monotonic()
    finished = subprocess.run(
        [str(COMMAND), *arguments],
        cwd=PROJECT,
        env=empty_environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return time.monotonic() - started, finished.stdout


def truth_of(home: Path) -> dict[str, int]:
    """What the sandbox knows of requests and money."""
    with SandboxServer(SandboxOptions(), home / "sandbox" / STATE_NAME) as server:
        truth = call(f"{server.url}/sandbox/truth?summary=1")
    requests = {route: sum(found.values()) for route, found in truth["requests"].items()}
    return {
        "submissions": requests["generate"],
        "uploads": requests["uploads"],
        "charges": truth["charges"],
        "refunds": truth["refunds"],
    }


if __name__ == "__main__":
    main()
