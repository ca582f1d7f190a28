"""Planning as a process of its own: reads the catalog, plans it, notes what that needed."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.engine_process import peak_mb
from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.settings import Settings


def main() -> None:
    """Write JSON: seconds until the quote is known, of them those of reading, and the memory."""
    (noted,) = sys.argv[1:]
    settings = Settings.load()
    started = time.perf_counter()
    catalog = read_catalog(settings.catalog)
    read = time.perf_counter() - started
    plan = make_plan(settings, catalog, at=datetime.now(UTC))
    said = {
        "quote": plan.quote,
        "images": len(plan),
        "new": plan.count("generate"),
        "seconds": time.perf_counter() - started,
        "reading": read,
        "peak_mb": peak_mb(),
    }
    Path(noted).write_text(json.dumps(said))


if __name__ == "__main__":
    main()
