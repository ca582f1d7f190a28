"""What a killed run has left is brought home by itself, for what its quote has left and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ideogram_pipeline.orchestration import clock
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.resuming import (
    BY_A_PERSON_TAG,
    MOST_RESUMPTIONS,
    RESUMES_TAG,
    RESUMPTION_TAG,
    dead_run_sensor,
    resume_sensor,
)
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.orchestration.house import (
    IMAGES_OF_EACH,
    carry_out,
    write_catalog,
)
from ideogram_pipeline_tests.support import KEY, Bench, bench

COMMAND = Path(sys.executable).with_name("ideogram-pipeline")
PRICE = 10
SLOW = SandboxOptions(latency=0.4, tiny=True, max_concurrent_jobs=2, reject_over_limit=True)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A sandbox server that is slow enough to be killed in between, and an environment for it."""
    catalog = write_catalog(tmp_path / "catalog", "ann", "bob")
    with bench(tmp_path, SLOW, str(catalog)) as found:
        for name, value in {
            "APIFRAME_API_KEY": KEY,
            "APIFRAME_BASE_URL": found.server.url,
            "IDEOGRAM_PIPELINE_HOME": str(found.settings.home),
            "IDEOGRAM_PIPELINE_CATALOG": found.settings.catalog,
            "IDEOGRAM_PIPELINE_POLL_INTERVAL": "0.2",
            "IDEOGRAM_PIPELINE_REQUESTS_PER_MINUTE": "100000",
        }.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def instance(house: Bench) -> Iterator[dg.DagsterInstance]:
    with open_instance(house.settings) as opened:
        yield opened


