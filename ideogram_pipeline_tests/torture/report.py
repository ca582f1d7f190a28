"""The table that people read, and the JSON that scripts read: the same numbers."""

from __future__ import annotations

import platform
import shlex
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import click

from ideogram_pipeline.cli.output import print_table
from ideogram_pipeline_tests.torture.cases import GROUPS, MODES, Case
from ideogram_pipeline_tests.torture.chain import Outcome
from ideogram_pipeline_tests.torture.points import Mine
from ideogram_pipeline_tests.torture.verdict import Verdict

PROGRAM = "python -m ideogram_pipeline_tests.torture"

COLUMNS = {
    "group": "killed at",
    "conditions": "conditions",
    "kills": "kills",
    "planned": "planned",
    "stored": "stored",
    "paid_twice": "paid twice",
    "lost_silently": "lost silently",
    "lost_loudly": "lost, said",
    "unresolved": "unresolved",
    "ledger_minus_truth": "ledger - truth",
    "seconds": "seconds",
}
"""What the table shows of a row, and under which heading."""


@dataclass(slots=True)
class Row:
    """The cases of one kind, added up; images in images, the ledger in credits."""

    group: str
    conditions: str
    cases: int = 0
    kills: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    failed_cases: int = 0
    most_whole_runs: int = 0
    """After the last kill, until all was settled."""
    seconds: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count a case."""
        self.cases += 1
        self.kills += len(outcome.killed_at)
        self.verdict.add(outcome.verdict)
        self.failed_cases += not outcome.is_good
        self.most_whole_runs = max(self.most_whole_runs, outcome.whole_runs)
        self.seconds += outcome.seconds

    @property
    def values(self) -> dict[str, Any]:
        """All of it by name, that of the verdict too."""
        values = asdict(self)
        del values["verdict"]
        return values | self.verdict.numbers


def rows_of(outcomes: Sequence[Outcome]) -> list[Row]:
    """Add the cases up by group and mode, in the order of the table."""
    rows = {(group, mode): Row(GROUPS[group], MODES[mode]) for group in GROUPS for mode in MODES}
    for outcome in outcomes:
        rows[outcome.case.group, outcome.case.mode].add(outcome)
    return [row for row in rows.values() if row.cases]


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    headings = list(COLUMNS.values())
    cells = [
        [round(value) if isinstance(value, float) else value for value in values]
        for values in ([row.values[name] for name in COLUMNS] for row in rows)
    ]
    sums = map(sum, list(zip(*cells, strict=True))[2:])
    print_table(headings, cells, numbers=headings[2:], total=["total", "", *sums])


def show_failure(outcome: Outcome) -> None:
    """Say on stderr what is wrong with a case, where it lies, and how to repeat it."""
    verdict = outcome.verdict
    numbers = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in verdict.numbers.items())
    kept = f"kept: {outcome.folder}"
    lines = [f"FAILED ({numbers})", *verdict.troubles, kept, repeat(outcome.case)]
    click.echo("\n  ".join(lines), err=True)


def repeat(case: Case) -> str:
    """The command that carries out one case."""
    return f"{PROGRAM} --case {shlex.quote(case.as_text())}"


def as_json(
    outcomes: Sequence[Outcome],
    *,
    seed: int,
    workers: int,
    seconds: float,
    kills_asked: int | None,
    unreached: Sequence[Mine],
) -> dict[str, Any]:
    """Everything, for ``build/torture.json``."""
    points: Counter[str] = Counter()
    for outcome in outcomes:
        points.update(f"{k.point} {k.side}" for k in outcome.killed_at if isinstance(k, Mine))
    return {
        "seed": seed,
        "workers": workers,
        "seconds": round(seconds, 1),
        "kills_asked": kills_asked,
        "kills": sum(len(outcome.killed_at) for outcome in outcomes),
        "kills_that_came_too_late": sum(len(outcome.missed) for outcome in outcomes),
        "rows": [row.values for row in rows_of(outcomes)],
        "kills_by_point": dict(sorted(points.items())),
        "points_never_killed_at": [f"{mine.point} {mine.side}" for mine in unreached],
        "failures": [
            {
                "verdict": asdict(outcome.verdict),
                "folder": str(outcome.folder),
                "repeat": repeat(outcome.case),
            }
            for outcome in outcomes
            if not outcome.is_good
        ],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
    }
