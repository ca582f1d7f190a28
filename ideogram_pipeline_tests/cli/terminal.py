"""Typing commands: in this process where that is enough, as a process of its own where not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from ideogram_pipeline.cli.commands import cli

KEY = "afk_test_canary_71c0ffee"
"""A key that must appear nowhere."""
PROGRAM = [sys.executable, "-c", "from ideogram_pipeline.cli import main; main()"]


@dataclass(frozen=True)
class Answer:
    """What a command has said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All of it."""
        return self.out + self.err


def typed(*words: str, environment: Mapping[str, str] | None = None) -> Answer:
    """Run a command in this process; its stdin is no terminal."""
    result = CliRunner().invoke(cli, list(words), env=dict(environment or {}))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert KEY not in result.output
    return Answer(result.exit_code, result.stdout, result.stderr)


def spawned(
    *words: str, environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Answer:
    """Run a command as a process of its own."""
    result = subprocess.run(
        [*PROGRAM, *words],
        env=process_environment(environment or {}),
        cwd=cwd,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=100,
        check=False,
    )
    assert KEY not in result.stdout + result.stderr
    return Answer(result.returncode, result.stdout, result.stderr)


def process_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process: none of the developer's settings, and these."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), **more}


def live(url: str, home: Path, catalog: str) -> dict[str, str]:
    """The environment of somebody who has a key, for the server at ``url``."""
    return {
        "APIFRAME_API_KEY": KEY,
        "APIFRAME_BASE_URL": url,
        "IDEOGRAM_PIPELINE_HOME": str(home),
        "IDEOGRAM_PIPELINE_CATALOG": catalog,
        "IDEOGRAM_PIPELINE_POLL_INTERVAL": "0.2",
    }


def embedded(home: Path, catalog: str) -> dict[str, str]:
    """The environment of somebody without a key, whose sandbox draws fast."""
    return {
        "IDEOGRAM_PIPELINE_HOME": str(home),
        "IDEOGRAM_PIPELINE_CATALOG": catalog,
        "IDEOGRAM_PIPELINE_SANDBOX_SPEED": "1000",
        "IDEOGRAM_PIPELINE_POLL_INTERVAL": "0.2",
    }
