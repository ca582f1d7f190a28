"""What the programs of the torture have in common: options, a file of numbers, news."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click

NEWS_SECONDS = 60.0
"""How often a program says how far it is."""

_Command = Callable[..., None]


def common_options(*, numbers: Path, workers: int, why: str) -> Callable[[_Command], _Command]:
    """Add ``--seed``, ``--json`` and ``--workers`` to a program that also has ``--case``.

    Args:
        numbers: Where the numbers of a usual run go; those of a repeated case go nowhere unasked.
        workers: How many, if nobody says.
        why: That number in words.
    """
    options = (
        click.option(
            "--seed", type=int, default=1, show_default=True, help="Chance is drawn from it."
        ),
        click.option(
            "--json",
            "json_path",
            type=click.Path(dir_okay=False, path_type=Path),
            show_default=f"{numbers}; nowhere with --case",
            help="Where the numbers go.",
        ),
        click.option(
            "-j",
            "--workers",
            type=click.IntRange(min=1),
            default=workers,
            show_default=why,
            help="How much is done at a time.",
        ),
    )

    def add(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def write_json(path: Path, numbers: Mapping[str, object]) -> None:
    """Write a file for scripts; its folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(numbers, indent=2) + "\n")


class News:
    """Says every so often how far a program is."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def tell(self, how_far: Callable[[], str]) -> None:
        """Say it on stderr, if it is time."""
        if time.monotonic() - self._told > NEWS_SECONDS:
            self._told = time.monotonic()
            click.echo(how_far(), err=True)
