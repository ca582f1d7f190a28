"""The one resource: the settings of this installation and the terms of the run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from ideogram_pipeline.errors import ConfigurationError
from ideogram_pipeline.orchestration.caller import current_caller
from ideogram_pipeline.orchestration.partitions import characters_of_run
from ideogram_pipeline.settings import Settings

RESOURCE = "pipeline"
"""Name of the resource in definitions and run configuration."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run over some characters was asked to do; the same for each of its assets."""

    settings: Settings
    characters: list[str]
    at: datetime
    """The scheduled time, which decides the editions."""
    run_id: str
    """Ends in the first eight characters of Dagster's run id, which its UI shows."""
    max_credits: int | None


class PipelineResource(dg.ConfigurableResource[None]):
    """How a run is set up. The API key is no part of it: it is read from the environment."""

    edition_at: str | None = Field(
        default=None,
        description="Make the editions of this time (ISO 8601, such as 2026-11-22T06:00+01:00) "
        "instead of those of the moment at which the run was created.",
    )
    max_credits: int | None = Field(
        default=None,
        ge=0,
        description="Most credits that this run may commit; the pictures over it are deferred. "
        "IDEOGRAM_PIPELINE_MAX_CREDITS_PER_RUN holds as well.",
    )

    def settings(self) -> Settings:
        """The settings, from the command that launched this run or from the environment.

        Raises:
            ConfigurationError: naming the variable that is not usable.
        """
        caller = current_caller()
        return caller.settings if caller else Settings.load()

    def terms(self, context: dg.AssetExecutionContext) -> Terms:
        """The terms of this run.

        Raises:
            ConfigurationError: ``edition_at`` is not a time, or a setting is not usable.
            dagster.Failure: The run has no characters.
        """
        from ideogram_pipeline.generation.run_records import new_run_id

        settings = self.settings()
        dagster_run_id = context.run.run_id
        return Terms(
            settings=settings,
            characters=characters_of_run(context),
            at=self._edition_time(context, settings),
            run_id=new_run_id(_created(context, dagster_run_id), dagster_run_id),
            max_credits=self.max_credits,
        )

    def _edition_time(self, context: dg.AssetExecutionContext, settings: Settings) -> datetime:
        if self.edition_at is None:
            # A run that is executed again the next morning still makes the editions of its first
            # execution; it must not buy others.
            return _created(context, context.run.root_run_id or context.run.run_id)
        try:
            at = datetime.fromisoformat(self.edition_at)
        except ValueError:
            raise ConfigurationError(
                f"edition_at: {self.edition_at!r} is not a time in ISO 8601, such as "
                "2026-11-22T06:00:00+01:00."
            ) from None
        return at if at.tzinfo else at.replace(tzinfo=settings.zone)


def _created(context: dg.AssetExecutionContext, run_id: str) -> datetime:
    record = context.instance.get_run_record_by_id(run_id)
    if record is None:  # the first of several executions can have been deleted since
        return _created(context, context.run.run_id)
    created: datetime = record.create_timestamp
    return created.astimezone(UTC)
