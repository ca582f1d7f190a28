"""The command, and all that a process which a benchmark starts finds in its environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
COMMAND = Path(sys.executable).with_name("ideogram-pipeline")
KEY = "afk_sandbox_local"


def empty_environment(home: Path) -> dict[str, str]:
    """What the command needs to keep to a folder, and nothing else that this process has."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "IDEOGRAM_PIPELINE_HOME": str(home),
    }


def buyers_environment(url: str, catalog: str, home: Path) -> dict[str, str]:
    """For whoever buys a catalog's pictures from a sandbox: the provider, and for ours the rest."""
    return empty_environment(home) | {
        # For `benchmarks` itself: other interpreters do not have the project.
        "PYTHONPATH": str(PROJECT),
        "APIFRAME_API_KEY": KEY,
        "APIFRAME_BASE_URL": url,
        "IDEOGRAM_PIPELINE_CATALOG": catalog,
        # The usual limit is for accounts at real speed.
        "IDEOGRAM_PIPELINE_REQUESTS_PER_MINUTE": "100000",
    }
