"""The process that `recovery.py` starts and times: it imports, says so, and recovers.

``engine`` plans and lets the engine work; ``command`` is all of `ideogram-pipeline run --yes`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    """Import what a way of recovering needs, write the time into a file, and go."""
    way, noted = sys.argv[1:]
    recover = {"engine": engine, "command": command}[way]()
    Path(noted).write_text(str(time.monotonic()))
    recover()


def engine() -> Callable[[], None]:
    """Import the engine."""
    from datetime import UTC, datetime

    from ideogram_pipeline.catalog.reading import read_catalog
    from ideogram_pipeline.generation.plans import make_plan
    from ideogram_pipeline.generation.run import generate
    from ideogram_pipeline.settings import Settings

    def recover() -> None:
        settings = Settings.load()
        catalog = read_catalog(settings.catalog)
        plan = make_plan(settings, catalog, at=datetime.now(UTC))
        generate(settings, catalog, plan, run_id="the-next-run")

    return recover


def command() -> Callable[[], None]:
    """Import the command line and what its `run` imports when it is called."""
    from importlib import import_module

    from ideogram_pipeline.cli import main

    for module in ("cli.run", "cli.running", "cli.outcome", "orchestration.launch"):
        import_module(f"ideogram_pipeline.{module}")
    sys.argv = ["ideogram-pipeline", "run", "--yes"]
    return main


if __name__ == "__main__":
    main()
