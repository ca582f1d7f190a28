"""The sensor asks for exactly the characters whose pictures are decided anew."""

from __future__ import annotations

import random
from pathlib import Path

import dagster as dg

from ideogram_pipeline.orchestration.partitions import known_characters
from ideogram_pipeline.orchestration.sensors import catalog_sensor
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.orchestration.house import asked_for, edit_prompts, write_catalog


def look(
    instance: dg.DagsterInstance, cursor: str | None
) -> tuple[list[str], list[str], str | None]:
    """One tick of the sensor: characters asked for, partitions to add, the next cursor."""
    asked, new, cursor = requests(instance, cursor)
    return [str(request.partition_key) for request in asked], new, cursor


def requests(
    instance: dg.DagsterInstance, cursor: str | None
) -> tuple[list[dg.RunRequest], list[str], str | None]:
    """The same with the runs that are asked for."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        result = catalog_sensor(context)
    assert isinstance(result, dg.SensorResult)
    # Dagster drops a request whose key it has seen, also when a catalog goes back and forth.
    assert {request.run_key for request in result.run_requests or ()} <= {None}
    new = [key for request in result.dynamic_partitions_requests for key in request.partition_keys]
    return list(result.run_requests or ()), new, result.cursor


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


def test_many_that_changed_share_few_runs_with_nobody_else_in_them(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    names = [f"c{number:03}" for number in range(120)]
    write_catalog(catalog, *names)
    asked, new, cursor = requests(instance, None)
    assert new == names
    (request,) = asked
    instance.add_dynamic_partitions("characters", new)
    assert asked_for(instance, request) == names

    changed = set(random.Random(3).sample(names, 60))
    for name in changed:
        edit_prompts(catalog, f"{name},stands on a hill", f"{name},sits on a hill")
    asked, _, _ = requests(instance, cursor)
    spanned = [name for request in asked for name in asked_for(instance, request)]
    # Nothing was bought yet: a run that spanned another character would buy its pictures.
    assert sorted(spanned) == sorted(changed)


def test_a_character_that_left_is_asked_for_no_more_and_keeps_its_key(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    _, new, cursor = look(instance, None)
    instance.add_dynamic_partitions("characters", new)
    write_catalog(catalog, "ann")
    assert look(instance, cursor)[:2] == ([], [])
    assert known_characters(instance) == ["ann", "bob"]


def test_a_cursor_stays_small_and_the_files_behind_it_few(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    cursor = None
    for number in range(30):
        edit_prompts(catalog, f"stands on {number or 'a hill'}", f"stands on {number + 1}")
        _, _, cursor = look(instance, cursor)
        assert len(cursor or "") == 32
    assert len(list((Settings.load().folder / "seen").iterdir())) == 10
    assert look(instance, cursor)[0] == []


def test_a_cursor_whose_file_is_gone_asks_for_all(
    catalog: Path, instance: dg.DagsterInstance
) -> None:
    _, _, cursor = look(instance, None)
    for file in (Settings.load().folder / "seen").iterdir():
        file.unlink()
    assert look(instance, cursor)[0] == ["ann", "bob"]