def kill_a_run(house: Bench) -> None:
    """Kill the command with two jobs accepted of six that it would have bought."""
    with subprocess.Popen(
        [COMMAND, "run", "--yes"],
        env=os.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while not house.truth()["jobCount"]:
            assert process.poll() is None
        process.kill()
    assert 0 < house.truth()["jobCount"] < 2 * IMAGES_OF_EACH


def tick(instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    with dg.build_sensor_context(instance=instance) as context:
        asked = resume_sensor(context)
    return asked if isinstance(asked, list) else []


def spent(house: Bench) -> int:
    return int(house.truth()["charges"])


def test_a_killed_run_is_gone_on_with_for_what_its_quote_has_left(
    house: Bench, instance: dg.DagsterInstance
) -> None:
    kill_a_run(house)
    (request,) = tick(instance)
    (dead,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    assert request.tags[RESUMES_TAG] == dead.run_id
    assert request.tags["dagster/asset_partition_range_start"] == "ann"
    assert request.tags["dagster/asset_partition_range_end"] == "bob"
    terms = request.run_config["resources"]["pipeline"]["config"]
    assert terms["edition_at"] == dead.run_config["resources"]["pipeline"]["config"]["edition_at"]
    assert terms["max_credits"] == 2 * IMAGES_OF_EACH * PRICE
    (spender,) = terms["goes_on_with"]
    assert spender.endswith(dead.run_id[:8]), "what it has spent counts as well"

    carry_out(house.settings, instance, request)
    assert spent(house) == 2 * IMAGES_OF_EACH * PRICE
    assert len(list(house.settings.images_folder.rglob("*-v?-a1.png"))) == 2 * IMAGES_OF_EACH
    assert tick(instance) == []


def kill_again(house: Bench, instance: dg.DagsterInstance, request: dg.RunRequest) -> dg.DagsterRun:
    """Let the run that was asked for die as well, before it does anything."""
    run = instance.add_run(
        dg.DagsterRun(
            job_name="refresh",
            tags=dict(request.tags),
            run_config=request.run_config,
            status=dg.DagsterRunStatus.STARTED,
        )
    )
    (house.settings.folder / "alive" / f"{run.run_id}.1.lock").touch()
    return run


def test_a_run_that_dies_again_and_again_is_left_to_a_person_in_the_end(
    house: Bench, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_a_run(house)
    (request,) = tick(instance)
    for hours in (2, 4, 8, 16, 32):
        run = kill_again(house, instance, request)
        assert fetches_only(tick(instance)), "not at once"
        at = clock.now() + timedelta(hours=hours)
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda at=at: at - timedelta(minutes=1))
            assert fetches_only(tick(instance))
            patch.setattr(clock, "now", lambda at=at: at + timedelta(minutes=1))
            (request,) = tick(instance)
        assert request.tags[RESUMES_TAG] == run.run_id
    assert request.tags[RESUMPTION_TAG] == str(MOST_RESUMPTIONS) == "6"
    kill_again(house, instance, request)
    tick(instance)
    later = clock.now() + timedelta(days=6)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert fetches_only(tick(instance))


def fetches_only(requests: list[dg.RunRequest]) -> bool:
    """Whether what is asked for only brings home what is paid."""
    return all(
        request.run_config["resources"]["pipeline"]["config"] == {"max_credits": 0}
        for request in requests
    )


def test_what_an_empty_account_has_deferred_is_asked_for_an_hour_later(
    house: Bench, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = house.truth()["balance"]
    monkeypatch.setenv("IDEOGRAM_PIPELINE_BALANCE_FLOOR", str(opening - 2 * PRICE))
    subprocess.run([COMMAND, "run", "--yes"], env=os.environ, check=False, capture_output=True)
    assert spent(house) == 2 * PRICE
    monkeypatch.delenv("IDEOGRAM_PIPELINE_BALANCE_FLOOR")
    assert tick(instance) == []
    soon = clock.now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: soon)
    (request,) = tick(instance)
    terms = request.run_config["resources"]["pipeline"]["config"]
    assert terms["max_credits"] == 2 * IMAGES_OF_EACH * PRICE
    carry_out(house.settings, instance, request)
    assert spent(house) == 2 * IMAGES_OF_EACH * PRICE
    assert tick(instance) == []


@pytest.mark.parametrize(
    ("tags", "edition_at"),
    [
        ({"dagster/schedule_name": "refresh_schedule"}, "now"),
        ({"dagster/sensor_name": "catalog_sensor"}, "now"),
        ({}, "2026-11-01T06:00:00+00:00"),
        (
            {"dagster/sensor_name": "resume_sensor", BY_A_PERSON_TAG: "true"},
            "2026-11-01T06:00:00+00:00",
        ),
    ],
)
def test_a_period_that_was_missed_is_not_bought_by_going_on(
    house: Bench,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    tags: dict[str, str],
    edition_at: str,
) -> None:
    """What a person has asked for stays as it was asked for."""
    asked = {"edition_at": "2026-11-01T06:00:00+00:00"}
    instance.add_run(
        dg.DagsterRun(
            job_name="refresh",
            tags={"dagster/partition": "ann", **tags},
            run_config={"resources": {"pipeline": {"config": asked}}},
            status=dg.DagsterRunStatus.FAILURE,
        )
    )
    later = clock.now() + timedelta(hours=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    (request,) = tick(instance)
    terms = request.run_config["resources"]["pipeline"]["config"]
    assert terms == {"edition_at": later.isoformat() if edition_at == "now" else edition_at}


def test_what_somebody_has_set_as_the_limit_is_not_bought_later(
    house: Bench, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [COMMAND, "run", "--yes", "--max-credits", str(2 * PRICE)]
    subprocess.run(command, env=os.environ, check=False, capture_output=True)
    assert spent(house) == 2 * PRICE
    tomorrow = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    assert tick(instance) == []


def test_what_a_person_has_executed_again_is_not_gone_on_with(
    house: Bench, instance: dg.DagsterInstance
) -> None:
    kill_a_run(house)
    (request,) = tick(instance)
    instance.add_run(
        dg.DagsterRun(
            job_name="refresh",
            tags={"dagster/parent_run_id": request.tags[RESUMES_TAG]},
            status=dg.DagsterRunStatus.SUCCESS,
        )
    )
    assert fetches_only(tick(instance))


def test_paid_pictures_under_way_are_fetched_and_nothing_is_bought(
    house: Bench, instance: dg.DagsterInstance
) -> None:
    instance.add_dynamic_partitions("characters", ["ann", "bob"])
    kill_an_engine(house)
    before = spent(house)
    assert before
    requests = tick(instance)
    assert [request.partition_key for request in requests] == ["ann"]
    assert tick(instance)[0].run_key == requests[0].run_key, "a second look asks for nothing more"
    carry_out(house.settings, instance, requests[0])
    assert spent(house) == before
    fetched = list(house.settings.images_folder.rglob("*.png"))
    assert len(fetched) * PRICE == before
    assert tick(instance) == []


def test_what_a_run_that_is_to_begin_will_fetch_is_not_asked_for_as_well(
    house: Bench, instance: dg.DagsterInstance
) -> None:
    kill_a_run(house)
    (request,) = tick(instance)
    waiting = dg.DagsterRun(
        job_name="refresh", tags=dict(request.tags), status=dg.DagsterRunStatus.STARTING
    )
    instance.add_run(waiting)
    assert tick(instance) == []
    instance.delete_run(waiting.run_id)
    assert len(tick(instance)) == 1


def test_a_run_whose_death_a_code_server_has_recorded_is_gone_on_with_at_once(
    house: Bench, instance: dg.DagsterInstance
) -> None:
    kill_a_run(house)
    (dead,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    instance.report_run_failed(dead)
    (request,) = tick(instance)
    assert request.tags[RESUMES_TAG] == dead.run_id


def test_where_nothing_was_ever_run_nothing_is_resumed(
    house: Bench, instance: dg.DagsterInstance
) -> None:
    assert tick(instance) == []


def test_a_dead_run_is_reported_also_where_nothing_is_resumed(
    house: Bench, instance: dg.DagsterInstance
) -> None:
    kill_a_run(house)
    with dg.build_sensor_context(instance=instance) as context:
        said = dead_run_sensor(context)
    (dead,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    assert dead.run_id in str(said.skip_message)
    assert len(tick(instance)) == 1, "who is reported is still resumed"


def test_a_person_who_runs_the_command_again_sees_the_dead_run_as_failed(
    house: Bench, instance: dg.DagsterInstance
) -> None:
    kill_a_run(house)
    subprocess.run([COMMAND, "run", "--yes"], env=os.environ, check=True, capture_output=True)
    statuses = {run.status for run in instance.get_runs()}
    assert statuses == {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS}
    assert spent(house) == 2 * IMAGES_OF_EACH * PRICE


def kill_an_engine(house: Bench) -> None:
    """Leave jobs under way that no run of Dagster's knows of."""
    code = (
        "from ideogram_pipeline_tests.generation.killed_run import run\n"
        "from ideogram_pipeline.settings import Settings\n"
        "run(Settings.load(), 'accept', 'after', 2)\n"
    )
    subprocess.run([sys.executable, "-c", code], env=os.environ, check=False)
