"""Running the pipeline inside this process, on the instance that Dagster's UI shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from ideogram_pipeline.errors import CatalogError
from ideogram_pipeline.generation.report import ProgressListener, RunReport
from ideogram_pipeline.orchestration.asking import MOST_CHARACTERS
from ideogram_pipeline.orchestration.caller import Caller, calling
from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.orchestration.jobs import BOOKS_JOB, CATALOG_JOB, REFRESH_JOB
from ideogram_pipeline.orchestration.living import report_dead_runs
from ideogram_pipeline.orchestration.partitions import (
    contiguous_ranges,
    known_characters,
    partition_tags,
)
from ideogram_pipeline.orchestration.project import build_definitions
from ideogram_pipeline.orchestration.resources import RESOURCE
from ideogram_pipeline.settings import Settings

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Dagster's lines for each event go to its event log only; the terminal is the command's."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How the runs of one command ended."""

    success: bool
    """Every step of every run succeeded; pictures that failed or wait are in ``reports``."""
    interrupted: bool
    """Somebody asked to stop."""
    reports: list[RunReport]
    """The engine's reports, one for each run over characters."""
    dagster_run_ids: list[str]
    failures: list[str]
    """What went wrong, as texts for people; failed checks do not count."""
    failed_checks: list[str]
    """Checks that did not pass: ``asset: check``, and what it found if it says so."""


def materialize_characters(
    settings: Settings,
    characters: Sequence[str],
    *,
    max_credits: int | None = None,
    at: datetime | None = None,
    on_progress: ProgressListener | None = None,
) -> Launch:
    """Materialize every asset for the chosen characters and wait for it.

    The catalog comes first, then the characters in as few runs as their order in Dagster allows,
    then the books. It ends at the first run that fails.

    Args:
        settings: Used by every asset, instead of the environment.
        characters: Ids from the catalog.
        max_credits: Most credits that all runs together may commit.
        at: The time whose editions are made; now, if not given.
        on_progress: Told about every step of the engine.

    Raises:
        CatalogError: A character is not in the catalog.
        StorageError: Dagster's folder cannot be made.
        KeyboardInterrupt: Somebody asked to stop between two steps.
    """
    at = at or datetime.now(UTC)
    caller = Caller(settings, on_progress)
    with _interrupts_as_usual(), open_instance(settings) as instance, calling(caller):
        report_dead_runs(settings, instance)
        runs = _Runs(build_definitions(settings), instance)
        if runs.execute(CATALOG_JOB.name):
            for together in _groups(instance, characters):
                left = _left(max_credits, caller.reports)
                terms = {"edition_at": at.isoformat(), "max_credits": left}
                if not runs.execute(REFRESH_JOB.name, partition_tags(together), terms):
                    break
            else:
                runs.execute(BOOKS_JOB.name)
        return Launch(
            success=not runs.failures and not runs.interrupted,
            interrupted=runs.interrupted,
            reports=caller.reports,
            dagster_run_ids=runs.run_ids,
            failures=runs.failures,
            failed_checks=runs.failed_checks,
        )


@dataclass(slots=True)
class _Runs:
    """The runs of one command, one after the other."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance
    interrupted: bool = False
    run_ids: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    failed_checks: list[str] = field(default_factory=list)

    def execute(
        self,
        job: str,
        tags: Mapping[str, str] | None = None,
        terms: Mapping[str, object] | None = None,
    ) -> bool:
        """Execute one job to its end; whether it succeeded."""
        resources = {RESOURCE: {"config": dict(terms)}} if terms else {}
        result = self.definitions.resolve_job_def(job).execute_in_process(
            run_config={**_QUIET, "resources": resources},
            instance=self.instance,
            tags=tags,
            raise_on_error=False,
        )
        self.run_ids.append(result.run_id)
        self.failed_checks += [
            _about_check(event.asset_check_evaluation_data)
            for event in result.filter_events(_is_check)
            if not event.asset_check_evaluation_data.passed
        ]
        if not result.success:
            self.interrupted = result.dagster_run.status is dg.DagsterRunStatus.CANCELED
            self.failures += _about_failures(result)
        return result.success


@contextmanager
def _interrupts_as_usual() -> Iterator[None]:
    """Between two steps Dagster makes an error of its own of Ctrl-C; make it one that all know."""
    try:
        yield
    except dg.DagsterExecutionInterruptedError:
        raise KeyboardInterrupt from None


def _groups(instance: dg.DagsterInstance, characters: Sequence[str]) -> list[list[str]]:
    """Split the characters into what one run can hold.

    Raises:
        CatalogError: A character is unknown.
    """
    keys = known_characters(instance)
    unknown = sorted(set(characters) - set(keys))
    if unknown:
        raise CatalogError(
            f"The catalog has no character {', '.join(unknown)}. It has: {', '.join(keys)}."
        )
    return [
        together[first : first + MOST_CHARACTERS]
        for together in contiguous_ranges(keys, set(characters))
        for first in range(0, len(together), MOST_CHARACTERS)
    ]


def _left(max_credits: int | None, reports: Sequence[RunReport]) -> int | None:
    if max_credits is None:
        return None
    spent = sum(report.credits + report.unknown_credits for report in reports)
    return max(0, max_credits - spent)


def _is_check(event: dg.DagsterEvent) -> bool:
    return event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION


def _about_check(evaluation: dg.AssetCheckEvaluation) -> str:
    name = f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
    return f"{name}: {evaluation.description}" if evaluation.description else name


def _about_failures(result: dg.ExecuteInProcessResult) -> list[str]:
    """The texts of what failed, without a traceback: it stands in Dagster's event log."""
    texts = []
    for event in result.filter_events(lambda event: event.is_step_failure):
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            texts.append(data.user_failure_data.description)
        elif data.error:
            cause = data.error.cause or data.error
            texts.append(f"{event.step_key}: {cause.message.strip()}")
    if not texts:
        texts = [event.message or "" for event in result.filter_events(lambda e: e.is_failure)]
    return texts
