"""Reading the rows of a table cell by cell, with every problem of every row noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from ideogram_pipeline.catalog.cells import PictureFile, Refusal
from ideogram_pipeline.catalog.model import Picture, Reject
from ideogram_pipeline.catalog.pictures import Pictures
from ideogram_pipeline.catalog.rules import Column
from ideogram_pipeline.catalog.tables import Table

_NAMED_DUPLICATES = 3
_REMEMBERED_CELLS = 1024


@dataclass(slots=True)
class Row:
    """One row: the values that could be read, and what is wrong with the others."""

    line: int
    cells: Sequence[str]
    positions: Mapping[str, int]
    """Where in ``cells`` each column is."""
    values: dict[str, Any] = field(default_factory=dict)
    """By column, of the type that its kind returns; a refused cell is absent."""
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Column (blank for the whole row) and reason."""

    def raw(self, column: str) -> str:
        """Return the cell as it was found, blank if there is none."""
        position = self.positions.get(column, len(self.cells))
        return self.cells[position] if position < len(self.cells) else ""

    def cell(self, column: str) -> str:
        """Return the cell without the white space around it."""
        return self.raw(column).strip()


def read_rows(table: Table, pictures: Pictures) -> list[Row]:
    """Read each cell of ``table`` by the rule of its column, in the order of the source."""
    positions = {column.name: position for position, column in enumerate(table.columns)}
    # Most columns hold few different cells, so that remembering them saves most of the time.
    readers = [
        (column.name, lru_cache(_REMEMBERED_CELLS)(_parser(column, pictures)), column)
        for column in table.columns
    ]
    rows = []
    for line, cells in table.rows:
        row = Row(line, cells, positions)
        values = row.values
        for cell, (name, parse, column) in zip(cells, readers, strict=True):
            if text := cell.strip():
                try:
                    values[name] = parse(text)
                except Refusal as refusal:
                    row.problems.append((name, str(refusal)))
            elif column.required:
                row.problems.append((name, "is blank, and every row needs one"))
            elif column.blank is not None:
                values[name] = column.blank
        rows.append(row)
    for line, cells, reason in table.malformed:
        rows.append(Row(line, cells, positions, problems=[("", reason)]))
    rows.sort(key=lambda row: row.line)
    return rows


def refuse_duplicates(rows: Sequence[Row], column: str) -> None:
    """Note a problem in all rows that share an id, also where only the letter case differs.

    None of them is kept: to buy the pictures of either would be a guess.
    """
    by_id: dict[str, list[Row]] = {}
    for row in rows:
        if name := row.cell(column):
            by_id.setdefault(name.casefold(), []).append(row)
    for group in by_id.values():
        if len(group) == 1:
            continue
        for row in group:
            # A group may be the whole table, so that naming all in each would never end.
            others = [other for other in group[: _NAMED_DUPLICATES + 1] if other is not row]
            row.problems.append((column, _duplicate(row, others, len(group), column)))


def rejects(table: Table, rows: Sequence[Row], id_column: str) -> Iterator[Reject]:
    """Yield one reject for each problem, by line and then by column."""
    for row in rows:
        for column, reason in sorted(row.problems, key=lambda p: row.positions.get(p[0], -1)):
            yield Reject(
                file=table.name,
                line=row.line,
                column=column,
                value=row.raw(column) if column else ",".join(row.cells),
                reason=reason,
                character_id=row.cell("character_id") or None,
                row_id=row.cell(id_column) or None,
            )


def _parser(column: Column, pictures: Pictures) -> Callable[[str], object]:
    kind = column.kind
    if not isinstance(kind, PictureFile):
        return kind.parse
    inspect = partial(pictures.inspect, is_mask=kind.is_mask)

    def picture(cell: str) -> Picture:
        return inspect(kind.parse(cell))

    return picture


def _duplicate(row: Row, others: Sequence[Row], count: int, column: str) -> str:
    named = others[:_NAMED_DUPLICATES]
    more = count - 1 - len(named)
    places = " and ".join(
        f"line {other.line}"
        + ("" if other.cell(column) == row.cell(column) else f" (as {other.cell(column)!r})")
        for other in named
    ) + (f" and {more} more" if more else "")
    return f"is also the id of {places}; every id must be unique, whatever its letter case"
