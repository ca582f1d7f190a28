"""Books, spend page and gallery follow the pictures; pictures follow nothing by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ideogram_pipeline.orchestration.caller import Caller, calling
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.project import build_definitions
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.orchestration.house import run_job, settings_for, write_catalog

FOLLOWERS = ("credit_ledger", "gallery", "spend_report")


class House:
    """An installation, and the automation that looks at it again and again."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.settings = settings
        self.instance = instance
        self._definitions = build_definitions(settings)
        self._cursor: dg.AssetDaemonCursor | None = None

    def run(self, job: str, **how: object) -> None:
        with calling(Caller(self.settings)):
            assert run_job(self.settings, self.instance, job, **how).success

    def make(self, *assets: str, **how: object) -> None:
        """Make only these, as a person may from the page of an asset."""
        job = self._definitions.resolve_implicit_global_asset_job_def()
        with calling(Caller(self.settings)):
            chosen = [dg.AssetKey(name) for name in assets]
            assert job.execute_in_process(
                instance=self.instance, asset_selection=chosen, **how
            ).success

    def follow(self) -> dict[str, set[str | None]]:
        """One look: the assets that are asked for, each with its partitions."""
        found = dg.evaluate_automation_conditions(
            self._definitions, self.instance, cursor=self._cursor
        )
        self._cursor = found.cursor
        asked = {
            name: found.get_requested_partitions(dg.AssetKey(name))
            for name in ("generation_plan", "images", *FOLLOWERS)
        }
        return {name: keys for name, keys in asked.items() if keys}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    write_catalog(tmp_path / "catalog", "ann", "bob")
    settings = settings_for(tmp_path)
    with open_instance(settings) as instance:
        found = House(settings, instance)
        found.run("catalog")
        found.follow()
        yield found


def test_a_run_that_makes_everything_leaves_only_the_page_over_all(house: House) -> None:
    house.run("refresh", partition_key="ann")
    assert house.follow() == {"spend_report": {None}}
    house.run("books")
    assert house.follow() == {}


def test_pictures_that_were_made_alone_are_followed_for_their_character_only(house: House) -> None:
    house.make("generation_plan", "images", partition_key="ann")
    asked = house.follow()
    assert asked["credit_ledger"] == asked["gallery"] == {"ann"}
    house.make("credit_ledger", "gallery", partition_key="ann")
    house.make("spend_report")
    assert house.follow() == {}


def test_a_changed_catalog_asks_for_no_picture(house: House) -> None:
    house.run("refresh", partition_key="ann")
    house.follow()
    house.run("catalog")
    assert not {"generation_plan", "images"} & house.follow().keys()


def test_a_character_without_pictures_keeps_nothing_from_following(house: House) -> None:
    house.instance.add_dynamic_partitions("characters", ["left-before-its-first-picture"])
    house.run("refresh", partition_key="bob")
    assert house.follow() == {"spend_report": {None}}
