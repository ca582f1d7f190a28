"""Measured figures beside their goals, and the page that shows them."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Goal:
    """The worst value that is good enough: ``at most`` it, or with ``at_least`` at least it."""

    bound: float
    at_least: bool = False

    def is_met_by(self, value: float) -> bool:
        """Whether a measured value is good enough."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'at least' if self.at_least else 'at most'} {_number(self.bound)}"


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    scenario: str
    what: str
    measured: float
    unit: str = ""
    goal: Goal | None = None
    """None: measured beside others, to compare."""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached, if there is one."""
        return None if self.goal is None else self.goal.is_met_by(self.measured)

    def as_json(self) -> dict[str, Any]:
        """All that is to be kept of it."""
        return {
            "scenario": self.scenario,
            "figure": self.what,
            "measured": self.measured,
            "unit": self.unit,
            "goal": None if self.goal is None else str(self.goal),
            "met": self.is_met,
        }


def circumstances(command: str) -> dict[str, Any]:
    """What the numbers depend on besides the code: machine, Python, date, command, other work."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "load": round(os.getloadavg()[0], 1),
        "command": command,
    }


def page(figures: Sequence[Figure], around: dict[str, Any]) -> str:
    """Write the figures down as a table, below what they depend on."""
    rows = [("figure", "goal", "measured", "met")]
    for figure in figures:
        shown = f"{_number(figure.measured)} {figure.unit}".strip()
        met = {True: "yes", False: "NO", None: ""}[figure.is_met]
        what = figure.what if figure.goal else f"  {figure.what}"
        rows.append((what, str(figure.goal or ""), shown, met))
    heading = [
        f"{around['machine']}; {around['system']}; {around['python']}",
        f"{around['date']}; load of the machine before: {around['load']}; `{around['command']}`",
    ]
    return "\n".join([*heading, "", *_columns(rows)])


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.4g}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
