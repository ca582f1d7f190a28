"""The one resource: the settings of this installation and the terms of the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from ideogram_pipeline.errors import ConfigurationError, PipelineError
from ideogram_pipeline.orchestration.caller import current_caller
from ideogram_pipeline.orchestration.living import living
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
    goes_on_with: list[str]


class PipelineResource(dg.ConfigurableResource[Any]):
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

    goes_on_with: list[str] | None = Field(
        default=None,
        description="Ids of the runs that left what this one does, as the table `runs` has them: "
        "what they have spent counts against `max_credits` as well. Set by `resume_sensor`.",
    )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Any]:
        """Be seen to be alive for as long as this process works on a run."""
        with ExitStack() as stack:
            if context.run is not None:
                # If the settings or the home are not usable, the first step says so.
                with suppress(PipelineError):
                    stack.enter_context(living(self.settings(), context.run.run_id))
            yield self

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
        settings = self.settings()
        return Terms(
            settings=settings,
            characters=characters_of_run(context),
            at=self._edition_time(context, settings),
            run_id=journal_run_id(context.instance, context.run),
            max_credits=self.max_credits,
            goes_on_with=self.goes_on_with or [],
        )

    def _edition_time(self, context: dg.AssetExecutionContext, settings: Settings) -> datetime:
        from ideogram_pipeline.planning.editions import parse_moment

        if self.edition_at is None:
            return first_created(context.instance, context.run)
        try:
            return parse_moment(self.edition_at, settings.zone)
        except ValueError as error:
            raise ConfigurationError(f"edition_at: {error}") from None


def journal_run_id(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """What the journal, the books and the tables call a run of Dagster's."""
    from ideogram_pipeline.generation.run_records import new_run_id

    return new_run_id(_created(instance, run.run_id) or datetime.now(UTC), run.run_id)


def first_created(instance: dg.DagsterInstance, run: dg.DagsterRun) -> datetime:
    """When a run was created, UTC; of one that is executed again, its first execution.

    A run that is executed again the next morning still makes the editions of the first time; it
    must not buy others.
    """
    first = _created(instance, run.root_run_id or run.run_id)
    # The first of several executions can have been deleted since.
    return first or _created(instance, run.run_id) or datetime.now(UTC)


def _created(instance: dg.DagsterInstance, run_id: str) -> datetime | None:
    record = instance.get_run_record_by_id(run_id)
    return record.create_timestamp.astimezone(UTC) if record else None
