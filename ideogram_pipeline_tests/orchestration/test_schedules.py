"""The schedules ask for the characters that are due, in few runs, and for nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ideogram_pipeline.errors import CatalogError
from ideogram_pipeline.orchestration.partitions import add_characters, known_characters
from ideogram_pipeline.orchestration.schedules import schedules
from ideogram_pipeline_tests.orchestration.house import (
    IMAGES_OF_EACH,
    asked_for,
    buy,
    edit_prompts,
    settings_for,
    write_catalog,
)

MORNING = datetime(2026, 11, 22, 6, tzinfo=UTC)
NEXT_MORNING = datetime(2026, 11, 23, 6, tzinfo=UTC)


def asked(
    instance: dg.DagsterInstance, at: datetime, name: str = "refresh_schedule"
) -> dg.SkipReason | list[dg.RunRequest]:
    """One tick of a schedule."""
    (schedule,) = (found for found in schedules("UTC") if found.name == name)
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
        result = schedule(context)
    assert isinstance(result, dg.SkipReason | list)
    return result


def tick(
    instance: dg.DagsterInstance, at: datetime, name: str = "refresh_schedule"
) -> dg.SkipReason | dict[str | None, dg.RunRequest]:
    """The same, by character."""
    result = asked(instance, at, name)
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
    assert sorted(tick(instance, NEXT_MORNING)) == ["ann", "bob"]
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


def test_a_thousand_that_are_due_share_few_runs(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    names = [f"c{number:04}" for number in range(1_000)]
    write_catalog(catalog, *names)
    (request,) = asked(instance, MORNING)
    assert asked_for(instance, request) == names
    assert asked(instance, MORNING)[0].run_key == request.run_key
    assert asked(instance, NEXT_MORNING)[0].run_key != request.run_key


def test_runs_span_characters_that_need_nothing_rather_than_be_many(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    names = [f"c{number:02}" for number in range(24)]
    write_catalog(catalog, *names)
    for name in names[::2]:
        edit_prompts(catalog, f"{name},reads a book,turbo,1,daily", f"{name},reads,turbo,1,monthly")
    add_characters(instance, names)
    buy(settings_for(catalog.parent), MORNING, *names)
    requests = asked(instance, NEXT_MORNING)
    assert len(requests) == 10
    spanned = [name for request in requests for name in asked_for(instance, request)]
    assert set(names[1::2]) <= set(spanned)
    assert len(set(spanned)) == len(spanned)


def test_the_schedule_of_every_hour_asks_when_the_time_of_a_row_has_come(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    edit_prompts(catalog, "bob,reads a book,turbo,1,daily", "bob,reads,turbo,1,30 17 * * SUN")
    evening = MORNING.replace(hour=18)
    for hour in range(24):
        found = tick(instance, MORNING.replace(hour=hour), "cron_refresh_schedule")
        if hour != evening.hour:
            assert isinstance(found, dg.SkipReason)
            continue
        # Daily rows are due as well; they wait for the morning.
        assert list(found) == ["bob"]
        assert found["bob"].run_key == "bob:2026-11-22T1730+0000"
        terms = found["bob"].run_config["resources"]["pipeline"]["config"]
        assert terms == {"edition_at": evening.isoformat()}
    buy(settings_for(catalog.parent), evening, "bob")
    assert isinstance(tick(instance, evening, "cron_refresh_schedule"), dg.SkipReason)


def test_a_late_tick_makes_the_edition_of_its_time(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    """Dagster evaluates a missed tick with the time for which it was scheduled."""
    for request in asked(instance, MORNING):
        terms = request.run_config["resources"]["pipeline"]["config"]
        assert terms["edition_at"] == MORNING.isoformat()
        assert request.run_key.endswith(":2026-11-22")


def test_a_catalog_that_cannot_be_read_is_a_failed_tick(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    edit_prompts(catalog, "rendering_speed", "rendering_sped")
    with pytest.raises(CatalogError, match="rendering_sped"):
        asked(instance, MORNING)
