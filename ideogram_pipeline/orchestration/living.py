"""Which of Dagster's runs are alive: each of their processes holds a lock that dies with it.

The launcher of a single machine does not look after its processes. With Dagster 1.13, a code server
that outlives a run it has started records it as failed, without a reason; where nobody outlived it,
or the command had started it, it stays "started" for ever. Either way it keeps its slot of a pool.
Here a killed run is found by its lock, which the kernel has freed, and recorded as what it is.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg

from ideogram_pipeline.generation.owners import Owner
from ideogram_pipeline.settings import Settings

DIED_TAG = "ideogram_pipeline/died"
"""On a run whose process ended without a word."""
DIED = (
    "The process of this run ended without a word: it was killed, or the machine went down. What "
    "it had paid is in the journal. A run of the same characters fetches that and goes on; no "
    "picture is bought twice."
)


@contextmanager
def living(settings: Settings, run_id: str) -> Iterator[None]:
    """Let others see that this process works on a run of Dagster's, as long as the block lasts.

    Raises:
        StorageError: The lock file cannot be made.
    """
    # A run of the multiprocess executor has several processes.
    with Owner(_folder(settings), f"{run_id}.{os.getpid()}"):
        yield


def report_dead_runs(settings: Settings, instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Record as failed and dead every run whose process died, and free its slots of pools.

    Returns:
        Those runs, as they were.
    """
    reported = []
    for lock in _left_behind(_folder(settings)):
        run = instance.get_run_by_id(lock.name.partition(".")[0])
        # A process gives up its lock before it records that its run has failed. So where there is
        # one, somebody else has: the code server that had started the process.
        if run and (not run.is_finished or run.status is dg.DagsterRunStatus.FAILURE):
            _report(instance, run)
            reported.append(run)
        with suppress(OSError):
            lock.unlink()  # last: who dies before it leaves it for the next look
    return reported


def _report(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    instance.add_run_tags(run.run_id, {DIED_TAG: "true"})
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, DIED)
    elif not run.is_finished:
        instance.report_run_failed(run, DIED)
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _left_behind(folder: Path) -> Iterator[Path]:
    """The locks that nobody holds, though nobody has taken them away, as who ends does."""
    for path in sorted(folder.glob("*.lock")):
        try:
            # Not made anew, as `FileLock` would, if its run ends just now.
            handle = os.open(path, os.O_RDWR)
        except OSError:
            continue  # it has ended, or the disk does not let us look now
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_nlink:
                yield path
        except OSError:
            continue  # it is alive
        finally:
            os.close(handle)


def _folder(settings: Settings) -> Path:
    return settings.folder / "alive"
