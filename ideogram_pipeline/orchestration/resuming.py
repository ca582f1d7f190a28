"""Going on with what was left: runs that died or failed, pictures that did not come home."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from ideogram_pipeline.orchestration import clock
from ideogram_pipeline.orchestration.asking import put_together, run_request
from ideogram_pipeline.orchestration.jobs import REFRESH_JOB
from ideogram_pipeline.orchestration.living import DIED_TAG, report_dead_runs
from ideogram_pipeline.orchestration.outcome import LEFT_TAG
from ideogram_pipeline.orchestration.partitions import known_characters, tagged_characters
from ideogram_pipeline.orchestration.resources import RESOURCE, first_created, journal_run_id
from ideogram_pipeline.settings import Settings

RESUMES_TAG = "ideogram_pipeline/resumes"
"""Which run of Dagster's this one goes on with."""
RESUMPTION_TAG = "ideogram_pipeline/resumption"
"""How many times, one after the other, it has been gone on with by then."""
MOST_RESUMPTIONS = 6
"""The waits between them double, so that the last is asked for two and a half days after the first
run. What keeps a run from ending well for longer needs a person."""
FIRST_WAIT = timedelta(hours=1)
SINCE = timedelta(days=7)
"""What ended longer ago is not resumed unasked."""
BY_A_PERSON_TAG = "ideogram_pipeline/asked_by_a_person"
"""On a run that goes on with one that no schedule and no sensor had asked for."""
_ASKED_BY = {"dagster/schedule_name", "dagster/sensor_name"}
_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_PARENT_TAG = "dagster/parent_run_id"


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Finds runs whose process died, as after kill -9 or a power cut, and records them "
    "as failed, whoever started them; Dagster would show many as started for ever. Asks for no "
    "run, spends nothing.",
)
def dead_run_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Report the runs whose process died."""
    dead = report_dead_runs(Settings.load(), context.instance)
    if not dead:
        return dg.SkipReason("Every run that has begun has ended, or is alive.")
    return dg.SkipReason(f"Recorded as failed: {', '.join(run.run_id for run in dead)}.")


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    job=REFRESH_JOB,
    description="Goes on with a run that died, at once, and with one that failed or did not bring "
    "all pictures home, after an hour, then after two, four and so on, six times at most: asks for "
    "the same characters and editions, and lets spend what the run's quote has left. Where only "
    "paid pictures are under way, as after Ctrl-C, has them fetched and lets nothing be bought.",
)
def resume_sensor(
    context: dg.SensorEvaluationContext,
) -> list[dg.RunRequest] | dg.SkipReason:
    """Ask for the runs that bring home what was left."""
    settings = Settings.load()
    report_dead_runs(settings, context.instance)
    asked = [
        request
        for record in _left_something(context.instance)
        if (request := _resumption(settings, context.instance, record))
    ]
    # A resumed run fetches first what is under way, whoever began it.
    asked = asked or _of_abandoned_jobs(settings, context.instance)
    return asked or dg.SkipReason(
        "No run is to be gone on with, and no paid picture to be fetched."
    )


def _left_something(instance: dg.DagsterInstance) -> Iterator[dg.RunRecord]:
    ended: tuple[tuple[dg.DagsterRunStatus, Mapping[str, str]], ...] = (
        (dg.DagsterRunStatus.FAILURE, {}),
        (dg.DagsterRunStatus.SUCCESS, {LEFT_TAG: "true"}),
    )
    for status, tags in ended:
        yield from instance.get_run_records(
            dg.RunsFilter(
                job_name=REFRESH_JOB.name,
                statuses=[status],
                tags=tags,
                updated_after=clock.now() - SINCE,
            ),
            ascending=True,
        )


def _resumption(
    settings: Settings, instance: dg.DagsterInstance, record: dg.RunRecord
) -> dg.RunRequest | None:
    """Ask for the run that goes on with another, if it is time for it."""
    run = record.dagster_run
    number = int(run.tags.get(RESUMPTION_TAG, 0)) + 1
    characters = tagged_characters(instance, run.tags)
    if number > MOST_RESUMPTIONS or not characters or _is_resumed(instance, run):
        return None
    at_once = number == 1 and DIED_TAG in run.tags
    wait = timedelta(0) if at_once else FIRST_WAIT * 2 ** (number - 1)
    if clock.now() < record.update_timestamp + wait:
        return None
    terms = _terms(settings, instance, run)
    if terms is None:
        return None
    tags = {RESUMES_TAG: run.run_id, RESUMPTION_TAG: str(number)}
    if BY_A_PERSON_TAG in run.tags or _ASKED_BY.isdisjoint(run.tags):
        tags[BY_A_PERSON_TAG] = "true"
    elif not at_once:
        # A period that is over by now was missed, and is not bought unasked.
        terms["edition_at"] = clock.now().isoformat()
    return run_request(
        characters,
        reasons=dict.fromkeys(characters, f"resumes {run.run_id}"),
        terms=terms,
        tags=tags,
    )


def _is_resumed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether this sensor has gone on with a run, or a person has executed it again."""
    return any(
        instance.get_runs_count(dg.RunsFilter(tags={tag: run.run_id}))
        for tag in (RESUMES_TAG, _PARENT_TAG)
    )


