"""What people are told of a run that failed or did not bring everything home, and where."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ideogram_pipeline.generation.report import CharacterReport, RunReport, Trouble
from ideogram_pipeline.orchestration.alerts import (
    failed_run_sensor,
    tell,
    unfinished_run_sensor,
)
from ideogram_pipeline.orchestration.caller import Caller, calling
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.outcome import CREDITS_TAG, IMAGES_TAG, outcome_tags
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.orchestration.house import run_job, settings_for, write_catalog
from ideogram_pipeline_tests.orchestration.webhook import SECRET, Webhook, listening


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with listening() as found:
        monkeypatch.setenv("IDEOGRAM_PIPELINE_ALERT_WEBHOOK", found.address)
        yield found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write_catalog(tmp_path / "catalog", "ann", "bob", budget=20)
    return settings_for(tmp_path)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with open_instance(settings) as opened:
        with calling(Caller(settings)):
            assert run_job(settings, opened, "catalog").success
        yield opened


def refresh(
    settings: Settings, instance: dg.DagsterInstance, **terms: object
) -> dg.ExecuteInProcessResult:
    with calling(Caller(settings)):
        return run_job(
            settings,
            instance,
            "refresh",
            partition_key="ann",
            run_config={"resources": {"pipeline": {"config": terms}}},
        )


def reported(
    instance: dg.DagsterInstance,
    run: dg.ExecuteInProcessResult | dg.DagsterRun,
    sensor: dg.SensorDefinition,
) -> object:
    """Have a sensor look at a run that has ended."""
    record = instance.get_run_by_id(run.run_id)
    assert record
    ends = {dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE}
    (ended,) = instance.all_logs(run.run_id, of_type=ends)
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_event=ended.dagster_event,
        dagster_instance=instance,
        dagster_run=record,
    )
    return sensor(context.for_run_failure() if sensor is failed_run_sensor else context)


def test_a_budget_that_was_reached_is_told_by_name_and_number(
    settings: Settings, instance: dg.DagsterInstance, webhook: Webhook
) -> None:
    run = refresh(settings, instance)
    assert run.success, "what was made is made"
    reported(instance, run, unfinished_run_sensor)
    ((_, text),) = webhook.posted.pop().items()
    assert text.startswith(
        f"Run {run.run_id[:8]} of refresh for ann did not bring everything home."
    )
    assert "1 deferred: " in text
    assert "20" in text
    assert "ann" in text
    assert text.endswith("In all: 2 made, 1 deferred, for 20 credits.")


def test_a_run_that_brought_everything_home_is_no_news(tmp_path: Path, webhook: Webhook) -> None:
    write_catalog(tmp_path / "catalog", "ann")
    settings = settings_for(tmp_path)
    with open_instance(settings) as instance:
        with calling(Caller(settings)):
            assert run_job(settings, instance, "catalog").success
        run = refresh(settings, instance)
        skipped = reported(instance, run, unfinished_run_sensor)
        tags = instance.get_run_by_id(run.run_id).tags
    assert isinstance(skipped, dg.SkipReason)
    assert webhook.posted == []
    assert (tags[IMAGES_TAG], tags[CREDITS_TAG]) == ("3 made", "30")


def test_what_a_run_was_told_not_to_buy_is_no_news(
    settings: Settings, instance: dg.DagsterInstance, webhook: Webhook
) -> None:
    run = refresh(settings, instance, max_credits=0)
    assert isinstance(reported(instance, run, unfinished_run_sensor), dg.SkipReason)
    assert webhook.posted == []


def test_a_failed_run_is_told_with_its_reason(
    settings: Settings, instance: dg.DagsterInstance, webhook: Webhook
) -> None:
    (Path(settings.catalog) / "prompts.csv").unlink()
    run = refresh(settings, instance)
    assert not run.success
    reported(instance, run, failed_run_sensor)
    text = webhook.posted.pop()["text"]
    assert text.startswith(f"Run {run.run_id[:8]} of refresh for ann failed. ")
    assert "prompts" in text
    assert "Traceback" not in text


def test_a_run_that_was_killed_is_told_as_that(
    settings: Settings,
    instance: dg.DagsterInstance,
    webhook: Webhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where a code server was the first to record that it failed, without a reason."""
    monkeypatch.setenv("IDEOGRAM_PIPELINE_HOME", str(settings.home))
    run = dg.DagsterRun(
        job_name="refresh",
        tags={"dagster/partition": "ann"},
        status=dg.DagsterRunStatus.STARTED,
    )
    instance.report_run_failed(instance.add_run(run))
    (settings.folder / "alive" / f"{run.run_id}.1.lock").touch()
    reported(instance, run, failed_run_sensor)
    text = webhook.posted.pop()["text"]
    assert text.startswith(f"Run {run.run_id[:8]} of refresh for ann failed. ")
    assert "killed" in text


def test_a_webhook_that_refuses_makes_the_tick_fail_without_telling_its_address(
    settings: Settings, instance: dg.DagsterInstance, webhook: Webhook
) -> None:
    run = refresh(settings, instance)
    webhook.status = 404
    with pytest.raises(Exception, match="answered 404") as caught:
        reported(instance, run, unfinished_run_sensor)
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_webhook_out_of_reach_is_told_without_its_address(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, instance: dg.DagsterInstance
) -> None:
    run = refresh(settings, instance)
    monkeypatch.setenv("IDEOGRAM_PIPELINE_ALERT_WEBHOOK", f"http://127.0.0.1:9/{SECRET}")
    with pytest.raises(Exception, match="out of reach") as caught:
        reported(instance, run, unfinished_run_sensor)
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_without_a_webhook_the_log_is_told(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run = refresh(settings, instance)
    assert not isinstance(reported(instance, run, unfinished_run_sensor), dg.SkipReason)


def test_an_alert_stays_short_whatever_happened() -> None:
    troubles = [
        Trouble("ann", f"p{number}", 1, "base", "failed", f"reason {min(number, 50)} " + "x" * 900)
        for number in range(200)
    ]
    report = RunReport(
        "run",
        "sandbox",
        {"ann": CharacterReport("ann", {"failed": 200}, 0, 0, troubles)},
        0,
        0,
        None,
        None,
        0,
        0.0,
    )
    tags = outcome_tags(report, None)
    assert max(map(len, tags.values())) < 800
    assert tags["ideogram_pipeline/not_brought_home"].startswith("150 failed: reason 50 ")
    assert tags["ideogram_pipeline/not_brought_home"].endswith("; 48 for other reasons")


def test_the_address_of_the_webhook_is_a_secret(
    webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings.load()
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.model_dump())
    with caplog.at_level(logging.DEBUG):
        tell(logging.getLogger("alerts"), "something")
    assert webhook.posted == [{"text": "something"}]
    assert SECRET not in caplog.text
