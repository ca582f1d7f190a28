"""The engine as a process of its own: plans a catalog, makes its pictures, notes what it needed.

With a second word it also writes a profile there, which makes it slower.
"""

from __future__ import annotations

import cProfile
import json
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.thread_times import ThreadTimes
from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.generation.report import RunReport
from ideogram_pipeline.generation.run import generate
from ideogram_pipeline.settings import Settings


def main() -> None:
    """Buy all, and write JSON: seconds of CPU of the engine alone, by thread too, and memory."""
    noted, *profile = sys.argv[1:]
    settings = Settings.load()
    catalog = read_catalog(settings.catalog)
    plan = make_plan(settings, catalog, at=datetime.now(UTC))

    def work() -> RunReport:
        return generate(settings, catalog, plan, run_id="measured")

    before = time.process_time()
    if profile:
        profiler = cProfile.Profile()
        report = profiler.runcall(work)
        profiler.dump_stats(profile[0])
        said = {}
    else:
        with ThreadTimes() as threads:
            report = work()
        said = {f"cpu of {name}": seconds for name, seconds in threads.seconds().items()}
    cpu = time.process_time() - before
    Path(noted).write_text(json.dumps({"cpu": cpu, "peak_mb": peak_mb(), **said}))
    sys.exit(report.exit_code)


def peak_mb() -> float:
    """The most memory that this process has had.

    ``ru_maxrss`` would do, were it not that Linux lets it begin with the peak of the parent.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return next(
            int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")
        )
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
