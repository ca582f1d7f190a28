"""What is told while pictures are made: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ideogram_pipeline.cli.output import console, on_terminal

if TYPE_CHECKING:
    from ideogram_pipeline.generation.report import Progress, ProgressListener

_LINE_SECONDS = 5.0
_LINE_SHARE = 0.1
"""A line is written when so much time has passed, or so much of the work was done since the last
one."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a command is, over all of its runs."""

    made: int
    in_flight: int
    credits: int


@contextmanager
def shown_progress(pictures: int, quote: int) -> Iterator[ProgressListener]:
    """Show on stderr how far a run is.

    Args:
        pictures: How many are to be made.
        quote: What they cost, in credits.
    """
    fancy = on_terminal(err=True) and not console(err=True).is_dumb_terminal
    with (_bar if fancy else _lines)(pictures, quote) as show:
        yield _Tally(show).listen


class _Tally:
    """Adds up the runs of one command: each tells of itself, from zero."""

    def __init__(self, show: Callable[[Moment], None]) -> None:
        self._show = show
        self._made = self._credits = 0
        self._last: Progress | None = None

    def listen(self, now: Progress) -> None:
        last = self._last
        if last is not None and now.run_id != last.run_id:
            self._made += last.made
            self._credits += last.credits_spent
        self._last = now
        self._show(Moment(self._made + now.made, now.in_flight, self._credits + now.credits_spent))


@contextmanager
def _bar(pictures: int, quote: int) -> Iterator[Callable[[Moment], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[in_flight]:>2} in flight"),
        TextColumn("{task.fields[credits]:,} of {task.fields[quote]:,} credits"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        # Without a total it moves to and fro: Dagster takes some seconds in any case.
        task = bar.add_task("Starting", total=None, in_flight=0, credits=0, quote=quote)

        def show(now: Moment) -> None:
            made = min(now.made, pictures)
            bar.update(
                task,
                description="Pictures",
                total=pictures,
                completed=made,
                in_flight=now.in_flight,
                credits=now.credits,
            )

        yield show


@contextmanager
def _lines(pictures: int, quote: int) -> Iterator[Callable[[Moment], None]]:
    began = told_at = time.monotonic()
    told = 0

    def show(now: Moment) -> None:
        nonlocal told_at, told
        clock = time.monotonic()
        much = max(1, round(pictures * _LINE_SHARE))
        if now.made - told < much and clock - told_at < _LINE_SECONDS:
            return
        told_at, told = clock, now.made
        click.echo(
            f"{now.made:,} of {pictures:,} pictures, {now.in_flight:,} in flight, "
            f"{now.credits:,} of {quote:,} credits, {clock - began:.0f} s",
            err=True,
        )

    yield show
