"""What Dagster is told: the graph, and that a newcomer finds every part of it explained."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
import yaml

from ideogram_pipeline.orchestration.project import build_definitions
from ideogram_pipeline.settings import Settings

GRAPH = {
    "characters": ("catalog", []),
    "prompt_catalog": ("catalog", []),
    "generation_plan": ("generation", ["characters", "prompt_catalog"]),
    "images": ("generation", ["generation_plan"]),
    "credit_ledger": ("books", ["images"]),
    "spend_report": ("books", ["credit_ledger"]),
    "reconciliation": ("books", ["credit_ledger"]),
    "gallery": ("showcase", ["images"]),
}
BY_CHARACTER = {"generation_plan", "images", "credit_ledger", "gallery"}
TABLES = {
    "characters": "characters",
    "prompt_catalog": "prompt_catalog",
    "generation_plan": "generation_plan",
    "images": "images",
    "credit_ledger": "credit_ledger",
}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(Settings(timezone="Europe/Berlin", _env_file=None))


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_the_graph_is_as_drawn(specs: dict[str, dg.AssetSpec]) -> None:
    drawn = {
        name: (spec.group_name, sorted(dep.asset_key.to_user_string() for dep in spec.deps))
        for name, spec in specs.items()
    }
    assert drawn == GRAPH


def test_everything_can_be_loaded(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


@pytest.mark.parametrize("name", GRAPH)
def test_a_newcomer_finds_each_asset_explained(specs: dict[str, dg.AssetSpec], name: str) -> None:
    spec = specs[name]
    assert 80 < len(spec.description or "") < 600
    assert spec.kinds
    assert all(owner.startswith("team:") for owner in spec.owners)
    assert spec.owners
    assert spec.metadata


@pytest.mark.parametrize(("name", "table"), TABLES.items())
def test_tables_show_their_columns_with_meanings(
    specs: dict[str, dg.AssetSpec], name: str, table: str
) -> None:
    assert specs[name].metadata["dagster/table_name"] == table
    columns = specs[name].metadata["dagster/column_schema"].columns
    assert columns
    assert all(column.description for column in columns)


def test_assets_by_character_can_share_a_run(specs: dict[str, dg.AssetSpec]) -> None:
    assert {name for name, spec in specs.items() if spec.partitions_def} == BY_CHARACTER


def test_every_check_is_explained(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    checks = {key.name: graph.get(key).description for key in graph.asset_check_keys}
    assert sorted(checks) == [
        "catalog_is_clean",
        "images_are_whole",
        "ledger_equals_journal",
        "ledger_equals_provider",
        "nothing_overdue",
        "nothing_unresolved",
        "within_budget",
    ]
    assert all(len(description or "") > 60 for description in checks.values())


def test_nothing_that_spends_starts_by_itself(definitions: dg.Definitions) -> None:
    on = {
        found.name: found.default_status.value == "RUNNING"
        for found in (*definitions.schedules, *definitions.sensors)
    }
    assert on == {
        "refresh_schedule": False,
        "cron_refresh_schedule": False,
        "catalog_sensor": False,
        "resume_sensor": False,
        "books_schedule": True,
        "dead_run_sensor": True,
        "failed_run_sensor": True,
        "unfinished_run_sensor": True,
        "following_sensor": True,
    }


def test_what_runs_by_itself_is_explained_and_keeps_to_the_projects_time(
    definitions: dg.Definitions,
) -> None:
    assert {schedule.execution_timezone for schedule in definitions.schedules} == {"Europe/Berlin"}
    for found in (*definitions.schedules, *definitions.sensors):
        assert len(found.description or "") > 60 or found.name == "books_schedule"
        if "RUNNING" in str(found.default_status):
            assert "Spends nothing" in found.description or "spends nothing" in found.description


def test_what_follows_by_itself_buys_nothing(specs: dict[str, dg.AssetSpec]) -> None:
    following = {name for name, spec in specs.items() if spec.automation_condition}
    assert following == {"credit_ledger", "gallery", "spend_report"}


def test_the_workspace_names_the_module() -> None:
    file = Path(__file__).parents[2] / "workspace.yaml"
    (entry,) = yaml.safe_load(file.read_text(encoding="utf-8"))["load_from"]
    assert entry["python_module"] == {
        "module_name": "ideogram_pipeline.definitions",
        "working_directory": ".",
        "location_name": "ideogram_pipeline",
    }
