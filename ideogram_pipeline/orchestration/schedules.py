"""What is asked for by the clock, in the project's time zone.

The two schedules that spend start switched off, as is Dagster's custom; the one that only looks is
on as soon as a daemon runs.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg

from ideogram_pipeline.orchestration.asking import put_together, run_request
from ideogram_pipeline.orchestration.jobs import BOOKS_JOB, REFRESH_JOB
from ideogram_pipeline.orchestration.partitions import add_characters, known_characters
from ideogram_pipeline.settings import Settings

HOUR = timedelta(hours=1)


def schedules(timezone: str) -> list[dg.ScheduleDefinition]:
    """Make the schedules.

    Args:
        timezone: IANA name of the zone in which refresh periods begin.
    """

    @dg.schedule(
        name="refresh_schedule",
        job=REFRESH_JOB,
        cron_schedule="0 6 * * *",
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Every morning at six, asks for the characters with a refreshed row whose "
        "picture of the current period is not there yet, also for one that was deferred or failed "
        "before. Rows that are never refreshed wait for the sensor, for a person, or for the next "
        "run of their character.",
    )
    def refresh(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        """Ask for the characters that are due."""
        at = context.scheduled_execution_time
        return _asked(context.instance, at) or dg.SkipReason(
            f"Every picture of the periods of {at:%Y-%m-%d} is there."
        )

    @dg.schedule(
        name="cron_refresh_schedule",
        job=REFRESH_JOB,
        cron_schedule="0 * * * *",
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Every hour, asks for the characters with a row whose `refresh` is a cron "
        "expression and whose time has come since the hour before. What it asks for in vain, "
        "the schedule of every morning asks for again.",
    )
    def refresh_by_cron(
        context: dg.ScheduleEvaluationContext,
    ) -> list[dg.RunRequest] | dg.SkipReason:
        """Ask for the characters whose time has just come."""
        at = context.scheduled_execution_time
        # Not on the clock of the zone, which may have been put forward meanwhile.
        before = (at.astimezone(UTC) - HOUR).astimezone(at.tzinfo)
        return _asked(context.instance, at, begun_since=before) or dg.SkipReason(
            f"No row's time has come between {before:%H:%M} and {at:%H:%M}, or all pictures are "
            "there."
        )

    look = dg.ScheduleDefinition(
        name="books_schedule",
        job=BOOKS_JOB,
        cron_schedule="0 13 * * *",
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every day at one, compares the ledger with the provider, renews the spend "
        "page, and looks whether a character is overdue. Spends nothing.",
    )
    return [refresh, refresh_by_cron, look]


def _asked(
    instance: dg.DagsterInstance, at: datetime, begun_since: datetime | None = None
) -> list[dg.RunRequest]:
    """Ask for the runs that editions of ``at`` need.

    Args:
        instance: Where characters without a partition get one.
        at: The scheduled time.
        begun_since: Only for editions by cron that began after it.
    """
    from ideogram_pipeline.catalog.remembering import current_catalog
    from ideogram_pipeline.generation.plans import make_plan
    from ideogram_pipeline.planning.editions import begun_by_cron

    settings = Settings.load()
    # What cannot be read is raised: a tick that failed is red, one that skips is read by nobody.
    catalog = current_catalog(settings.catalog)
    begun: set[str] | None = None
    if begun_since is not None:
        begun = begun_by_cron(catalog.prompts.refreshes(), begun_since, at, settings.zone)
        if not begun:
            return []
    plan = make_plan(settings, catalog, at=at)
    due = {
        name: "+".join(sorted(wanted))
        for name, editions in plan.unfinished_editions().items()
        if (wanted := editions if begun is None else editions & begun)
    }
    add_characters(instance, due)
    keys = known_characters(instance)
    return [
        run_request(together, reasons=due, terms={"edition_at": at.isoformat()})
        for together in put_together(keys, due, lambda: set(keys) - plan.busy_characters())
    ]
