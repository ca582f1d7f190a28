"""What happens to the paid step when it cannot go on, and that the key is shown nowhere."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.generation import telling
from ideogram_pipeline.generation.publication import publish_catalog
from ideogram_pipeline.generation.report import Progress
from ideogram_pipeline.orchestration.caller import Caller, calling
from ideogram_pipeline.orchestration.failures import told_to_people
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.launch import materialize_characters
from ideogram_pipeline.orchestration.partitions import add_characters, partition_tags
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline.settings import Settings
from ideogram_pipeline.warehouse import query
from ideogram_pipeline_tests.orchestration.house import (
    IMAGES_OF_EACH,
    SPEED,
    buy,
    materializations,
    run_job,
    settings_for,
    write_catalog,
)

CANARY = "afk_sandbox_canary_7f3a9c"


@pytest.fixture
def provider() -> Iterator[str]:
    """A provider that lets in one key only."""
    with SandboxServer(SandboxOptions(speed=SPEED, keys=frozenset({CANARY}))) as server:
        yield server.url


def test_a_stop_is_no_retry_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "SECONDS", 0.0)
    write_catalog(tmp_path / "catalog", "ann", "bob")
    settings = settings_for(tmp_path, max_in_flight=1)

    def stop(progress: Progress) -> None:
        if progress.made >= IMAGES_OF_EACH:
            raise dg.DagsterExecutionInterruptedError

    done = materialize_characters(settings, ["ann", "bob"], on_progress=stop)
    assert done.interrupted
    assert not done.success
    (text,) = done.failures
    assert text.startswith("Stopped. Nothing is lost")
    with open_instance(settings) as instance:
        run_id = done.dagster_run_ids[-1]
        assert instance.get_run_by_id(run_id).status is dg.DagsterRunStatus.CANCELED
        assert [key for _, key, _ in materializations(instance, "images")] == ["ann"]

    report = buy(settings, datetime.now(UTC), "ann", "bob")
    # The listener is told of several steps at once, so that one of bob's may be made by then.
    bob = report.characters["bob"]
    assert bob.count("made") + bob.count("reused") == IMAGES_OF_EACH
    spent = "SELECT count(*), sum(credits)::INT FROM credit_ledger"
    assert query(settings.warehouse_path, spent).rows == [(2 * IMAGES_OF_EACH, 60)]


def test_a_retry_policy_does_not_start_a_stopped_step_again() -> None:
    starts = []

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=2))
    def stopped(context: dg.AssetExecutionContext) -> None:
        starts.append(context.run.run_id)
        with told_to_people(context):
            raise dg.DagsterExecutionInterruptedError

    assert not dg.materialize([stopped], raise_on_error=False).success
    assert len(starts) == 1


def test_a_refused_key_is_told_without_a_traceback(tmp_path: Path, provider: str) -> None:
    write_catalog(tmp_path / "catalog", "ann")
    settings = settings_for(tmp_path, api_key="afk_sandbox_wrong", base_url=provider)
    done = materialize_characters(settings, ["ann"])
    assert not done.success
    assert not done.interrupted
    (text,) = done.failures
    assert "key" in text.lower()
    assert "Traceback" not in text
    assert query(settings.warehouse_path, "SELECT status FROM runs").rows == [("stopped",)]


def test_a_run_from_the_ui_reads_the_environment_and_hides_the_key(
    tmp_path: Path,
    provider: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    write_catalog(tmp_path / "catalog", "ann")
    monkeypatch.setenv("APIFRAME_API_KEY", CANARY)
    monkeypatch.setenv("APIFRAME_BASE_URL", provider)
    monkeypatch.setenv("IDEOGRAM_PIPELINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IDEOGRAM_PIPELINE_CATALOG", str(tmp_path / "catalog"))
    settings = Settings.load()
    config = {
        "resources": {"pipeline": {"config": {"edition_at": "2026-11-22", "max_credits": 20}}}
    }
    with open_instance(settings) as instance:
        catalog = run_job(settings, instance, "catalog")
        add_characters(instance, ["ann"])
        refresh = run_job(settings, instance, "refresh", partition_key="ann", run_config=config)
        books = run_job(settings, instance, "books")
        assert [catalog.success, refresh.success, books.success] == [True, True, True]
        (event,) = (metadata for _, _, metadata in materializations(instance, "images"))
        assert (event["images_made"], event["images_deferred"]) == (2, 1)
        (event,) = (metadata for _, _, metadata in materializations(instance, "generation_plan"))
        assert event["edition_at"] == "2026-11-22T00:00:00+00:00"
        for result in (catalog, refresh, books):
            for entry in instance.all_logs(result.run_id):
                assert CANARY not in repr(entry)
    output = capfd.readouterr()
    assert CANARY not in output.out + output.err
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any("history" in file.parts for file in files)
    assert [file for file in files if CANARY.encode() in file.read_bytes()] == []


def test_an_edition_that_is_no_time_is_explained(tmp_path: Path) -> None:
    write_catalog(tmp_path / "catalog", "ann")
    settings = settings_for(tmp_path)
    config = {"resources": {"pipeline": {"config": {"edition_at": "tomorrow"}}}}
    with open_instance(settings) as instance:
        add_characters(instance, ["ann"])
        done = run_job(
            settings, instance, "refresh", tags=partition_tags(["ann"]), run_config=config
        )
        (failed, *_) = done.get_step_failure_events()
    assert "'tomorrow' is not a time" in failed.step_failure_data.user_failure_data.description


def test_a_character_that_left_the_catalog_is_no_error(tmp_path: Path) -> None:
    write_catalog(tmp_path / "catalog", "ann")
    settings = settings_for(tmp_path)
    publish_catalog(settings, read_catalog(settings.catalog))
    with open_instance(settings) as instance, calling(Caller(settings)):
        add_characters(instance, ["gone"])
        assert run_job(settings, instance, "refresh", partition_key="gone").success
        ((_, key, shown),) = materializations(instance, "images")
    assert key == "gone"
    assert str(shown["note"]).startswith("Nothing is planned")
