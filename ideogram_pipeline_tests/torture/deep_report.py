"""The table of the deep torture, its JSON, and what is said of a failure."""

from __future__ import annotations

import platform
import shlex
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click
import duckdb

from ideogram_pipeline.cli.output import print_table
from ideogram_pipeline_tests.torture.powercut import PowerCuts
from ideogram_pipeline_tests.torture.syscalls import Experiment
from ideogram_pipeline_tests.torture.syscalls_injection import FAULTS, Injection
from ideogram_pipeline_tests.torture.verdict import Verdict

PROGRAM = "python -m ideogram_pipeline_tests.torture.deep"

COLUMNS = {
    "what": "what",
    "tried": "tried",
    "struck": "struck",
    "hangs": "hangs",
    "wrong_ends": "wrong ends",
    "paid_twice": "paid twice",
    "lost": "lost",
    "ledger_minus_truth": "ledger - truth",
    "disk_images": "disk images",
    "lost_commits": "lost commits",
    "broken_files": "broken files",
}
"""What the table shows of a row, and under which heading."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What power cuts have done to a recorded run, or to two of which one was killed."""

    killed_at: Injection | None
    found: PowerCuts

    @property
    def is_good(self) -> bool:
        """Whether all that was promised was on each disk."""
        return self.found.clean


Result = Experiment | Replayed


@dataclass(slots=True)
class Row:
    """Experiments of one kind, added up; ``None`` is what they do not tell."""

    what: str
    tried: int = 0
    """Calls at which a fault was to strike, or instants at which the power went."""
    struck: int | None = 0
    """Runs that got there."""
    hangs: int | None = 0
    wrong_ends: int | None = 0
    """Runs that ended by an error which is not made for people, or did not recover."""
    paid_twice: int | None = 0
    lost: int | None = 0
    """Paid images that are not stored."""
    ledger_minus_truth: int | None = 0
    """In credits, see ``Verdict``."""
    disk_images: int | None = None
    lost_commits: int | None = None
    """Disk images with a journal that lacks a transaction, or that is no use."""
    broken_files: int | None = None
    """Disk images with a stored picture or a warehouse that is missing or no use."""


def rows_of(results: Sequence[Result]) -> list[Row]:
    """One row for each kind of fault that was tried."""
    rows: list[Row] = []
    for fault, name in FAULTS.items():
        of_fault = [e for e in _experiments(results) if e.injection.fault == fault]
        if of_fault:
            rows.append(_row_of_fault(name, of_fault))
    cuts = [result.found for result in results if isinstance(result, Replayed)]
    if cuts:
        rows.append(_row_of_power_cuts(cuts))
    return rows


def _experiments(results: Sequence[Result]) -> list[Experiment]:
    return [result for result in results if isinstance(result, Experiment)]


def _row_of_fault(name: str, experiments: Sequence[Experiment]) -> Row:
    verdict = Verdict()
    for experiment in experiments:
        verdict.add(experiment.verdict)
    return Row(
        name,
        tried=len(experiments),
        struck=sum(experiment.struck for experiment in experiments),
        hangs=sum(experiment.hung for experiment in experiments),
        wrong_ends=sum(bool(experiment.wrong_end) for experiment in experiments),
        paid_twice=verdict.paid_twice,
        lost=verdict.lost,
        ledger_minus_truth=verdict.ledger_minus_truth,
    )


def _row_of_power_cuts(cuts: Sequence[PowerCuts]) -> Row:
    return Row(
        "power cut",
        tried=sum(found.cuts for found in cuts),
        struck=None,
        hangs=None,
        wrong_ends=None,
        paid_twice=None,
        lost=None,
        ledger_minus_truth=None,
        disk_images=sum(found.images for found in cuts),
        lost_commits=sum(found.lost_commits + found.unopened for found in cuts),
        broken_files=sum(found.broken_files + found.broken_warehouses for found in cuts),
    )


def show(results: Sequence[Result]) -> None:
    """Print the table."""
    headings = list(COLUMNS.values())
    cells = [[getattr(row, name) for name in COLUMNS] for row in rows_of(results)]
    print_table(headings, cells, numbers=headings[1:])


def show_failure(result: Result, seed: int) -> None:
    """Say on stderr what is wrong, and how to see it again."""
    if isinstance(result, Replayed):
        found = asdict(result.found)
        lines = list(found.pop("troubles"))
    else:
        found = result.verdict.numbers
        lines = [*result.verdict.troubles, result.wrong_end.strip()]
    numbers = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in found.items())
    lines = [f"FAILED ({numbers})", *filter(None, lines), repeat(result, seed)]
    click.echo("\n  ".join(lines), err=True)


def repeat(result: Result, seed: int) -> str:
    """The command that does one thing once more."""
    if isinstance(result, Replayed):
        case = f"power cut {result.killed_at or ''}".strip()
    else:
        case = str(result.injection)
    return f"{PROGRAM} --seed {seed} --case {shlex.quote(case)}"


def as_json(
    results: Sequence[Result], *, seed: int, every: int, workers: int, seconds: float
) -> dict[str, Any]:
    """Everything, for ``build/torture-deep.json``."""
    experiments = _experiments(results)
    tried = Counter((e.injection.fault, e.injection.call) for e in experiments)
    return {
        "seed": seed,
        "every": every,
        "workers": workers,
        "seconds": round(seconds, 1),
        "rows": [asdict(row) for row in rows_of(results)],
        "tried_by_call": {
            fault: {call: number for (of, call), number in sorted(tried.items()) if of == fault}
            for fault in FAULTS
        },
        "endings": {
            fault: Counter(e.ending.how for e in experiments if e.injection.fault == fault)
            for fault in FAULTS
        },
        "power_cuts": [
            {"killed_at": str(result.killed_at or ""), **asdict(result.found)}
            for result in results
            if isinstance(result, Replayed)
        ],
        "failures": [repeat(result, seed) for result in results if not result.is_good],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "duckdb": duckdb.__version__,
        "system": platform.platform(),
    }