def _terms(
    settings: Settings, instance: dg.DagsterInstance, run: dg.DagsterRun
) -> dict[str, Any] | None:
    """The terms of the run that goes on with another; ``None`` if all that was agreed is spent.

    Its limit is that of the first run: its quote, or less if somebody has said so. What the runs
    before it have spent counts against it, and what was being submitted when one of them died
    counts once, whichever of them turns out to have bought it.
    """
    from ideogram_pipeline.generation.database import open_journal
    from ideogram_pipeline.generation.guarding import has_journal
    from ideogram_pipeline.generation.run_records import credits_quoted, credits_spent

    resources: dict[str, Any] = run.run_config.get("resources", {})  # type: ignore[assignment]
    terms: dict[str, Any] = {**resources.get(RESOURCE, {}).get("config", {})}
    if terms.get("edition_at") is None:
        terms["edition_at"] = first_created(instance, run).isoformat()
    if not has_journal(settings):
        return terms
    own, before = journal_run_id(instance, run), terms.get("goes_on_with") or []
    with open_journal(settings) as database:
        quoted = None if before else credits_quoted(database, own)
        limits = [limit for limit in (quoted, terms.get("max_credits")) if limit is not None]
        if limits:
            terms |= {"max_credits": min(limits), "goes_on_with": [*before, own]}
            # What is in doubt is settled, and sent again if need be, within what it has reserved.
            if credits_spent(database, terms["goes_on_with"]) >= terms["max_credits"]:
                return None
    return terms


def _characters_under_way(instance: dg.DagsterInstance) -> set[str]:
    """Those of the runs that are waiting or at work, which fetch what others have left."""
    runs = instance.get_runs(dg.RunsFilter(job_name=REFRESH_JOB.name, statuses=_UNDER_WAY))
    return {name for run in runs for name in tagged_characters(instance, run.tags)}


def _of_abandoned_jobs(settings: Settings, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    from ideogram_pipeline.generation.database import open_journal
    from ideogram_pipeline.generation.guarding import has_journal
    from ideogram_pipeline.generation.history import abandoned

    if not has_journal(settings):
        return []
    with open_journal(settings) as database:
        attempts = abandoned(database)
    keys = known_characters(instance)
    whose = set(attempts.values()).intersection(keys) - _characters_under_way(instance)
    # What is still being drawn when it was asked for is asked for again in the next hour.
    hour = f"{clock.now():%Y-%m-%dT%H}"
    told = hashlib.sha256(f"{sorted(attempts)} {hour}".encode()).hexdigest()[:12]
    return [
        run_request(
            together,
            reasons=dict.fromkeys(together, f"fetch {hour} {told}"),
            terms={"max_credits": 0},
        )
        for together in put_together(keys, whose, idle=lambda: set(keys))
    ]
