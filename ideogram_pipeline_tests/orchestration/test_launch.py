"""The main job in one process: everything is made once, and Dagster's UI can show how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest

from ideogram_pipeline.errors import CatalogError
from ideogram_pipeline.generation.report import Progress
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.launch import Launch, _groups, materialize_characters
from ideogram_pipeline.orchestration.partitions import add_characters
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.orchestration.house import (
    IMAGES_OF_EACH,
    edit_prompts,
    launch,
    materializations,
    settings_for,
    write_catalog,
)
from ideogram_pipeline_tests.orchestration.test_definitions import BY_CHARACTER, GRAPH


@dataclass
class House:
    """Two characters after a first and a second launch."""

    settings: Settings
    first: Launch
    second: Launch
    progress: list[Progress] = field(default_factory=list)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("house")
    write_catalog(folder / "catalog", "ann", "bob")
    settings = settings_for(folder)
    progress: list[Progress] = []
    first = launch(settings, "ann", "bob", on_progress=progress.append)
    second = launch(settings, "ann", "bob")
    return House(settings, first, second, progress)


@pytest.fixture
def instance(house: House) -> Iterator[dg.DagsterInstance]:
    with open_instance(house.settings) as opened:
        yield opened


def test_the_first_launch_makes_every_picture(house: House) -> None:
    (report,) = house.first.reports
    assert house.first.success
    assert house.first.failed_checks == []
    assert {name: dict(r.fates) for name, r in report.characters.items()} == {
        name: {"made": IMAGES_OF_EACH} for name in ("ann", "bob")
    }


def test_the_second_launch_buys_nothing(house: House) -> None:
    (report,) = house.second.reports
    assert house.second.success
    assert report.count("reused") == 2 * IMAGES_OF_EACH
    assert report.credits == report.requests == 0


def test_progress_reaches_the_caller(house: House) -> None:
    assert house.progress[-1].made == 2 * IMAGES_OF_EACH


def test_each_run_records_each_character_exactly_once(
    house: House, instance: dg.DagsterInstance
) -> None:
    for name in GRAPH:
        recorded = Counter((run, key) for run, key, _ in materializations(instance, name))
        keys = {"ann", "bob"} if name in BY_CHARACTER else {None}
        assert set(recorded.values()) == {1}
        assert len(recorded) == 2 * len(keys)
        assert {key for _, key in recorded} == keys


def test_one_run_holds_all_characters(house: House, instance: dg.DagsterInstance) -> None:
    for done in (house.first, house.second):
        jobs = [instance.get_run_by_id(run).job_name for run in done.dagster_run_ids]
        assert jobs == ["catalog", "refresh", "books"]


def test_dagsters_run_and_ours_lead_to_each_other(
    house: House, instance: dg.DagsterInstance
) -> None:
    for done in (house.first, house.second):
        run = instance.get_run_by_id(done.dagster_run_ids[1])
        ours = done.reports[0].run_id
        assert run.tags["ideogram_pipeline/run_id"] == ours
        assert ours.endswith(run.run_id[:8])
        events = [
            m for run_id, _, m in materializations(instance, "images") if run_id == run.run_id
        ]
        assert {event["run_id"] for event in events} == {ours}


def test_each_character_shows_its_own_numbers(house: House, instance: dg.DagsterInstance) -> None:
    first, second = (
        {
            key: metadata
            for run, key, metadata in materializations(instance, "images")
            if run == done.dagster_run_ids[1]
        }
        for done in (house.first, house.second)
    )
    for name in ("ann", "bob"):
        assert first[name]["images_made"] == second[name]["images_reused"] == IMAGES_OF_EACH
        assert first[name]["credits"] == second[name]["credits_avoided"] > 0
        assert first[name]["contact_sheet"].startswith(f"![Pictures of {name}](data:image/webp")
        assert len(first[name]["contact_sheet"]) < 30_000
        assert first[name]["requests_per_image"] > 0


def test_characters_with_a_gap_between_them_take_two_runs(tmp_path: Path) -> None:
    write_catalog(tmp_path / "catalog", "ann", "bob", "cid")
    settings = settings_for(tmp_path)
    done = launch(settings, "cid", "ann", max_credits=40)
    assert [list(report.characters) for report in done.reports] == [["ann"], ["cid"]]
    assert [report.credits for report in done.reports] == [30, 10]
    assert done.reports[1].count("deferred") == 2
    with open_instance(settings) as instance:
        shown = {key: metadata for _, key, metadata in materializations(instance, "images")}
    assert shown["cid"]["images_deferred"] == 2
    assert "limit" in shown["cid"]["not_brought_home"]


def test_an_unknown_character_is_named(tmp_path: Path) -> None:
    write_catalog(tmp_path / "catalog", "ann")
    with pytest.raises(CatalogError, match=r"no character anne\. It has: ann"):
        materialize_characters(settings_for(tmp_path), ["anne"])


def test_an_unreadable_catalog_ends_it_with_a_text_for_people(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_catalog(tmp_path / "catalog", "ann")
    edit_prompts(tmp_path / "catalog", "rendering_speed", "rendering_sped")
    done = materialize_characters(settings_for(tmp_path), ["ann"])
    assert not done.success
    assert len(done.dagster_run_ids) == 1
    (text,) = done.failures
    assert "rendering_sped" in text
    assert "Traceback" not in text
    assert capfd.readouterr() == ("", "")


def test_a_run_of_the_command_holds_a_thousand_characters() -> None:
    names = [f"c{number}" for number in range(1_500)]
    with dg.DagsterInstance.ephemeral() as instance:
        add_characters(instance, names)
        assert [len(part) for part in _groups(instance, names)] == [1_000, 500]
        assert _groups(instance, names[:400]) == [names[:400]]
