"""Real processes, cheap to start: forked from one that has imported and used everything before.

The parent must have a single thread when it forks. A child runs the real command line with its
arguments and its environment, from the first line of ``main`` to the exit code. It is forked where
a shell would have started Python: only the import is saved.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

from ideogram_pipeline.generation.owners import Owner
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline_tests.torture.cases import Kill, Timer
from ideogram_pipeline_tests.torture.points import lay

LONGEST = 120.0
"""Seconds after which a run is taken to hang."""
KILLED = -signal.SIGKILL

_ENGINE_BEGINS = b"b"
_ENGINE_ENDS = b"e"


class Hangs(Exception):
    """A run did not end; it has been killed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of the command line ended."""

    code: int
    """Its exit code; ``KILLED`` for SIGKILL."""
    seconds: float
    engine: tuple[float, float]
    """Seconds after the start at which its engine took up work and was done; the end if never."""
    passes: Mapping[str, int]
    """How often each point was passed; empty for a killed run."""


def run_process(
    program: Callable[[], None],
    *,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    kill: Kill | None = None,
) -> Ended:
    """Run a program as a process, to its end or to the kill.

    Args:
        program: Ends with ``SystemExit`` or by returning.
        folder: Where it runs.
        environment: All of its variables.
        log: What it says is appended here.
        kill: When to kill it.

    Raises:
        Hangs: It neither ended nor died.
    """
    passed = folder / "passes.json"
    passed.unlink(missing_ok=True)
    news, tells = os.pipe()
    started = time.monotonic()
    work = partial(_run, program, folder, environment, passed, tells, kill)
    pid = _fork(work, log)
    os.close(tells)
    try:
        begun, done = _follow(pid, news, started, kill)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(news)
        _, status = os.waitpid(pid, 0)
    seconds = time.monotonic() - started
    code = os.waitstatus_to_exitcode(status)
    return Ended(
        code=code,
        seconds=seconds,
        engine=(begun or seconds, done or seconds),
        passes=json.loads(passed.read_text()) if passed.exists() else {},
    )


def _follow(
    pid: int, news: int, started: float, kill: Kill | None
) -> tuple[float | None, float | None]:
    """Read what a run tells until its end, which closes the pipe; kill it when its time is up."""
    begun = done = None
    end_at = started + LONGEST
    timer = kill if isinstance(kill, Timer) else None
    kill_at = started + timer.seconds if timer and timer.since == "start" else end_at
    while True:
        left = min(kill_at, end_at) - time.monotonic()
        readable, _, _ = select.select([news], [], [], max(0.0, left))
        if not readable:
            if kill_at >= end_at:
                raise Hangs(f"a run has not ended within {LONGEST:.0f} s")
            os.kill(pid, signal.SIGKILL)
            return begun, done
        mark = os.read(news, 1)
        if not mark:
            return begun, done
        if mark == _ENGINE_ENDS:
            done = time.monotonic() - started
        elif mark == _ENGINE_BEGINS:
            begun = time.monotonic() - started
            if timer and timer.since == "engine":
                kill_at = started + begun + timer.seconds


def _run(
    program: Callable[[], None],
    folder: Path,
    environment: Mapping[str, str],
    passed: Path,
    tells: int,
    kill: Kill | None,
) -> int:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    _tell_of_the_engine(tells)
    passes = lay(None if isinstance(kill, Timer) else kill)
    code = 0
    try:
        program()
    except SystemExit as end:
        code = int(end.code or 0)
    passed.write_text(json.dumps(passes.counted))
    return code


def _tell_of_the_engine(tells: int) -> None:
    enter, leave = Owner.__enter__, Owner.__exit__

    def entered(owner: Owner) -> Owner:
        os.write(tells, _ENGINE_BEGINS)
        return enter(owner)

    def left(owner: Owner, *error: Any) -> None:
        leave(owner, *error)
        os.write(tells, _ENGINE_ENDS)

    mock.patch.object(Owner, "__enter__", entered).start()
    mock.patch.object(Owner, "__exit__", left).start()


@contextmanager
def sandbox_process(options: SandboxOptions, log: Path) -> Iterator[str]:
    """A sandbox server as a process, as long as the block lasts; its base URL."""
    told, tells = os.pipe()
    until, lives = os.pipe()
    pid = _fork(partial(_serve, options, tells, until, lives), log)
    os.close(tells)
    os.close(until)
    try:
        url = os.read(told, 100).decode()
        if not url:
            raise RuntimeError(f"The sandbox does not start: {log.read_text()}")
        yield url
    finally:
        os.close(told)
        os.close(lives)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _serve(options: SandboxOptions, tells: int, until: int, lives: int) -> int:
    os.close(lives)
    with SandboxServer(options) as server:
        os.write(tells, server.url.encode())
        os.close(tells)
        # Nothing is ever written: it ends when the last process that could write is gone.
        os.read(until, 1)
    return 0


def _fork(work: Callable[[], int], log: Path) -> int:
    """Do ``work`` in a child, whose output goes to ``log``; the child's process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    return os.fork() or _work_and_exit(work, log)


def _work_and_exit(work: Callable[[], int], log: Path) -> NoReturn:
    code = 1
    try:
        with log.open("ab") as said, Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        code = work()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        # Whatever it is: it must not run on as a second copy of the parent.
        traceback.print_exc()
    finally:
        os._exit(code)
