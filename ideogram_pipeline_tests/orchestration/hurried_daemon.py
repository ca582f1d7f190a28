"""Dagster's daemon, started as a process, that waits a second where it would wait a minute.

What it does when it has waited is Dagster's own. The clock of its scheduler can be put forward;
everybody else's stays.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster._core.remote_representation.external import RemoteSensor
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.scheduler.instigation import InstigatorState
from dagster._daemon import asset_daemon, controller, sensor
from dagster._daemon.cli import create_dagster_daemon_cli
from dagster._scheduler import scheduler

TIMES = 30
"""So many times shorter are the intervals of sensors."""


def main(ahead: Path) -> None:
    """Run the daemon with the arguments of ``dagster-daemon``.

    Args:
        ahead: A file with the seconds by which the scheduler's clock is ahead.
    """

    def scheduler_time() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(ahead.read_text()))

    scheduler.get_current_datetime = scheduler_time
    scheduler.get_current_timestamp = lambda: scheduler_time().timestamp()
    scheduler._get_next_scheduler_iteration_time = lambda start: start + 1

    sensor.MIN_INTERVAL_LOOP_TIME = 0.5
    sensor.is_under_min_interval = asset_daemon.is_under_min_interval = _is_under_interval
    asset_daemon.MIN_INTERVAL_LOOP_SECONDS = 1
    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 0.5  # of backfills
    QueuedRunCoordinator.dequeue_interval_seconds = 0.25
    create_dagster_daemon_cli()()


def _is_under_interval(
    state: InstigatorState, looking: RemoteSensor, minimum_allowed_min_interval: int = 0
) -> bool:
    elapsed = sensor.get_elapsed(state)
    return elapsed is not None and elapsed < (looking.min_interval_seconds or 0) / TIMES


if __name__ == "__main__":
    main(Path(sys.argv.pop(1)))
