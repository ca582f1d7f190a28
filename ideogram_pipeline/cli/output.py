"""How things look: colours and boxes on a terminal, plain text everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console

_UNBOUNDED = 10_000
"""Columns of output that no terminal shows: a file must not be cut or wrapped at 80."""


def console(*, err: bool = False) -> Console:
    """A console that writes text as it stands; rich itself keeps to NO_COLOR."""
    from rich.console import Console

    return Console(
        stderr=err,
        width=None if on_terminal(err=err) else _UNBOUNDED,
        markup=False,
        highlight=False,
        emoji=False,
    )


def on_terminal(*, err: bool = False) -> bool:
    """Whether a person is looking at stdout (or stderr)."""
    return (sys.stderr if err else sys.stdout).isatty()


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    numbers: Collection[str] = (),
    total: Sequence[object] | None = None,
) -> None:
    """Print rows under their columns on stdout.

    Args:
        columns: Their headings.
        rows: Cells; ``None`` is left blank, and whole numbers get thousands separators.
        numbers: Headings of the columns that are aligned to the right.
        total: One more row, set off from the others.
    """
    from rich import box
    from rich.table import Table

    style = box.SIMPLE_HEAD if on_terminal() else box.ASCII
    table = Table(box=style, header_style="bold", footer_style="bold", show_footer=bool(total))
    feet = [_cell(value) for value in total or [""] * len(columns)]
    for column, foot in zip(columns, feet, strict=True):
        side: Literal["left", "right"] = "right" if column in numbers else "left"
        table.add_column(column, foot, justify=side, overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    console().print(table)


def counted(number: int, what: str) -> str:
    """A number with its noun: ``1 picture``, ``1,200 pictures``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def one_line(text: str) -> str:
    """The text without line ends and control characters, which a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return one_line(str(value))
