"""Dagster's own folder: made once, before anything runs in parallel."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import dagster as dg
from filelock import FileLock

from ideogram_pipeline.errors import PipelineError, StorageError
from ideogram_pipeline.orchestration.event_log import open_grouped
from ideogram_pipeline.orchestration.partitions import known_characters
from ideogram_pipeline.settings import Settings

DAGSTER_YAML = """\
# Made by ideogram_pipeline on first use; yours to change. It holds no secrets.
telemetry:
  enabled: false
nux:
  enabled: false

concurrency:
  runs:
    # Each run keeps the provider busy by itself; more of them only share its slots.
    max_concurrent_runs: 4
    tag_concurrency_limits:
      # Two runs of one character are safe, but the second would only watch the first one.
      - key: dagster/partition
        limit: 1
        value:
          applyLimitPerUniqueValue: true

# A run that does not start is marked as failed. (One whose process died is found by the sensor
# dead_run_sensor: the launcher of a single machine does not look after its processes.)
run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  free_slots_after_run_end_seconds: 60

retention:
  # The sensors look every minute or more often; what they found nothing in need not be kept.
  sensor:
    purge_after_days:
      skipped: 1
"""

_YAML_NAME = "dagster.yaml"
_NO_CAPTURE = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


def ensure_dagster_home(settings: Settings) -> Path:
    """Find Dagster's folder, as ``Settings.dagster_home`` has it; the user's own is left as it is.

    Ours is made on first use, under a lock and under another name: several processes that open a
    fresh instance at once, or one that is killed while it makes its SQLite files, can leave a
    schema that no later start mends (dagster-io/dagster#27390).

    Raises:
        ConfigurationError: ``DAGSTER_HOME`` is not the absolute path of a folder.
        StorageError: The folder cannot be made.
    """
    home = settings.dagster_home
    if home != settings.own_dagster_home:
        return home
    try:
        if not (home / _YAML_NAME).exists():
            home.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(home.with_name(f"{home.name}.lock")):
                if not (home / _YAML_NAME).exists():
                    _set_up(home)
    except OSError as error:
        raise StorageError(
            f"Dagster's folder {home} cannot be made: {error}. Give this user the right to write "
            "to it, or set DAGSTER_HOME to another folder."
        ) from error
    return home


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open the instance for runs inside this process.

    What they print is left to this process: Dagster would move stdout and stderr to files, and a
    progress bar with them.
    """
    with open_grouped(str(ensure_dagster_home(settings)), _NO_CAPTURE) as instance:
        yield instance


def _set_up(home: Path) -> None:
    if home.is_dir():
        # Somebody has removed the file to get it anew; Dagster's history stays.
        (home / _YAML_NAME).write_text(DAGSTER_YAML, encoding="utf-8")
        return
    draft = home.with_name(f".{home.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    (draft / _YAML_NAME).write_text(DAGSTER_YAML, encoding="utf-8")
    with dg.DagsterInstance.from_config(str(draft)) as instance:
        # Each of these makes one of the SQLite files.
        instance.get_runs_count()
        known_characters(instance)
        instance.all_instigator_state()
    draft.replace(home)


@click.command()
def main() -> None:
    """Print Dagster's folder, made on first use: what DAGSTER_HOME is to be set to."""
    try:
        click.echo(ensure_dagster_home(Settings.load()))
    except PipelineError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
