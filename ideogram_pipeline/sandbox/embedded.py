"""The sandbox that the pipeline starts for itself when no API key is set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer

EMBEDDED_KEY = "afk_sandbox_embedded"
"""The API key for it."""

STATE_NAME = "apiframe.sqlite"


@contextmanager
def embedded_sandbox(folder: Path, speed: float) -> Iterator[str]:
    """Run a sandbox in a thread, and yield its base URL.

    Its jobs, credits and files are kept in ``folder``: the next one goes on where this one ends,
    and several processes may have one each on the same folder at the same time.

    Args:
        folder: Where its state is, made when it is missing.
        speed: How many times faster than the real provider.

    Raises:
        StorageError: when the state cannot be used.
    """
    with SandboxServer(SandboxOptions(speed=speed), folder / STATE_NAME) as server:
        yield server.url
