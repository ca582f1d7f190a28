"""Carrying out a case: kill, kill, kill, then run to the end, and judge."""

from __future__ import annotations

import os
import shutil
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ideogram_pipeline_tests.support import call, write_catalog
from ideogram_pipeline_tests.torture import programs
from ideogram_pipeline_tests.torture.books import read_books
from ideogram_pipeline_tests.torture.cases import OUTAGE_SECONDS, Case, Kill
from ideogram_pipeline_tests.torture.processes import (
    KILLED,
    Ended,
    run_process,
    sandbox_process,
)
from ideogram_pipeline_tests.torture.verdict import Verdict, jobs_on_disk, judge
from ideogram_pipeline_tests.torture.weather import sandbox_options, script

CHARACTER = "ann"
MOST_RUNS = 6
"""Whole runs after the last kill within which all must be settled; without faults, one does it."""
EXIT_CODES = (0, 3, 4)
"""Ends of a run that say what became of the images; all others are errors."""


_SETTINGS = ("APIFRAME_", "DAGSTER_", "IDEOGRAM_PIPELINE_")


def command_environment(url: str) -> dict[str, str]:
    """The variables of every run: all waits are the product's own, but for the polling's."""
    system = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    return system | {
        "APIFRAME_API_KEY": "afk_sandbox_torture",
        "APIFRAME_BASE_URL": url,
        "IDEOGRAM_PIPELINE_HOME": "home",
        "IDEOGRAM_PIPELINE_CATALOG": "catalog",
        "IDEOGRAM_PIPELINE_POLL_INTERVAL": "0.2",
        "IDEOGRAM_PIPELINE_REQUESTS_PER_MINUTE": "100000",
    }


@dataclass(slots=True)
class Outcome:
    """How a case went."""

    case: Case
    folder: Path
    """Its home, catalog and log; removed if the verdict is good."""
    verdict: Verdict
    killed_at: list[Kill] = field(default_factory=list)
    missed: list[Kill] = field(default_factory=list)
    """The kills that came too late: their run had ended."""
    recovery: Ended | None = None
    """The first whole run after the last kill: what it passed, and how long it took."""
    whole_runs: int = 0
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether all is right; only after an outage may something be lost, and only aloud."""
        return self.verdict.is_clean(may_lose_aloud=self.case.mode == "outage")


def carry_out(case: Case, folder: Path) -> Outcome:
    """Run a case in ``folder``, which must not exist; it is removed if all is well."""
    started = time.monotonic()
    folder.mkdir(parents=True)
    outcome = Outcome(case, folder, Verdict())
    try:
        with sandbox_process(sandbox_options(case), folder / "sandbox.log") as url:
            _Chain(case, folder, url, outcome).run()
    except Exception:
        # Whatever it is, the other cases go on, and this one is shown.
        outcome.verdict.troubles.append(traceback.format_exc())
    if outcome.is_good:
        shutil.rmtree(folder)
    outcome.seconds = time.monotonic() - started
    return outcome


class _Chain:
    """The runs of a case, one after the other, in one home and against one sandbox."""

    def __init__(self, case: Case, folder: Path, url: str, outcome: Outcome) -> None:
        self._case = case
        self._folder = folder
        self._home = folder / "home" / "sandbox"
        self._url = url
        self._outcome = outcome
        self._log = folder / "runs.log"
        self._on_disk: set[str] = set()
        """The jobs that needed no provider any more when an outage began."""

    def run(self) -> None:
        """Kill as the case says, run to the end, judge."""
        case, outcome = self._case, self._outcome
        for number, kill in enumerate(case.kills):
            self._arrange_faults(number)
            ended = self._command(case.images(number), kill)
            if ended.code != KILLED:
                outcome.missed.append(kill)
                continue
            outcome.killed_at.append(kill)
            if case.mode == "outage":
                self._on_disk |= jobs_on_disk(
                    self._truth(), self._reference(), self._home / "images"
                )
                call(f"{self._url}/sandbox/clock", {"advance_seconds": OUTAGE_SECONDS})
        planned = case.images(len(case.kills))
        prompts = {f"{CHARACTER}-{n}": f"scene {n} at the beach" for n in range(1, planned + 1)}
        self._arrange_faults(len(case.kills))
        settled = False
        while not settled and outcome.whole_runs < MOST_RUNS:
            ended = self._command(planned)
            outcome.whole_runs += 1
            outcome.recovery = outcome.recovery or ended
            books = read_books(self._home)
            settled = all(map(books.settled, prompts))
        outcome.verdict.add(
            judge(prompts, books, self._truth(), self._reference(), on_disk=self._on_disk)
        )
        if not settled:
            outcome.verdict.troubles.append(f"not settled after {MOST_RUNS} whole runs")
        if (ended.code == 0) != (outcome.verdict.stored == planned):
            outcome.verdict.troubles.append(f"the last run ended with {ended.code}")

    def _truth(self) -> dict[str, Any]:
        truth: dict[str, Any] = call(f"{self._url}/sandbox/truth")
        return truth

    def _reference(self) -> bytes:
        return (self._folder / "catalog" / f"{CHARACTER}.png").read_bytes()

    def _arrange_faults(self, run: int) -> None:
        lines = script(self._case, run)
        if lines:
            call(f"{self._url}/sandbox/faults", lines)

    def _command(self, images: int, kill: Kill | None = None) -> Ended:
        write_catalog(self._folder / "catalog", characters=[CHARACTER], prompts=images)
        with self._log.open("a") as log:
            log.write(f"--- {images} images, kill: {kill}\n")
        ended = run_process(
            programs.engine if self._case.group == "engine" else programs.command,
            folder=self._folder,
            environment=command_environment(self._url),
            log=self._log,
            kill=kill,
        )
        if ended.code not in (KILLED, *EXIT_CODES):
            said = self._log.read_text().rpartition("\n---")[2].strip()
            self._outcome.verdict.troubles.append(f"A run ended with {ended.code}:\n{said}")
        return ended
