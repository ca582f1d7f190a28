"""Ticks of the schedules and sensors over a large cast, in a process as Dagster's code server is.

It notes, as JSON, the seconds of each tick, by what it found.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.past import pretend
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.partitions import CHARACTERS, add_characters
from ideogram_pipeline.orchestration.resuming import resume_sensor
from ideogram_pipeline.orchestration.schedules import schedules
from ideogram_pipeline.orchestration.sensors import catalog_sensor
from ideogram_pipeline.settings import Settings


def main() -> None:
    """Tick, buy all in pretence, edit a row, tick again."""
    warnings.simplefilter("ignore")
    (noted,) = sys.argv[1:]
    settings = Settings.load()
    seconds: dict[str, float] = {}
    asked: dict[str, int] = {}

    def timed(name: str, tick: Callable[[], list[dg.RunRequest]]) -> None:
        started = time.perf_counter()
        requests = tick()
        seconds[name] = time.perf_counter() - started
        asked[name] = len(requests)

    with open_instance(settings) as instance:
        looking = Looking(instance)
        timed("catalog sensor, first look", looking.look)
        add_characters(instance, looking.new)
        timed("catalog sensor, nothing changed", looking.look)
        timed("refresh schedule, all due", lambda: due(instance))
        pretend(settings)
        timed("refresh schedule, none due", lambda: due(instance))
        prompts = Path(settings.catalog) / "prompts.csv"
        prompts.write_text(prompts.read_text().replace("scene 7,", "another scene 7,", 1))
        timed("catalog sensor, one row edited", looking.look)
        timed("resume sensor, nothing left", lambda: resumed(instance))
    Path(noted).write_text(json.dumps({"seconds": seconds, "asked": asked}))


class Looking:
    """The catalog sensor, from one look to the next."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._cursor: str | None = None
        self.new: list[str] = []

    def look(self) -> list[dg.RunRequest]:
        """One look; the runs that it asks for."""
        with dg.build_sensor_context(instance=self._instance, cursor=self._cursor) as context:
            found: Any = catalog_sensor(context)
        self._cursor = found.cursor
        for request in found.dynamic_partitions_requests:
            assert request.partitions_def_name == CHARACTERS.name
            self.new += request.partition_keys
        return list(found.run_requests or ())


def due(instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """One tick of the schedule."""
    (schedule,) = (found for found in schedules("UTC") if found.name == "refresh_schedule")
    at = datetime.now(UTC)
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
        found = schedule(context)
    return found if isinstance(found, list) else []


def resumed(instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """One tick of the sensor that goes on with what was left."""
    with dg.build_sensor_context(instance=instance) as context:
        found = resume_sensor(context)
    return found if isinstance(found, list) else []


if __name__ == "__main__":
    main()
