"""The two programs that are killed: the command line, and its engine without Dagster around it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from ideogram_pipeline import cli
from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.errors import PipelineError
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.generation.publication import publish_books
from ideogram_pipeline.generation.run import generate
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.support import new_run_id


def command() -> None:
    """Type ``ideogram-pipeline run --yes``."""
    sys.argv = ["ideogram-pipeline", "run", "--yes"]
    cli.main()


def engine() -> None:
    """Do what the command does: plan, generate, publish the books; it ends as the command would.

    Raises:
        SystemExit: Always, with the exit code.
    """
    settings = Settings.load()
    try:
        catalog = read_catalog(settings.catalog)
        plan = make_plan(settings, catalog, at=datetime.now(UTC))
        report = generate(settings, catalog, plan, run_id=new_run_id())
        publish_books(settings)
    except PipelineError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(1)
    sys.exit(report.exit_code)
