"""A Dagster run over many characters, in a process of its own: whose time goes where.

It notes, as JSON, the seconds of the run of the job `refresh`, how many of them were spent in what
the orchestration calls of the other rooms (planning, engine, warehouse, gallery), and how many of
those in the engine alone. What is left is Dagster's, and that of the thin layer that talks to it.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import sys
import time
import types
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import dagster as dg

from ideogram_pipeline import orchestration
from ideogram_pipeline.orchestration.caller import Caller, calling
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.jobs import CATALOG_JOB, REFRESH_JOB
from ideogram_pipeline.orchestration.partitions import known_characters, partition_tags
from ideogram_pipeline.orchestration.project import build_definitions
from ideogram_pipeline.settings import Settings

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Clock:
    """Adds up the seconds within calls, by function; a call within a call is its caller's."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._is_within = False

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Make a function that is timed."""

        @wraps(function)
        def call(*values: Any, **named: Any) -> Any:
            if self._is_within:
                return function(*values, **named)
            started, self._is_within = time.perf_counter(), True
            try:
                return function(*values, **named)
            finally:
                self.seconds[function.__name__] += time.perf_counter() - started
                self._is_within = False

        return call

    def watch_other_rooms(self) -> None:
        """Time every function that the orchestration imports from another room, anywhere."""
        for found in pkgutil.walk_packages(orchestration.__path__, f"{orchestration.__name__}."):
            module = importlib.import_module(found.name)
            for home, name in _imported_from_other_rooms(module):
                value = getattr(home, name)
                if isinstance(value, types.FunctionType):
                    # What is wrapped is timed already, or is a context manager, whose time counts
                    # as Dagster's.
                    if not hasattr(value, "__wrapped__"):
                        value = self.timed(value)
                        setattr(home, name, value)
                    if hasattr(module, name):
                        setattr(module, name, value)


def _imported_from_other_rooms(module: types.ModuleType) -> Iterator[tuple[types.ModuleType, str]]:
    for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text())):
        if isinstance(node, ast.ImportFrom) and _is_of_other_room(node.module or ""):
            home = importlib.import_module(node.module or "")
            yield from ((home, alias.name) for alias in node.names)


def _is_of_other_room(module: str) -> bool:
    return module.startswith("ideogram_pipeline.") and not module.startswith(orchestration.__name__)


def main() -> None:
    """Read the catalog, then make all pictures of all characters in one run."""
    warnings.simplefilter("ignore")
    (noted,) = sys.argv[1:]
    clock = Clock()
    clock.watch_other_rooms()
    settings = Settings.load()
    with open_instance(settings) as instance, calling(Caller(settings)):
        definitions = build_definitions(settings)
        _run(definitions, instance, CATALOG_JOB.name)
        characters = known_characters(instance)
        clock.seconds.clear()
        started = time.perf_counter()
        _run(definitions, instance, REFRESH_JOB.name, partition_tags(characters))
        run = time.perf_counter() - started
    said = {
        "characters": len(characters),
        "run": run,
        "other_rooms": sum(clock.seconds.values()),
        "engine": clock.seconds["generate"],
    }
    Path(noted).write_text(json.dumps(said))


def _run(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    tags: dict[str, str] | None = None,
) -> None:
    # As the command runs it, which takes up to 1,000 characters together.
    definitions.resolve_job_def(job).execute_in_process(
        run_config=_QUIET, instance=instance, tags=tags
    )


if __name__ == "__main__":
    main()
