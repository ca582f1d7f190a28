"""`python -m ideogram_pipeline_tests.torture.deep`: faults at system calls, then a table."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Literal

import click

from ideogram_pipeline_tests.torture.deep_report import (
    Replayed,
    Result,
    as_json,
    show,
    show_failure,
)
from ideogram_pipeline_tests.torture.deep_strace import strace_missing
from ideogram_pipeline_tests.torture.options import News, common_options, write_json
from ideogram_pipeline_tests.torture.powercut import NotStruck, record
from ideogram_pipeline_tests.torture.syscalls import TRIES, Experiment, Laboratory, laboratory
from ideogram_pipeline_tests.torture.syscalls_injection import Fault, Injection

Part = Literal["kill", "error", "powercut"]

FAULTS_OF: dict[Part, tuple[Fault, ...]] = {
    "kill": ("kill",),
    "error": ("EIO", "ENOSPC", "full"),
    "powercut": (),
}
CUTS_AFTER_A_KILL = 100
"""Instants at which the power goes in a run that follows on a killed one; what such a run has
found unsynced in its place mostly stays so to the end."""
NUMBERS = Path("build/torture-deep.json")


@click.command()
@common_options(
    numbers=NUMBERS,
    workers=(os.cpu_count() or 1) + 1,
    why="one more than processors, since runs also wait",
)
@click.option("--only", type=click.Choice(list(FAULTS_OF)), help="One part of it.")
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Only each so-many-th call, for a quick look.",
)
@click.option("--case", help="One experiment, as a failure prints it.")
def main(
    seed: int,
    json_path: Path | None,
    workers: int,
    only: Part | None,
    every: int,
    case: str | None,
) -> None:
    """Kill a run at its system calls, let its disk fail at every write, cut the power anywhere.

    A run of two images, with a job that fails, an answer that is lost and a download that breaks
    off, is killed at every system call that changes the disk, a lock or the provider, or hears from
    it. Each of its calls by which it makes, writes, syncs or renames something in its home fails
    with EIO, with ENOSPC, and with ENOSPC from then on; after each, a healthy run goes on. Then a
    run is recorded, and disks are made as a power cut may leave them after any of its calls; and
    runs that go on where one was killed with something unsynced.

    Exit code 1 if anything was paid twice or lost, if the ledger differs from the truth, if a run
    hung or ended by an error that is not made for people, if a fault did not strike, or if a disk
    lacked what had been promised. Needs strace, and thus Linux.
    """
    missing = strace_missing()
    if missing:
        raise click.ClickException(missing)
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="torture-deep-") as folder,
        ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), _set_up, (Path(folder),)
        ) as pool,
    ):
        if case:
            work = [_parse(case, Path(folder), seed)]
        else:
            parts: Sequence[Part] = [only] if only else list(FAULTS_OF)
            faults = tuple(fault for part in parts for fault in FAULTS_OF[part])
            injections = pool.submit(_injections, faults).result()[::every]
            work = [partial(_inject, injection) for injection in injections]
            if "powercut" in parts:
                kills = pool.submit(_kills, Path(folder)).result()[::every]
                # The longest first.
                work = [
                    *(partial(_cut, Path(folder), kill, seed, every) for kill in (None, *kills)),
                    *work,
                ]
        try:
            results = _carry_out(pool, work, seed)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    seconds = time.monotonic() - started
    show(results)
    numbers = as_json(results, seed=seed, every=every, workers=workers, seconds=seconds)
    json_path = json_path or (None if case else NUMBERS)
    click.echo(f"{seconds / 60:.1f} minutes.")
    if json_path:
        write_json(json_path, numbers)
        click.echo(f"{json_path} has the numbers by call.")
    sys.exit(1 if numbers["failures"] else 0)


def _carry_out(
    pool: ProcessPoolExecutor, work: Sequence[Callable[[], Result]], seed: int
) -> list[Result]:
    results: list[Result] = []
    news = News()

    def how_far() -> str:
        failed = sum(not result.is_good for result in results)
        return f"{len(results):,} of {len(work):,} done, {failed} failed"

    for done in as_completed([pool.submit(piece) for piece in work]):
        results.append(done.result())
        if not results[-1].is_good:
            show_failure(results[-1], seed)
        news.tell(how_far)
    return results


def _parse(case: str, folder: Path, seed: int) -> Callable[[], Result]:
    power_cut, _, where = case.partition("power cut")
    if power_cut == case:
        return partial(_inject, Injection.parse(case))
    return partial(_cut, folder, Injection.parse(where) if where else None, seed, 1)


_laboratory: Laboratory
"""Of this process, if it is a worker."""
_until_the_end = ExitStack()


def _set_up(folder: Path) -> None:
    """Open the laboratory of a worker, for as long as it lives."""
    global _laboratory  # noqa: PLW0603 (one process, one laboratory)
    # A client that is killed while it sends is no news here.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    mine = folder / f"worker-{os.getpid()}"
    mine.mkdir()
    _laboratory = _until_the_end.enter_context(laboratory(mine))


def _injections(faults: tuple[Fault, ...]) -> list[Injection]:
    return _laboratory.injections(faults)


def _inject(injection: Injection) -> Experiment:
    return _laboratory.experiment(injection)


def _kills(folder: Path) -> list[Injection]:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        return record(Path(place)).kills()


def _cut(folder: Path, killed_at: Injection | None, seed: int, every: int) -> Replayed:
    for _ in range(TRIES - 1):
        with suppress(NotStruck):
            return _cut_once(folder, killed_at, seed, every)
    return _cut_once(folder, killed_at, seed, every)


def _cut_once(folder: Path, killed_at: Injection | None, seed: int, every: int) -> Replayed:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        recording = record(Path(place), killed_at=killed_at)
        most = CUTS_AFTER_A_KILL if killed_at else len(recording.steps)
        return Replayed(killed_at, recording.cut(seed=seed, cuts=max(1, most // every)))


if __name__ == "__main__":
    main()
