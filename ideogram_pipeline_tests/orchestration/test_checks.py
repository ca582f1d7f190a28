"""Each check passes on a sound installation and tells what is wrong on another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from sqlalchemy import update

from ideogram_pipeline.files import look_at
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.publication import publish_books
from ideogram_pipeline.orchestration import checks, clock
from ideogram_pipeline.orchestration.caller import Caller, calling
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.partitions import known_characters
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.orchestration.house import (
    buy,
    edit_prompts,
    launch,
    materializations,
    run_job,
    settings_for,
    write_catalog,
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    write_catalog(folder / "catalog", "ann", budget=33)
    buy(settings_for(folder), datetime.now(UTC), "ann")
    return folder


@pytest.fixture
def settings(sound: Path, tmp_path: Path) -> Settings:
    """A copy of the installation, to be damaged."""
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    return settings_for(tmp_path)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with open_instance(settings) as opened:
        yield opened


def failed(settings: Settings, instance: dg.DagsterInstance) -> dict[str, dg.AssetCheckEvaluation]:
    """Run all checks by themselves; those that did not pass."""
    with calling(Caller(settings)):
        result = run_job(settings, instance, "checks")
    assert result.success
    found = result.get_asset_check_evaluations()
    assert len(found) == 5
    return {check.check_name: check for check in found if not check.passed}


def text(check: dg.AssetCheckEvaluation, name: str) -> str:
    return str(check.metadata[name].value)


def test_a_month_that_is_nearly_spent_is_a_warning(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    (check,) = failed(settings, instance).values()
    assert check.check_name == "within_budget"
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "| ann | 30 | 33 |" in text(check, "characters")


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda file: file.unlink(), "cannot be read: No such file"),
        (lambda file: file.write_bytes(file.read_bytes()[:-1]), "bytes instead of"),
        (lambda file: file.write_bytes(file.read_bytes()[:-1] + b"x"), "content has changed"),
    ],
)
def test_a_damaged_picture_is_named(
    settings: Settings, instance: dg.DagsterInstance, damage: object, problem: str
) -> None:
    file = next((settings.images_folder / "ann" / "ann-hill").glob("base-v2-*"))
    damage(file)  # type: ignore[operator]
    check = failed(settings, instance)["images_are_whole"]
    assert check.severity is dg.AssetCheckSeverity.ERROR
    assert file.name in text(check, "damaged")
    assert problem in text(check, "damaged")


def test_a_run_reads_only_pictures_that_were_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_catalog(tmp_path / "catalog", "ann")
    settings = settings_for(tmp_path)
    launch(settings, "ann")
    read: list[str] = []

    def digest(content: BufferedReader, name: str) -> object:
        if settings.images_folder in (file := Path(content.name)).parents:
            read.append(file.parent.name)
        return file_digest(content, name)

    file_digest = checks.hashlib.file_digest
    monkeypatch.setattr(checks.hashlib, "file_digest", digest)
    assert launch(settings, "ann").failed_checks == []
    assert read == []
    file = next((settings.images_folder / "ann" / "ann-book").glob("*-v1-*.png"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert launch(settings, "ann").failed_checks == ["images: images_are_whole"]
    assert read == ["ann-book"]


def test_what_the_engine_has_just_looked_at_is_not_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_catalog(tmp_path / "catalog", "ann")
    settings = settings_for(tmp_path)
    launch(settings, "ann")
    looked: list[str] = []
    monkeypatch.setattr(checks, "look_at", lambda path: looked.append(path) or look_at(path))
    assert launch(settings, "ann").failed_checks == []
    assert looked == []
    monkeypatch.setattr(checks, "A_MOMENT", 0.0)
    assert launch(settings, "ann").failed_checks == []
    assert len(looked) == 3


def test_a_lost_picture_is_named(settings: Settings, instance: dg.DagsterInstance) -> None:
    with open_journal(settings) as database, database.write() as connection:
        lost = schema.attempts.c.prompt_id == "ann-book"
        connection.execute(
            update(schema.attempts).where(lost).values(state="expired", error="purged")
        )
    publish_books(settings)
    check = failed(settings, instance)["nothing_unresolved"]
    assert check.metadata["attempts"].value == 1
    assert "ann-book" in text(check, "which")
    assert "purged" in text(check, "which")


def test_an_overdue_character_is_named_with_since_when(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    tomorrow = (clock.now() + timedelta(days=1)).replace(hour=11, minute=59)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    assert "nothing_overdue" not in failed(settings, instance), "the morning has had no chance yet"

    monkeypatch.setattr(clock, "now", lambda: tomorrow + timedelta(minutes=2))
    check = failed(settings, instance)["nothing_overdue"]
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.description == "Overdue: ann"
    row = f"| ann | {tomorrow:%Y-%m-%d} 00:00 UTC | ann-book | {tomorrow:%Y-%m-%d} | 1 |"
    assert row in text(check, "which")
    assert "new edition" in text(check, "which")

    write_catalog(Path(settings.catalog), "ann")  # without a budget
    buy(settings, tomorrow, "ann")
    assert "nothing_overdue" not in failed(settings, instance)


def test_a_missing_entry_is_noticed(settings: Settings, instance: dg.DagsterInstance) -> None:
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("DELETE FROM credit_ledger WHERE prompt_id = 'ann-book'")
    check = failed(settings, instance)["ledger_equals_journal"]
    assert check.metadata["credits_in_journal"].value == 30
    assert check.metadata["credits_in_ledger"].value == 20


def test_a_warehouse_that_is_gone_is_no_proof_of_damage(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    settings.warehouse_path.unlink()
    for check in failed(settings, instance).values():
        assert check.severity is dg.AssetCheckSeverity.WARN
        assert check.description


def test_a_bad_row_is_a_warning_and_stops_nothing(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path / "catalog", "ann", "bob")
    with (catalog / "prompts.csv").open("a", encoding="utf-8") as rows:
        rows.write("x,ann,waves,fast,1,never,\n")
    settings = settings_for(tmp_path)
    with open_instance(settings) as instance, calling(Caller(settings)):
        done = run_job(settings, instance, "catalog")
        ((_, _, shown),) = materializations(instance, "prompt_catalog")
        assert known_characters(instance) == ["ann", "bob"]
    assert done.success
    (check,) = done.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("catalog_is_clean", False)
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert (shown["rows"], shown["rejects"]) == (4, 1)
    assert "prompts.csv | 6 | rendering_speed | fast |" in str(shown["rejected_rows"])
    assert (shown["questions"], "questioned_rows" in shown) == (0, False)


def test_a_questioned_row_is_shown_and_is_no_warning(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path / "catalog", "ann")
    edit_prompts(catalog, "variations,refresh,title", "seed,refresh,title")
    edit_prompts(catalog, "turbo,1,daily", "turbo,7,daily")
    settings = settings_for(tmp_path)
    with open_instance(settings) as instance, calling(Caller(settings)):
        done = run_job(settings, instance, "catalog")
        ((_, _, shown),) = materializations(instance, "prompt_catalog")
    (check,) = done.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("catalog_is_clean", True)
    assert (shown["rejects"], shown["questions"]) == (0, 1)
    for told in (shown["questioned_rows"], check.metadata["questioned_rows"].value):
        assert "prompts.csv | 3 | seed | 7 | asks for the same picture" in str(told)
