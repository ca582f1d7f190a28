"""The figures on large catalogs: planning them, and running them when nothing has changed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from statistics import median
from typing import Any

from benchmarks.environment import COMMAND, PROJECT, empty_environment
from benchmarks.figures import Figure, Goal
from benchmarks.past import pretend, pretend_to_agree, write_large_catalog
from benchmarks.places import new_place
from ideogram_pipeline.settings import Settings

WORTH_TELLING = 0.02
"""Seconds."""


def planning(quick: bool) -> list[Figure]:
    """A million rows of which a tenth is new: seconds and memory until the quote is known."""
    rows, characters = (3_000, 10) if quick else (1_000_000, 1_000)
    settings = _house(rows, characters)
    pretend(settings, but_every=10)
    noted = settings.home / "said.json"
    _call(settings, [sys.executable, "-m", "benchmarks.planning_process", str(noted)])
    said: dict[str, Any] = json.loads(noted.read_text())
    what = f"{said['images']:,} rows, {characters:,} characters, {said['new']:,} of them new"
    return [
        Figure("planning", f"{what}: plan", said["seconds"], "s", Goal(10)),
        Figure("planning", "of it reading and checking the catalog", said["reading"], "s"),
        Figure("planning", "peak of memory", said["peak_mb"], "MB", Goal(1_500)),
    ]


def unchanged(quick: bool) -> list[Figure]:
    """A run of the command that finds nothing to do.

    What is Dagster's own is the same run over a catalog of as many characters with one row each.
    """
    rows, characters = (100, 2) if quick else (100_000, 50)
    long, short = _idle_house(rows, characters), _idle_house(characters, characters)
    took = {house.home: median(_idle_run(house) for _ in range(3)) for house in (long, short)}
    steps, few = Counter(_idle_steps(long)), Counter(_idle_steps(short))
    steps.subtract(few)
    beyond = took[long.home] - took[short.home]
    what = f"{rows:,} unchanged rows of {characters} characters"
    return [
        Figure("unchanged", f"{what}: run beyond that of {characters}", beyond, "s", Goal(2)),
        Figure("unchanged", f"run of {rows:,} rows", took[long.home], "s"),
        Figure("unchanged", f"run of {characters} rows", took[short.home], "s"),
        *(
            Figure("unchanged", f"of what it is beyond, in {step}", seconds, "s")
            for step, seconds in steps.most_common()
            if seconds > WORTH_TELLING
        ),
    ]


def ticks(quick: bool) -> list[Figure]:
    """What the schedules and sensors need for a look at a large cast, two weekly rows each."""
    characters = 20 if quick else 10_000
    settings = _house(2 * characters, characters, refresh="weekly")
    noted = settings.home / "said.json"
    settings.home.mkdir(parents=True, exist_ok=True)
    _call(settings, [sys.executable, "-m", "benchmarks.ticks_process", str(noted)])
    said: dict[str, Any] = json.loads(noted.read_text())
    return [
        Figure(
            "ticks",
            f"{characters:,} characters: {tick}, {said['asked'][tick]} runs asked for",
            seconds,
            "s",
            Goal(3),
        )
        for tick, seconds in said["seconds"].items()
    ]


def _idle_house(rows: int, characters: int) -> Settings:
    """One in which everything is bought and published."""
    settings = _house(rows, characters)
    pretend(settings, files=True)
    _call(settings, [str(COMMAND), "run"])
    pretend_to_agree(settings)
    _call(settings, [str(COMMAND), "run"])
    return settings


def _idle_run(settings: Settings) -> float:
    """Seconds of a run after which everything is as it was before."""
    started = time.perf_counter()
    _call(settings, [str(COMMAND), "run"])
    return time.perf_counter() - started


def _idle_steps(settings: Settings) -> dict[str, float]:
    """Seconds of such a run within what the orchestration and the command call, by function."""
    noted = settings.home / "steps.json"
    _call(settings, [sys.executable, "-m", "benchmarks.idle_process", str(noted)])
    seconds: dict[str, float] = json.loads(noted.read_text())
    return seconds


def _house(rows: int, characters: int, refresh: str = "never") -> Settings:
    folder = new_place()
    catalog = write_large_catalog(
        folder / "catalog", rows=rows, characters=characters, refresh=refresh
    )
    return Settings.load(home=folder / "home", catalog=catalog, api_key=None)


def _call(settings: Settings, command: list[str]) -> None:
    environment = empty_environment(settings.home) | {
        "PYTHONPATH": str(PROJECT),
        "IDEOGRAM_PIPELINE_CATALOG": settings.catalog,
    }
    subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, check=True)
