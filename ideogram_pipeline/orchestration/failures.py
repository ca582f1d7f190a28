"""Errors as Dagster's UI shows them: the text for people, without our stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from ideogram_pipeline.errors import PipelineError

STOPPED = (
    "Stopped. Nothing is lost: what was paid is in the journal. Run the same characters again to "
    "fetch what is under way and to go on; no picture is bought twice."
)


@contextmanager
def told_to_people(context: dg.AssetExecutionContext) -> Iterator[None]:
    """End a step with a text for people when it cannot go on, or is told to stop.

    Raises:
        dagster.Failure: in place of a ``PipelineError`` and of an interrupt. The latter must not
            be retried: with a retry policy, Dagster would start the step again and buy on.
    """
    try:
        yield
    except PipelineError as error:
        raise dg.Failure(str(error)) from None
    except (dg.DagsterExecutionInterruptedError, KeyboardInterrupt) as interrupt:
        # After a signal that nobody announced, Dagster would call the run failed, not canceled.
        context.instance.report_run_canceling(context.run)
        raise dg.Failure(STOPPED, allow_retries=False) from interrupt
