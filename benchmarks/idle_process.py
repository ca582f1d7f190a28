"""`ideogram-pipeline run` with a clock at what the orchestration calls of the other rooms."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

from benchmarks.many_characters import Clock
from ideogram_pipeline import cli


def main() -> None:
    """Write JSON: seconds by function."""
    warnings.simplefilter("ignore")
    (noted,) = sys.argv[1:]
    clock = Clock()
    clock.watch_other_rooms()
    sys.argv = ["ideogram-pipeline", "run"]
    try:
        cli.main()
    finally:
        Path(noted).write_text(json.dumps(clock.seconds))


if __name__ == "__main__":
    main()
