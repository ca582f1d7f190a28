"""Telling people that a run failed or did not bring everything home, by webhook and log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http.client import HTTPException

import dagster as dg

from ideogram_pipeline.orchestration.living import DIED, DIED_TAG, report_dead_runs
from ideogram_pipeline.orchestration.outcome import CREDITS_TAG, IMAGES_TAG, NOT_HOME_TAG
from ideogram_pipeline.orchestration.partitions import tagged_characters
from ideogram_pipeline.settings import Settings

TIMEOUT_SECONDS = 10
_MOST_NAMES = 5
_quiet = logging.getLogger(f"{__name__}.webhook")
_quiet.setLevel(logging.WARNING)  # below that, slack_sdk writes the address, which is a secret


class AlertError(Exception):
    """The webhook did not take an alert; the text does not show its address, which is a secret."""


@dg.run_failure_sensor(
    name="failed_run_sensor",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports every failed run, also one whose process died, to the log and to the "
    "webhook of IDEOGRAM_PIPELINE_ALERT_WEBHOOK, if that is set. Spends nothing.",
)
def failed_run_sensor(context: dg.RunFailureSensorContext) -> None:
    """Say which run failed and why."""
    report_dead_runs(Settings.load(), context.instance)
    run = context.instance.get_run_by_id(context.dagster_run.run_id) or context.dagster_run
    steps = [
        data.user_failure_data.description
        for event in context.get_step_failure_events()
        if (data := event.step_failure_data).user_failure_data
        and data.user_failure_data.description
    ]
    told = DIED if DIED_TAG in run.tags else context.failure_event.message
    reason = " ".join(steps) or told or "no reason was recorded"
    tell(context.log, f"{_named(context.instance, run)} failed. {reason}")


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    name="unfinished_run_sensor",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports every run that ended well but did not bring all pictures home, as when a "
    "budget was reached or the provider refused a prompt: to the log, and to the webhook of "
    "IDEOGRAM_PIPELINE_ALERT_WEBHOOK, if that is set. Spends nothing.",
)
def unfinished_run_sensor(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
    """Say which pictures are not there and why."""
    run = context.dagster_run
    reasons = run.tags.get(NOT_HOME_TAG)
    if not reasons:
        return dg.SkipReason(f"Run {run.run_id} has left nothing to be reported.")
    tell(
        context.log,
        f"{_named(context.instance, run)} did not bring everything home. {reasons}. "
        f"In all: {run.tags[IMAGES_TAG]}, for {run.tags[CREDITS_TAG]} credits.",
    )
    return None


def tell(log: logging.Logger, text: str) -> None:
    """Write an alert to the log, and post it to the webhook if there is one.

    The body is ``{"text": ...}``, as incoming webhooks of Slack take it
    (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks), and those of
    Mattermost, Rocket.Chat and others.

    Raises:
        AlertError: The webhook did not take it.
    """
    from slack_sdk.webhook import WebhookClient

    log.warning(text)
    webhook = Settings.load().alert_webhook
    if webhook is None:
        return
    try:
        client = WebhookClient(webhook.get_secret_value(), timeout=TIMEOUT_SECONDS, logger=_quiet)
        answer = client.send(text=text)
    except (OSError, HTTPException) as error:
        problem = f"is out of reach ({type(error).__name__})"
    else:
        if 200 <= answer.status_code < 300:
            return
        problem = f"answered {answer.status_code}"
    raise AlertError(f"IDEOGRAM_PIPELINE_ALERT_WEBHOOK {problem}; the alert was: {text}")


def _named(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    characters = _listed(tagged_characters(instance, run.tags))
    return f"Run {run.run_id[:8]} of {run.job_name}{characters}"


def _listed(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return f" for {', '.join(names[:_MOST_NAMES])}{more}"
