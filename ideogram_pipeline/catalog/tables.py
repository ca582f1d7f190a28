"""A table as it was found, of whatever source: text cells under known columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ideogram_pipeline.catalog.cells import suggestion
from ideogram_pipeline.catalog.rules import Column
from ideogram_pipeline.errors import CatalogError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under columns that are all known, none twice, none of the required missing."""

    name: str
    """What messages call it: the file as the user named it, or the file and its table."""
    columns: tuple[Column, ...]
    """In the order of the source."""
    rows: list[tuple[int, Sequence[str]]]
    """Line (or row number) from 1, and one cell for each column; blank cells are ``""``."""
    malformed: list[tuple[int, Sequence[str], str]] = field(default_factory=list)
    """Rows whose cells do not match the columns, with the reason."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table whose rows are in DuckDB, in the view ``sheet``: ``line``, and text cells by column.

    Otherwise like `Table`; blank cells are ``''``.
    """

    connection: DuckDBPyConnection
    name: str
    columns: tuple[Column, ...]
    malformed: list[tuple[int, Sequence[str], str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tables:
    """The two tables of a catalog and the folder at which the paths in them start."""

    characters: Table
    prompts: Table | Sheet
    """The latter where there are many."""
    folder: Path


def match_columns(where: str, header: Sequence[str], known: Sequence[Column]) -> tuple[Column, ...]:
    """Return the column of each name in ``header``, which may be in any order and letter case.

    Args:
        where: The place of the header, for messages.
        header: The names that were found.
        known: The columns that the table may have.

    Raises:
        CatalogError: with every unknown, doubled or missing column. A column that nobody reads
            is refused rather than dropped: a misspelt ``rendering_sped`` costs money.
    """
    by_name = {column.name: column for column in known}
    names = [name.strip().casefold() for name in header]
    problems = list(_problems(where, header, names, by_name))
    if problems:
        raise CatalogError("\n".join(problems))
    return tuple(by_name[name] for name in names)


def _problems(
    where: str, header: Sequence[str], names: Sequence[str], by_name: dict[str, Column]
) -> Iterator[str]:
    missing = [name for name, column in by_name.items() if column.required and name not in names]
    free = [name for name in by_name if name not in names]
    for position, (written, name) in enumerate(zip(header, names, strict=True), start=1):
        place = f"{where}, column {position}"
        if not name:
            yield f"{place}: the column has no name; name it or delete it"
        elif name not in by_name:
            near = suggestion(name, free)
            hint = near or "; the columns are " + ", ".join(by_name)
            yield f"{place}: unknown column {written.strip()!r}{hint}"
        elif (first := names.index(name) + 1) < position:
            yield f"{place}: {name} is already column {first}; delete one of the two"
    for name in missing:
        yield f"{where}: the column {name} is missing; it must be there and filled in every row"
