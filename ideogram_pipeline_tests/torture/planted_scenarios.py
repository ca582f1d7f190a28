"""The days on which the planted bugs do harm, and the right product does none.

A scenario is played with real processes: one that may be killed with SIGKILL at a step of the
protocol, an outage by the provider's clock, and one more run that has to end by itself.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ideogram_pipeline.generation import submitting, watching
from ideogram_pipeline.generation.publication import publish_books
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.generation import killed_run
from ideogram_pipeline_tests.support import Bench, bench, write_catalog
from ideogram_pipeline_tests.torture.books import read_books
from ideogram_pipeline_tests.torture.deep_strace import StraceUnusable
from ideogram_pipeline_tests.torture.powercut import power_cuts
from ideogram_pipeline_tests.torture.verdict import judge

Plant = Callable[[], None]
"""Puts a bug into the process that calls it; a function of a module, so that it can be sent."""

Harm = dict[str, int]
"""The numbers of the judge that have to be 0 and are not, by name."""

PATIENCE = 60.0
"""Seconds after which a process that has not ended is a fault of the harness or the product."""

# Children are forked from the server that ``deep_child`` has prepared; there is one for a process.
processes = multiprocessing.get_context("forkserver")


class Spoiled(Exception):
    """The scenario did not take place as it is written: nothing can be said about the bug."""


Kill = tuple[str, str]
"""``before`` or ``after``, and a step of ``killed_run.STEPS``: SIGKILL at its first pass."""

Rows = Mapping[str, str]
"""The texts of a catalog by prompt id; no two are the same, so that the judge can tell them."""

ROWS = {"one": "at the beach", "two": "in the rain"}
NEAR_TWINS = {"one": "at the beach", "two": "AT THE BEACH"}
"""With one seed, the job of each could be the other's, if a server had rewritten the text."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is wanted and what goes wrong; judged like a case of the crash matrix."""

    name: str
    rows: Rows = field(default_factory=lambda: ROWS)
    seed: str = ""
    """Of all rows; empty: each has one of its own."""
    fault: Mapping[str, str | int] | None = None
    kill: Kill | None = None
    outage_hours: float = 0.0
    """From the kill to the next run, by the provider's clock."""
    rows_after: Rows | None = None
    """What the catalog has come to hold when the next run starts."""
    ignore_idempotency_keys: bool = False
    hide_input: bool = False

    def play(self, folder: Path, plant: Plant | None) -> Harm:
        """Play it in an empty folder, with a bug or without.

        Raises:
            Spoiled: A process has not ended as it should.
        """
        options = SandboxOptions(
            speed=500,
            tiny=True,
            ignore_idempotency_keys=self.ignore_idempotency_keys,
            hide_input=self.hide_input,
        )
        source = write_catalog(folder / "catalog", characters=("ann",))
        self._write(folder / "catalog", self.rows)
        # One job in flight at a time, so that each playing meets the same steps in one order.
        with bench(folder, options, source, max_in_flight=1) as desk:
            if self.fault:
                desk.tell("faults", [self.fault])
            if self.kill:
                _expect(-signal.SIGKILL, desk, plant, self.kill)
            if self.outage_hours:
                desk.tell("clock", {"advance_seconds": self.outage_hours * 3600})
            if self.rows_after:
                self._write(folder / "catalog", self.rows_after)
            _expect(0, desk, plant, None)
            wanted = {**self.rows, **(self.rows_after or {})}
            reference = (folder / "catalog" / "ann.png").read_bytes()
            books = read_books(desk.settings.folder)
            verdict = judge(wanted, books, desk.truth(), reference)
        return _not_zero(
            {
                "paid twice": verdict.paid_twice,
                "lost silently": verdict.lost_silently,
                "ledger minus truth": verdict.ledger_minus_truth,
                "claimed twice": verdict.claimed_twice,
                "other troubles": len(verdict.troubles),
            }
        )

    def _write(self, catalog: Path, rows: Rows) -> None:
        lines = [f"{name},ann,{text},{self.seed}" for name, text in rows.items()]
        table = ["prompt_id,character_id,prompt,seed", *lines]
        (catalog / "prompts.csv").write_text("\n".join(table) + "\n")


@dataclass(frozen=True, slots=True)
class PowerCut:
    """One run, and the power goes at instants that are spread over it.

    What the disk may then hold takes the place of what it holds after a kill; see ``powercut``.
    """

    cuts: int

    @property
    def name(self) -> str:
        """What happens."""
        return f"power cuts at {self.cuts} instants"

    def play(self, folder: Path, plant: Plant | None) -> Harm:
        """Play it in an empty folder, with a bug or without.

        Raises:
            Spoiled: System calls cannot be traced here.
        """
        try:
            found = power_cuts(folder, plant=plant, cuts=self.cuts)
        except StraceUnusable as error:
            raise Spoiled(str(error)) from None
        return _not_zero(
            {
                "stored file wrong": found.broken_files,
                "journal unusable": found.unopened,
                "commits lost": found.lost_commits,
                "warehouse wrong": found.broken_warehouses,
            }
        )


KEYS_IGNORED = Scenario(
    "killed while submitting, keys ignored",
    kill=("after", "submit"),
    ignore_idempotency_keys=True,
)
LONG_OUTAGE = Scenario(
    "killed while submitting, 25 h outage, input hidden",
    kill=("after", "submit"),
    outage_hours=25,
    hide_input=True,
)
LOST_ANSWER = Scenario(
    "answer lost after acceptance, input hidden", fault={"fault": "lost_after"}, hide_input=True
)
ERROR_AFTER = Scenario(
    "503 after acceptance, keys ignored",
    fault={"fault": "unavailable_after"},
    ignore_idempotency_keys=True,
)
POWER_CUT = PowerCut(cuts=40)
KILLED_MOVE = Scenario(
    "killed before the rename, then the row replaced",
    rows={"one": "at the beach"},
    kill=("before", "move"),
    rows_after={"two": "in the rain"},
)
FAILED_JOB = Scenario("a job fails and is refunded", fault={"fault": "job_failed"})
SECOND_LOST = Scenario(
    "near twins, the second request lost",
    rows=NEAR_TWINS,
    seed="7",
    fault={"fault": "lost_before", "after": 1},
)


def _not_zero(numbers: Harm) -> Harm:
    return {name: number for name, number in numbers.items() if number}


def _expect(ending: int, desk: Bench, plant: Plant | None, kill: Kill | None) -> None:
    child = processes.Process(target=_run, args=(desk.settings, plant, kill))
    child.start()
    child.join(PATIENCE)
    if child.is_alive():
        child.kill()
        child.join()
    if child.exitcode != ending:
        raise Spoiled(f"a run ended with {child.exitcode} instead of {ending} (SIGKILL: {kill})")


def _run(settings: Settings, plant: Plant | None, kill: Kill | None) -> None:
    # Waits made short: what counts is the order of the steps, not their length.
    watching.FIRST_LOOK = watching.SHORTEST_WAIT = submitting.FIRST_WAIT = 0.02
    # The mine first: a bug may do the mined step at another moment, and is to be killed there.
    if kill:
        when, step = kill
        killed_run.mine(step, when, number=1)
    if plant:
        plant()
    killed_run.run(settings, step=None, when="before", number=1)
    publish_books(settings)
