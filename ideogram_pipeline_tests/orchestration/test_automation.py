"""The sensor and the schedule ask for exactly the characters that need a run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ideogram_pipeline.orchestration.automation import catalog_sensor, refresh_schedule
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.partitions import known_characters
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.orchestration.house import (
    IMAGES_OF_EACH,
    buy,
    edit_prompts,
    settings_for,
    write_catalog,
)

MORNING = datetime(2026, 11, 22, 6, tzinfo=UTC)
NEXT_MORNING = datetime(2026, 11, 23, 6, tzinfo=UTC)


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IDEOGRAM_PIPELINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IDEOGRAM_PIPELINE_CATALOG", str(tmp_path / "catalog"))
    return write_catalog(tmp_path / "catalog", "ann", "bob")


@pytest.fixture
def instance(catalog: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(Settings.load()) as opened:
        yield opened


def look(
    instance: dg.DagsterInstance, cursor: str | None
) -> tuple[list[str], list[str], str | None]:
    """One tick of the sensor: characters asked for, partitions to add, the next cursor."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        result = catalog_sensor(context)
    assert isinstance(result, dg.SensorResult)
    asked = [str(request.partition_key) for request in result.run_requests or ()]
    # Dagster drops a request whose key it has seen, also when a catalog goes back and forth.
    assert {request.run_key for request in result.run_requests or ()} <= {None}
    new = [key for request in result.dynamic_partitions_requests for key in request.partition_keys]
    return asked, new, result.cursor


def test_the_sensor_asks_for_what_changed_and_nothing_else(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    asked, new, cursor = look(instance, None)
    assert asked == new == ["ann", "bob"]
    instance.add_dynamic_partitions("characters", new)

    assert look(instance, cursor) == ([], [], cursor)

    edit_prompts(catalog, "With a book", "With another book")
    assert look(instance, cursor) == ([], [], cursor)

    edit_prompts(catalog, "bob,stands on a hill", "bob,sits on a hill")
    asked, new, cursor = look(instance, cursor)
    assert (asked, new) == (["bob"], [])

    write_catalog(catalog, "ann", "bob", "cid")
    edit_prompts(catalog, "bob,stands on a hill", "bob,sits on a hill")
    asked, new, cursor = look(instance, cursor)
    assert (asked, new) == (["cid"], ["cid"])


def test_the_sensor_asks_again_for_a_catalog_that_goes_back_to_what_it_was(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    _, _, cursor = look(instance, None)
    stands, sits = "bob,stands on a hill", "bob,sits on a hill"
    for old, new in [(stands, sits), (sits, stands)] * 2:
        edit_prompts(catalog, old, new)
        asked, _, cursor = look(instance, cursor)
        assert asked == ["bob"]


def test_a_catalog_that_cannot_be_read_is_a_skipped_tick(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    edit_prompts(catalog, "rendering_speed", "rendering_sped")
    with dg.build_sensor_context(instance=instance) as context:
        result = catalog_sensor(context)
    assert isinstance(result, dg.SkipReason)
    assert "rendering_sped" in str(result.skip_message)


def tick(
    instance: dg.DagsterInstance, at: datetime
) -> dg.SkipReason | dict[str | None, dg.RunRequest]:
    """One tick of the schedule."""
    schedule = refresh_schedule("UTC")
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
        result = schedule(context)
    if isinstance(result, dg.SkipReason):
        return result
    return {request.partition_key: request for request in result}


def test_the_schedule_asks_for_the_characters_that_are_due(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    edit_prompts(catalog, "bob,reads a book,turbo,1,daily", "bob,reads a book,turbo,1,weekly")
    settings = settings_for(catalog.parent)
    buy(settings, MORNING, "bob")

    due = tick(instance, MORNING)
    assert list(due) == ["ann"]
    assert due["ann"].run_key == "ann:2026-11-22"
    assert due["ann"].run_config == {
        "resources": {"pipeline": {"config": {"edition_at": "2026-11-22T06:00:00+00:00"}}}
    }

    buy(settings, MORNING, "ann")
    skipped = tick(instance, MORNING)
    assert isinstance(skipped, dg.SkipReason)
    assert "2026-11-22" in str(skipped.skip_message)

    # Sunday is over, and with it the week 47 of bob.
    due = tick(instance, NEXT_MORNING)
    assert {name: request.run_key for name, request in due.items()} == {
        "ann": "ann:2026-11-23",
        "bob": "bob:2026-W48",
    }


def test_the_schedule_asks_for_a_row_on_cron_once_in_each_of_its_periods(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    edit_prompts(catalog, "bob,reads a book,turbo,1,daily", "bob,reads a book,turbo,1,0 4 * * MON")
    settings = settings_for(catalog.parent)
    buy(settings, MORNING, "ann")
    due = tick(instance, MORNING)
    assert {name: request.run_key for name, request in due.items()} == {
        "bob": "bob:2026-11-16T0400+0000"
    }
    report = buy(settings, MORNING, "ann", "bob")
    assert (report.count("made"), report.count("reused")) == (IMAGES_OF_EACH, IMAGES_OF_EACH)

    assert isinstance(tick(instance, MORNING), dg.SkipReason)
    assert list(tick(instance, NEXT_MORNING)) == ["ann", "bob"]
    report = buy(settings, NEXT_MORNING, "bob")
    assert report.count("made") == 1
    assert list(tick(instance, NEXT_MORNING + timedelta(days=6))) == ["ann"]
    due = tick(instance, NEXT_MORNING + timedelta(days=7))
    assert due["bob"].run_key == "bob:2026-11-30T0400+0000"


def test_the_schedule_knows_characters_that_no_run_has_seen(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    assert list(tick(instance, MORNING)) == ["ann", "bob"]
    assert known_characters(instance) == ["ann", "bob"]
