"""Making the parent of all processes: everything imported and used once, and a single thread."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from ideogram_pipeline import cli
from ideogram_pipeline.catalog import remembering
from ideogram_pipeline.generation import plans
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.support import write_catalog
from ideogram_pipeline_tests.torture.chain import CHARACTER, command_environment
from ideogram_pipeline_tests.torture.processes import sandbox_process
from ideogram_pipeline_tests.torture.weather import SPEED


def preload(folder: Path) -> None:
    """Run the command line once in this process, against a sandbox; forks are cheap from then on.

    Args:
        folder: For its home and its output; must not exist.

    Raises:
        RuntimeError: It failed, or has left a thread, so that forking would not be safe.
    """
    folder.mkdir(parents=True)
    log = folder / "run.log"
    write_catalog(folder / "catalog", characters=[CHARACTER], prompts=1)
    # Dagster leaves a handler of its own behind, which no fresh process has.
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with (
        sandbox_process(SandboxOptions(speed=SPEED, tiny=True), folder / "sandbox.log") as url,
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, command_environment(url), clear=True),
        mock.patch.object(sys, "argv", ["ideogram-pipeline", "run", "--yes"]),
    ):
        try:
            with _output_to(log):
                cli.main()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"The first run failed: {log.read_text()}") from None
    for number, handler in handlers.items():
        signal.signal(number, handler)
    # Its DuckDB has threads of its own, which no child would have.
    plans._last = remembering._last = None
    gc.collect()
    if threading.active_count() > 1:
        raise RuntimeError(f"Threads are left: {threading.enumerate()}")
    # So that the children's collector does not write to, and copy, the pages of what is here.
    gc.freeze()


@contextlib.contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """Let stdout and stderr go to a file: the descriptors, since Dagster keeps the objects."""
    kept = os.dup(1), os.dup(2)
    try:
        with log.open("wb") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in enumerate(kept, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)
