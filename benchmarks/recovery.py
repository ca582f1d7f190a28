"""How soon a run sees to the pictures that a killed run has paid and not stored.

The journal of the killed run holds thousands of stored pictures besides, and a sandbox has the
jobs. Times run from the start of the next run's process to the arrival, at the sandbox, of its
first useful request: a look at jobs, or a download.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pydantic import SecretStr

from benchmarks.dead_run import leave_behind
from benchmarks.environment import KEY, buyers_environment
from ideogram_pipeline.sandbox.envelope import Envelope, route_of
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.support import call, write_catalog

USEFUL = ("jobs", "job", "picture")
GOAL_SECONDS = 2.0
WAYS = {"engine": "the engine alone", "command": "ideogram-pipeline run --yes"}
TRIALS = {"engine": 3, "command": 1}
"""How often each is measured. The fastest counts: others may be at work on the machine."""

Arrivals = list[tuple[float, str]]
"""When a request arrived, by the monotonic clock that all processes share, and its route."""


@dataclass(frozen=True)
class Recovery:
    """One process that recovers; times are seconds from its start."""

    way: str
    imported: float
    first_useful: float
    done: float
    """Every paid picture is stored and the process has ended."""
    requests: int

    @property
    def after_imports(self) -> float:
        """Seconds from the end of the imports to the first useful request."""
        return self.first_useful - self.imported


def main() -> None:
    """Measure, print a table, write JSON; exit 1 if the engine misses the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--finished", type=int, default=10_000, help="pictures that are stored")
    parser.add_argument("--in-flight", type=int, default=200, help="pictures paid and not stored")
    parser.add_argument("--json", type=Path, default=Path("build/recovery.json"))
    arguments = parser.parse_args()
    terms = {"finished": arguments.finished, "in_flight": arguments.in_flight}
    found = measure(**terms)
    print(table(found, **terms))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({**terms, "ways": list(map(asdict, found))}, indent=1))
    sys.exit(found[0].first_useful >= GOAL_SECONDS)


def measure(*, finished: int, in_flight: int, trials: Mapping[str, int] = TRIALS) -> list[Recovery]:
    """Let one run die, and recover from it in every way.

    Args:
        finished: Pictures that the dead run had stored, at least one.
        in_flight: Pictures that it had paid and not stored.
        trials: How often each way is measured.

    Raises:
        RuntimeError: A paid picture was not stored, or one was bought again.
    """
    pictures = finished + in_flight
    with tempfile.TemporaryDirectory(prefix="recovery-") as place, recorded_sandbox() as sandbox:
        url, arrivals = sandbox
        left = Path(place, "left")
        # A real run makes the house: journal, warehouse, Dagster's instance, and one picture.
        catalog = write_catalog(Path(place, "catalog"), characters=("ann",), prompts=1)
        start("command", url, catalog, left)
        write_catalog(Path(catalog), characters=("ann",), prompts=pictures)
        settings = Settings.load(
            api_key=SecretStr(KEY), base_url=url, catalog=catalog, home=left, journal_url=None
        )
        leave_behind(settings, in_flight=in_flight)
        bought = call(f"{url}/sandbox/truth?summary=1")["jobCount"]
        recoveries = []
        for way, times in trials.items():
            found = []
            for trial in range(times):
                home = Path(place, f"{way}-{trial}")
                shutil.copytree(left, home)
                arrivals.clear()
                found.append(recover(way, url, catalog, home, arrivals))
                stored = sum(1 for _ in (home / "sandbox" / "images").rglob("*.png"))
                jobs = call(f"{url}/sandbox/truth?summary=1")["jobCount"]
                if (stored, jobs) != (pictures, bought):
                    raise RuntimeError(f"{way}: {stored} pictures stored, {jobs} jobs made")
            recoveries.append(min(found, key=lambda one: one.first_useful))
        return recoveries


@contextmanager
def recorded_sandbox() -> Iterator[tuple[str, Arrivals]]:
    """Serve a sandbox that is fast, and note when each request arrives."""
    arrivals: Arrivals = []
    serve = Envelope.__call__

    async def noted(self: Envelope, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            arrivals.append((time.monotonic(), route_of(scope["path"])))
        await serve(self, scope, receive, send)

    options = SandboxOptions(speed=1000, tiny=True, opening_credits=1_000_000)
    with patch.object(Envelope, "__call__", noted), SandboxServer(options) as server:
        yield server.url, arrivals


def recover(way: str, url: str, catalog: str, home: Path, arrivals: Arrivals) -> Recovery:
    """Time one process that recovers."""
    started = time.monotonic()
    imported = start(way, url, catalog, home)
    done = time.monotonic()
    first = next(at for at, route in arrivals if route in USEFUL)
    return Recovery(
        way=way,
        imported=imported - started,
        first_useful=first - started,
        done=done - started,
        requests=len(arrivals),
    )


def start(way: str, url: str, catalog: str, home: Path) -> float:
    """Run a process that recovers, and buys what is missing; when its imports were done.

    Raises:
        RuntimeError: It did not end well.
    """
    home.mkdir(exist_ok=True)
    noted = home / "imported"
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.recovering", way, str(noted)],
        cwd=home,
        env=buyers_environment(url, catalog, home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise RuntimeError(f"{way} ended with {ended.returncode}:\n{ended.stderr}")
    return float(noted.read_text())


def table(found: list[Recovery], *, finished: int, in_flight: int) -> str:
    """Write the measured times down, in seconds."""
    lines = [
        f"{finished:,} pictures stored, {in_flight:,} paid and not stored; seconds",
        f"{'':<30}{'imports':>10}{'then to the first':>20}{'from the start':>17}{'to the end':>13}",
        f"{'':<30}{'':>10}{'useful request':>20}{'to it':>17}{'':>13}",
    ]
    for one in found:
        lines.append(
            f"{WAYS[one.way]:<30}{one.imported:>10.2f}{one.after_imports:>20.2f}"
            f"{one.first_useful:>17.2f}{one.done:>13.1f}"
        )
    lines.append(f"Goal: the engine's first useful request within {GOAL_SECONDS:g} s of its start.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
