"""What runs by itself, once it is switched on: both spend credits, so both start switched off."""

from __future__ import annotations

import json
from collections import defaultdict

import dagster as dg

from ideogram_pipeline.errors import PipelineError
from ideogram_pipeline.orchestration.jobs import REFRESH_JOB
from ideogram_pipeline.orchestration.partitions import (
    CHARACTERS,
    add_characters,
    unknown_characters,
)
from ideogram_pipeline.orchestration.resources import RESOURCE
from ideogram_pipeline.planning.editions import BASE
from ideogram_pipeline.settings import Settings

_DIGEST_LENGTH = 16


def refresh_schedule(timezone: str) -> dg.ScheduleDefinition:
    """Make the daily schedule.

    Args:
        timezone: IANA name of the zone in which refresh periods begin.
    """

    @dg.schedule(
        name="refresh_schedule",
        job=REFRESH_JOB,
        cron_schedule="0 6 * * *",
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Every morning at six, asks for the characters with a row to refresh whose "
        "picture of the current period is not there yet: daily, weekly, monthly, or by cron. Other "
        "rows wait for the sensor or for a person.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        """Ask for one run for each character that is due."""
        from ideogram_pipeline.catalog.reading import read_catalog
        from ideogram_pipeline.generation.plans import make_plan

        at = context.scheduled_execution_time
        settings = Settings.load()
        catalog = read_catalog(settings.catalog)
        plan = make_plan(settings, catalog, at=at)
        due: dict[str, set[str]] = defaultdict(set)
        for entry in plan.entries("generate", "resume"):
            if entry.edition != BASE:
                due[entry.character_id].add(entry.edition)
        if not due:
            return dg.SkipReason(f"Every picture of the periods of {at:%Y-%m-%d} is there.")
        add_characters(context.instance, due)
        config = {"resources": {RESOURCE: {"config": {"edition_at": at.isoformat()}}}}
        return [
            dg.RunRequest(
                run_key=f"{character}:{'+'.join(sorted(editions))}",
                partition_key=character,
                run_config=config,
            )
            for character, editions in due.items()
        ]

    return schedule


@dg.sensor(
    job=REFRESH_JOB,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Watches the content of the catalog and its pictures. Makes a partition of each "
    "new character and asks for runs of exactly the characters whose pictures are decided anew. "
    "Titles and tags decide nothing. The first look asks for all; what is there is not bought "
    "again.",
)
def catalog_sensor(
    context: dg.SensorEvaluationContext,
) -> dg.SensorResult | dg.SkipReason:
    """Compare each character's digest with the one that was seen last."""
    from ideogram_pipeline.catalog.reading import read_catalog

    try:
        settings = Settings.load()
        catalog = read_catalog(settings.catalog)
    except PipelineError as error:
        return dg.SkipReason(str(error))
    seen: dict[str, str] = json.loads(context.cursor or "{}")
    now = {name: digest[:_DIGEST_LENGTH] for name, digest in catalog.digests.items()}
    changed = [name for name, digest in now.items() if seen.get(name) != digest]
    new = unknown_characters(context.instance, now)
    return dg.SensorResult(
        # Without a run key: Dagster drops a key that it has seen, and a catalog that goes back to
        # an earlier state is a change as well. The cursor already keeps a change from being asked
        # for twice.
        run_requests=[dg.RunRequest(partition_key=name) for name in changed],
        skip_reason=None if changed else "No character's pictures are decided anew.",
        cursor=json.dumps(now),
        dynamic_partitions_requests=[CHARACTERS.build_add_request(new)] if new else [],
    )
