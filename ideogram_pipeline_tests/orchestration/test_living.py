"""A run whose process was killed is found, recorded as failed, and gives its pool's slot back."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ideogram_pipeline.orchestration.caller import Caller, calling
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.living import DIED_TAG, living, report_dead_runs
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.orchestration.house import run_job, settings_for, write_catalog

HOLD = """
import sys
from pathlib import Path
from ideogram_pipeline.orchestration.living import living
from ideogram_pipeline.settings import Settings
with living(Settings.load(home=Path(sys.argv[1])), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""
RUN = "0b7a3a52-96e5-4f0a-9c02-3d7d7a9e1f10"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write_catalog(tmp_path / "catalog", "ann")
    return settings_for(tmp_path)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with open_instance(settings) as opened:
        yield opened


def begin(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    run = dg.DagsterRun(job_name="refresh", run_id=RUN, status=status)
    return instance.add_run(run)


def locks(settings: Settings) -> list[Path]:
    return list((settings.folder / "alive").glob("*"))


def die(settings: Settings) -> None:
    """Work on the run in another process, which is killed."""
    command = [sys.executable, "-c", HOLD, str(settings.home), RUN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        process.kill()
        process.wait()


def claims_a_slot(instance: dg.DagsterInstance, run_id: str) -> bool:
    storage = instance.event_log_storage
    return storage.claim_concurrency_slot("apiframe", run_id, "images").is_claimed


def test_a_living_run_is_left_alone(settings: Settings, instance: dg.DagsterInstance) -> None:
    run = begin(instance, dg.DagsterRunStatus.STARTED)
    with living(settings, run.run_id):
        assert report_dead_runs(settings, instance) == []
        assert len(locks(settings)) == 1
    assert locks(settings) == []
    assert report_dead_runs(settings, instance) == []
    assert instance.get_run_by_id(RUN) == run


def test_a_killed_run_is_recorded_as_failed_once(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    begin(instance, dg.DagsterRunStatus.STARTED)
    die(settings)
    (dead,) = report_dead_runs(settings, instance)
    assert dead.run_id == RUN
    found = instance.get_run_by_id(RUN)
    assert found
    assert found.status is dg.DagsterRunStatus.FAILURE
    assert found.tags[DIED_TAG] == "true"
    (event,) = instance.all_logs(RUN, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert "killed" in event.message
    assert locks(settings) == []
    assert report_dead_runs(settings, instance) == []


def test_a_run_that_died_while_it_was_stopped_was_canceled(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    begin(instance, dg.DagsterRunStatus.CANCELING)
    die(settings)
    assert len(report_dead_runs(settings, instance)) == 1
    found = instance.get_run_by_id(RUN)
    assert found
    assert found.status is dg.DagsterRunStatus.CANCELED


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED])
def test_a_run_that_has_ended_before_its_process_died_stays_as_it_is(
    settings: Settings, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    run = begin(instance, status)
    die(settings)
    assert report_dead_runs(settings, instance) == []
    assert instance.get_run_by_id(RUN) == run
    assert locks(settings) == []


def test_a_run_whose_death_a_code_server_has_recorded_is_known_to_have_died(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run = begin(instance, dg.DagsterRunStatus.STARTED)
    instance.event_log_storage.set_concurrency_slots("apiframe", 1)
    assert claims_a_slot(instance, RUN)
    die(settings)
    instance.report_run_failed(run)
    assert len(report_dead_runs(settings, instance)) == 1
    found = instance.get_run_by_id(RUN)
    assert found
    assert found.tags[DIED_TAG] == "true"
    assert len(instance.all_logs(RUN, of_type=dg.DagsterEventType.RUN_FAILURE)) == 1
    assert claims_a_slot(instance, "other")
    assert report_dead_runs(settings, instance) == []


def test_a_run_that_fails_gives_up_its_lock_before_it_says_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a lock of a failed run is one of a process that has died."""
    held = {}
    handle = dg.DagsterInstance.handle_new_event

    def look(instance: dg.DagsterInstance, event: dg.EventLogEntry, **more: Any) -> None:
        held[event.dagster_event_type] = len(locks(settings))
        handle(instance, event, **more)

    monkeypatch.setattr(dg.DagsterInstance, "handle_new_event", look)
    (Path(settings.catalog) / "prompts.csv").unlink()
    with open_instance(settings) as opened, calling(Caller(settings)):
        assert not run_job(settings, opened, "catalog").success
    assert held[dg.DagsterEventType.STEP_FAILURE] == 1
    assert held[dg.DagsterEventType.RUN_FAILURE] == 0


def test_a_run_that_nobody_knows_any_more_is_forgotten(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    die(settings)
    assert report_dead_runs(settings, instance) == []
    assert locks(settings) == []


def test_a_dead_run_gives_its_slot_of_a_pool_back(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    begin(instance, dg.DagsterRunStatus.STARTED)
    instance.event_log_storage.set_concurrency_slots("apiframe", 1)
    assert claims_a_slot(instance, RUN)
    assert not claims_a_slot(instance, "other")
    die(settings)
    report_dead_runs(settings, instance)
    assert claims_a_slot(instance, "other")


def test_who_dies_while_reporting_leaves_the_dead_run_for_the_next_look(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(instance, dg.DagsterRunStatus.STARTED)
    die(settings)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(dg.DagsterInstance, "report_run_failed", killed)
        with pytest.raises(KeyboardInterrupt):
            report_dead_runs(settings, instance)
    assert [run.run_id for run in report_dead_runs(settings, instance)] == [RUN]


def test_a_disk_that_does_not_let_us_look_stops_nobody(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(instance, dg.DagsterRunStatus.STARTED)
    die(settings)

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("ideogram_pipeline.orchestration.living.os.open", broken)
        assert report_dead_runs(settings, instance) == []
    assert len(report_dead_runs(settings, instance)) == 1
