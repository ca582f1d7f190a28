"""A warehouse that somebody holds fails no run, is published once, and is compared honestly."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from ideogram_pipeline.generation import publication, reconciliation
from ideogram_pipeline.generation.publication import publish_books
from ideogram_pipeline.generation.reconciliation import Orphan, Reconciliation
from ideogram_pipeline.orchestration.caller import Caller, calling
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.launch import materialize_characters
from ideogram_pipeline.orchestration.partitions import add_characters, partition_tags
from ideogram_pipeline.reproduction.recipe import recipe_file
from ideogram_pipeline.settings import Settings
from ideogram_pipeline.warehouse import Published, query
from ideogram_pipeline.warehouse.publishing import publish
from ideogram_pipeline_tests.orchestration.house import (
    IMAGES_OF_EACH,
    edit_prompts,
    launch,
    materializations,
    run_job,
    settings_for,
    write_catalog,
)

HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write_catalog(tmp_path / "catalog", "ann")
    return settings_for(tmp_path)


@contextmanager
def held_for_writing(path: Path) -> Iterator[None]:
    """Somebody opens the warehouse in a shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield
        finally:
            process.kill()


def pictures(settings: Settings) -> list[Path]:
    return list(settings.images_folder.rglob("*.png"))


def test_a_held_warehouse_fails_no_run_and_the_next_one_makes_up_for_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch(settings, "ann")
    old = set(pictures(settings))
    edit_prompts(Path(settings.catalog), "stands", "walks")
    edit_prompts(Path(settings.catalog), "reads", "writes")
    monkeypatch.setitem(publish.__kwdefaults__, "wait_seconds", 0.1)
    with held_for_writing(settings.warehouse_path):
        done = materialize_characters(settings, ["ann"])
    assert (done.success, done.failures) == (True, [])
    new = set(pictures(settings)) - old
    assert done.reports[0].count("made") == IMAGES_OF_EACH == len(new)
    assert not any(recipe_file(picture).exists() for picture in new)
    with open_instance(settings) as instance:
        shown = {
            asset: materializations(instance, asset)[-1][2]
            for asset in ("images", "credit_ledger", "spend_report", "gallery")
        }
    assert "open for writing" in str(shown["images"]["publishing"])
    for asset in ("credit_ledger", "spend_report", "gallery"):
        assert "open for writing" in str(shown[asset]["left_out"])

    done = launch(settings, "ann")
    assert (done.failed_checks, done.reports[0].credits) == ([], 0)
    assert all(recipe_file(picture).exists() for picture in pictures(settings))
    both = 2 * IMAGES_OF_EACH
    assert query(settings.warehouse_path, "SELECT count(*) FROM images").rows == [(both,)]


def test_the_books_are_published_once_by_a_run_and_again_when_they_are_asked_for_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[object] = []

    def told(*args: Settings, **how: list[str]) -> Published:
        published.append(how["characters"])
        return publish_books(*args, **how)

    monkeypatch.setattr(publication, "publish_books", told)
    launch(settings, "ann")
    assert published == [["ann"]]
    with open_instance(settings) as instance, calling(Caller(settings)):
        add_characters(instance, ["ann"])
        alone = {"asset_selection": [dg.AssetKey("credit_ledger")]}
        run_job(settings, instance, "refresh", tags=partition_tags(["ann"]), **alone)
        *_, (_, _, shown) = materializations(instance, "credit_ledger")
    assert published == [["ann"], ["ann"]]
    assert shown["dagster/partition_row_count"] == IMAGES_OF_EACH


AGREED = Reconciliation(
    jobs_seen=1,
    matched=1,
    orphans=(),
    missing=(),
    ledger_net=10,
    provider_charged=10,
    drift=0,
    unknown_credits=0,
    unresolved=0,
    balance=5,
    since=datetime(2026, 11, 20, tzinfo=UTC),
)
ORPHAN = Orphan("stray", datetime(2026, 11, 22, tzinfo=UTC), "COMPLETED", 10)


@pytest.mark.parametrize(
    ("found", "passed", "severity"),
    [
        (AGREED, True, "ERROR"),
        (replace(AGREED, drift=-5), False, "ERROR"),
        (replace(AGREED, orphans=(ORPHAN,)), False, "ERROR"),
        (replace(AGREED, missing=("lost",)), False, "WARN"),
        (replace(AGREED, drift=None, provider_charged=None, missing=("lost",)), False, "WARN"),
        (replace(AGREED, drift=None, provider_charged=None), False, "WARN"),
    ],
)
def test_the_ledger_is_compared_with_the_provider(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    found: Reconciliation,
    passed: bool,
    severity: str,
) -> None:
    asked: list[object] = []

    def reconcile(*_: object, whole: bool) -> Reconciliation:
        asked.append(whole)
        return found

    monkeypatch.setattr(reconciliation, "reconcile", reconcile)
    with dg.DagsterInstance.ephemeral() as instance, calling(Caller(settings)):
        only = [dg.AssetKey("reconciliation")]
        done = run_job(settings, instance, "books", asset_selection=only)
    assert asked == [False], "what is settled is not asked for with each run"
    (check,) = done.get_asset_check_evaluations()
    assert check.metadata["jobs_since"].value == AGREED.since.timestamp()
    assert (check.passed, check.severity.value) == (passed, severity)
    assert ("Unknown" in str(check.description)) == (found.drift is None)
    assert ("lost" in str(check.metadata.get("missing"))) == bool(found.missing)
