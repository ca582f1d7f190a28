"""What a team leaves running works: sensors, schedules, backfills and runs in real processes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, BulkActionStatus

from ideogram_pipeline.orchestration.assets.generation import POOL
from ideogram_pipeline.orchestration.partitions import known_characters, partition_tags
from ideogram_pipeline.orchestration.resuming import RESUMES_TAG
from ideogram_pipeline_tests.conftest import clean_environment
from ideogram_pipeline_tests.orchestration.deployment import (
    MULTIPROCESS,
    PATIENCE,
    Deployment,
    deployment,
    until,
)
from ideogram_pipeline_tests.orchestration.house import edit_prompts

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("daemon")]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("house")
    with pytest.MonkeyPatch.context() as patch:
        clean_environment(patch, folder)
        with deployment(folder) as running:
            yield running


def test_the_catalog_sensor_has_everything_bought_once_and_then_what_changed(
    house: Deployment,
) -> None:
    names = ["ada", "ben", "cleo", "dan", "eve", "finn"]
    house.cast(*names, add=False)
    catalog = Path(house.bench.settings.catalog)
    bought = house.purchases()
    with house.sensors("catalog_sensor", "following_sensor"):
        (run,) = house.new_runs()
        assert run.status is dg.DagsterRunStatus.SUCCESS, house.told(run.run_id)
        assert run.tags.items() >= together("ada", "finn").items()
        assert [name for name in known_characters(house.instance) if name in names] == names
        assert bought.number == 2 * len(names)

        edit_prompts(catalog, "ben,scene 2 at the beach", "ben,scene 2 in the snow")
        (run,) = house.new_runs()
        assert run.tags.items() >= one("ben").items()
        assert bought.number == 2 * len(names) + 1

        edit_prompts(catalog, "A day at the sea", "A day by the sea")
        house.wait_for_ticks("catalog_sensor")
        until("the spend page", house.bench.settings.report_path.exists)
    assert house.new_runs(0) == []
    assert bought.number == 2 * len(names) + 1


def test_a_killed_run_is_told_gone_on_with_and_gives_its_slot_back(house: Deployment) -> None:
    names = ["gus", "hal", "ida"]
    house.cast(*names, prompts=3)
    pools = house.instance.event_log_storage
    pools.set_concurrency_slots(POOL, 1)
    bought = house.purchases()
    try:
        with (
            house.slow_looks(),
            house.without_sensor("dead_run_sensor"),
            house.without_sensor("failed_run_sensor"),
        ):
            killed = house.launch(together(*names))
            until("two jobs", lambda: house.are_under_way("gus"))
            house.kill(killed)
            # Long before the next look of a sensor, by the code server.
            assert house.ended(killed).status is dg.DagsterRunStatus.FAILURE
        with house.sensors("resume_sensor"):
            (resumed,) = house.new_runs(tags={RESUMES_TAG: killed})
            assert resumed.status is dg.DagsterRunStatus.SUCCESS, house.told(resumed.run_id)
    finally:
        pools.delete_concurrency_limit(POOL)
    assert house.new_runs(0) == []
    assert bought.number == 9
    assert [house.pictures(name) for name in names] == [3, 3, 3]
    (alert,) = until("an alert", lambda: house.alerts(killed))
    assert alert.startswith(f"Run {killed[:8]} of refresh for gus, hal, ida failed.")
    assert "killed" in alert


def test_two_runs_at_once_of_one_character_buy_its_pictures_once(house: Deployment) -> None:
    house.cast("jo", "kim", prompts=3)
    bought = house.purchases()
    runs = [house.launch(together("jo", "kim")), house.launch(one("kim"))]
    for run in runs:
        house.succeeded(run)
    assert bought.number == 6
    first, second = (house.instance.get_run_record_by_id(run) for run in runs)
    assert first.start_time < second.end_time
    assert second.start_time < first.end_time


@pytest.mark.soak
def test_backfills_over_selections_with_gaps_buy_each_picture_once(house: Deployment) -> None:
    """One from the UI and one from the command line, at the same time."""
    names = ["leo", "mia", "ned", "oda", "pam", "quin", "rex"]
    house.cast(*names)
    bought = house.purchases()
    by_command = ["job", "backfill", "--job", "refresh", "--partitions", "pam,rex", "--noprompt"]
    with house.dagster(*by_command) as command:
        assets = ["generation_plan", "images", "credit_ledger", "gallery"]
        backfill = house.backfill(assets, ["leo", "mia", "oda"])
        assert command.wait(PATIENCE) == 0

    def status() -> BulkActionStatus:
        return house.instance.get_backfill(backfill).status

    until("the end of the backfill", lambda: status() in BULK_ACTION_TERMINAL_STATUSES)
    assert status() is BulkActionStatus.COMPLETED_SUCCESS
    for run in house.new_runs(2):
        assert run.status is dg.DagsterRunStatus.SUCCESS, house.told(run.run_id)
    assert bought.number == 10
    assert [house.pictures(name) for name in names] == [2, 2, 0, 2, 2, 0, 2]


@pytest.mark.soak
def test_a_run_is_executed_again_from_its_failure_with_the_edition_of_the_first(
    house: Deployment,
) -> None:
    house.cast("val", refresh="daily")
    house.bench.tell("faults", [{"fault": "rate_limited", "route": "me", "seconds": 3600.0}])
    bought = house.purchases()
    failed = house.ended(house.launch(one("val")))
    assert failed.status is dg.DagsterRunStatus.FAILURE
    assert bought.number == 0
    (alert,) = until("an alert", lambda: house.alerts(failed.run_id))
    assert "Rate limit" in alert

    yesterday = datetime.now(UTC) - timedelta(days=1)
    house.move_creation(failed.run_id, yesterday)
    again = house.succeeded(house.execute_again(failed.run_id))
    assert bought.number == 2
    steps = house.instance.all_logs(again.run_id, of_type=dg.DagsterEventType.STEP_START)
    assert "generation_plan" not in {entry.dagster_event.step_key for entry in steps}
    assert house.editions("val") == {f"{yesterday:%Y-%m-%d}"}


def test_the_schedule_has_the_pictures_of_the_new_day_bought_once(house: Deployment) -> None:
    house.cast("wim", refresh="daily")
    bought = house.purchases()
    now = datetime.now(UTC)
    morning = (now + timedelta(days=1)).replace(hour=6, minute=0, second=0, microsecond=0)
    with house.schedule("refresh_schedule"):
        house.put_scheduler_forward((morning - now).total_seconds() + 1)
        (run,) = house.new_runs(tags={"dagster/schedule_name": "refresh_schedule"})
        assert run.status is dg.DagsterRunStatus.SUCCESS, house.told(run.run_id)
    assert house.editions("wim") == {f"{morning:%Y-%m-%d}"}
    assert bought.number == 2


@pytest.mark.soak
def test_a_process_for_each_step_buys_once_also_when_one_is_killed(house: Deployment) -> None:
    house.cast("yan", "zoe", prompts=3)
    bought = house.purchases()
    with house.slow_looks():
        killed = house.launch(together("yan", "zoe"), MULTIPROCESS)
        until("two jobs", lambda: house.are_under_way("yan"))
        house.kill(killed)
    assert house.ended(killed).status is dg.DagsterRunStatus.FAILURE
    assert bought.number == 2

    house.succeeded(house.launch(together("yan", "zoe"), MULTIPROCESS))
    assert bought.number == 6
    assert [house.pictures(name) for name in ("yan", "zoe")] == [3, 3]


def one(name: str) -> dict[str, str]:
    return partition_tags([name])


def together(*names: str) -> dict[str, str]:
    return partition_tags(names)
