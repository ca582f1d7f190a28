"""A process that does one piece of the pipeline's work, under strace if it is to be observed.

It is forked from a server that has imported everything, waits until strace is attached, and tells
how it ended. All its work is done in one thread, so that the n-th call of a name is the same call
in every run, and its waits are short; neither changes what is called in which order.
"""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import signal
import socket
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal

import duckdb

from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.errors import PipelineError
from ideogram_pipeline.generation import collecting, engine, submitting, watching
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.generation.publication import publish_books
from ideogram_pipeline.generation.run import generate
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.one_thread import keep_to_one_thread
from ideogram_pipeline_tests.support import AT, new_run_id
from ideogram_pipeline_tests.torture.deep_strace import Strace

LONGEST_RUN = 60.0
"""Seconds after which work that has not ended is said to hang; it takes about half of one."""

_SHORT_WAIT = 0.02
_READY, _GO = b"r", b"g"

_processes = multiprocessing.get_context("forkserver")
# With what each child would import: all of the main program, and what the pipeline needs later.
_processes.set_forkserver_preload(
    [
        __name__,
        "ideogram_pipeline_tests.torture.deep_report",
        "pandas",
        *(f"PIL.{name}ImagePlugin" for name in ("Bmp", "Gif", "Jpeg", "Png", "Ppm")),
    ]
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the work ended."""

    how: Literal["well", "refused", "broken", "killed", "hanging"]
    """``refused``: by an error that is made for people; ``broken``: by any other, or a crash;
    ``killed``: by SIGKILL."""
    message: str = ""


def carry_out(work: Callable[[], None], strace: Sequence[str] | None = None) -> Ending:
    """Do a piece of work in a process of its own, from its first step to its end.

    Args:
        work: A function of a module, or a ``partial`` of one.
        strace: Options of strace (what to trace, what to inject, where to write) to observe it.

    Raises:
        StraceUnusable: strace is not installed, or may not trace.
    """
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(LONGEST_RUN)
        with theirs:
            child = _processes.Process(target=_run, args=(work, theirs))
            child.start()
        try:
            ours.recv(len(_READY))
            assert child.pid is not None
            with Strace(child.pid, strace) if strace else nullcontext():
                ours.sendall(_GO)
                told = b"".join(iter(partial(ours.recv, 1 << 16), b""))
                child.join(LONGEST_RUN)
        except TimeoutError:
            return Ending("hanging")
        finally:
            child.kill()
            child.join()
    if told:
        return Ending(**json.loads(told))
    if child.exitcode == -signal.SIGKILL:
        return Ending("killed")
    return Ending("broken", f"the process ended with {child.exitcode} and did not say why")


def buy_and_publish(settings: Settings) -> None:
    """What the command line's ``run`` does: plan, generate, publish the books."""
    catalog = read_catalog(settings.catalog)
    plan = make_plan(settings, catalog, at=AT)
    generate(settings, catalog, plan, run_id=new_run_id())
    publish_books(settings)


def _run(work: Callable[[], None], parent: socket.socket) -> None:
    _let_be_traced()
    _keep_to_one_thread()
    _shorten_waits()
    with parent:
        parent.sendall(_READY)
        # A call of its own name, which is not counted.
        if os.read(parent.fileno(), len(_GO)) != _GO:
            return
        parent.sendall(json.dumps(asdict(_ending(work))).encode())


def _ending(work: Callable[[], None]) -> Ending:
    try:
        work()
    except PipelineError as error:
        return Ending("refused", str(error))
    except Exception:
        return Ending("broken", traceback.format_exc())
    return Ending("well")


def _let_be_traced() -> None:
    """Let a process that is not an ancestor attach, where the Yama module forbids it."""
    set_ptracer, anybody = 0x59616D61, ctypes.c_ulong(-1)
    ctypes.CDLL(None).prctl(set_ptracer, anybody, 0, 0, 0)


def _keep_to_one_thread() -> None:
    keep_to_one_thread()
    duckdb.connect = partial(duckdb.connect, config={"threads": 1})


def _shorten_waits() -> None:
    submitting.FIRST_WAIT = collecting.FIRST_WAIT = _SHORT_WAIT
    engine.FOLLOW_SECONDS = _SHORT_WAIT
    watching.FIRST_LOOK = watching.SHORTEST_WAIT = _SHORT_WAIT
