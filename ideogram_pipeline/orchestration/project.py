"""All that Dagster is told, in one place.

Its UI and daemon load this again and again, in processes that make no picture. So the assets import
the rooms that do their work where they do it, as the commands do.
"""

from __future__ import annotations

import dagster as dg

from ideogram_pipeline.orchestration.alerts import failed_run_sensor, unfinished_run_sensor
from ideogram_pipeline.orchestration.assets import books, catalog, generation, showcase
from ideogram_pipeline.orchestration.checks import CHECKS
from ideogram_pipeline.orchestration.following import FOLLOWING
from ideogram_pipeline.orchestration.jobs import JOBS
from ideogram_pipeline.orchestration.resources import RESOURCE, PipelineResource
from ideogram_pipeline.orchestration.resuming import dead_run_sensor, resume_sensor
from ideogram_pipeline.orchestration.schedules import schedules
from ideogram_pipeline.orchestration.sensors import catalog_sensor
from ideogram_pipeline.settings import Settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """Put assets, checks, jobs and automation together.

    Args:
        settings: For the time zone of the schedule; each run reads its own.
    """
    return dg.Definitions(
        assets=[
            catalog.catalog_tables,
            generation.generation_plan,
            generation.images,
            books.credit_ledger,
            books.spend_report,
            books.reconciliation,
            showcase.gallery,
        ],
        asset_checks=CHECKS,
        jobs=JOBS,
        schedules=schedules(settings.timezone),
        sensors=[
            catalog_sensor,
            resume_sensor,
            dead_run_sensor,
            failed_run_sensor,
            unfinished_run_sensor,
            FOLLOWING,
        ],
        # Configurable at launch, so that a person can set an edition or a limit for one run.
        resources={RESOURCE: PipelineResource.configure_at_launch()},
        # The steps of a run follow one another, and the one that takes long is a single engine
        # that shares its slots by itself; a process for each step would only add seconds.
        executor=dg.in_process_executor,
    )
