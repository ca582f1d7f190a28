"""Telling the rows about which there is no question from those that are read one by one.

A row passes as a whole where every cell certainly keeps its rule and no rule for several cells or
rows could be broken. All others, good or bad, go to the checker of rows, which alone knows the
messages; so a mistake here can cost time, but changes no outcome (a test compares the two ways).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ideogram_pipeline.apiframe.limits import PROMPT_MAX_UNITS, SEED_MAX
from ideogram_pipeline.catalog.cells import Refusal
from ideogram_pipeline.catalog.model import Character
from ideogram_pipeline.catalog.prompts import PROMPT_COLUMNS, Prompts, make_table, put_characters
from ideogram_pipeline.catalog.rules import PROMPTS, REFRESH, Column
from ideogram_pipeline.catalog.sql import list_of, literal
from ideogram_pipeline.catalog.tables import Sheet, Table
from ideogram_pipeline.catalog.text import full_prompt_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_WHOLE = full_prompt_sql("prompt_prefix", "typed.prompt", "prompt_suffix")

# No UTF-16 unit takes less than a byte of UTF-8, and no character more than two units.
_GO_TOGETHER = f"""
    characters.character_id IS NOT NULL
    AND (typed.aspect_ratio IS NULL OR typed.sized = '')
    AND coalesce(typed.seed, 1) + typed.variations - 1 <= {SEED_MAX}
    AND (strlen({_WHOLE}) <= {PROMPT_MAX_UNITS} OR 2 * length({_WHOLE}) <= {PROMPT_MAX_UNITS})
"""


def sift(sheet: Sheet, characters: Mapping[str, Character]) -> tuple[Prompts, Table]:
    """Take the rows without a question from ``sheet``, which is used up.

    Args:
        sheet: The rows as they were found.
        characters: The good ones.

    Returns:
        Those rows, and the others as they were found.
    """
    connection = sheet.connection
    put_characters(connection, "characters", characters)
    found = {column.name for column in sheet.columns}
    trimmed = ", ".join(
        # Four times faster than to trim every cell.
        f"CASE WHEN starts_with({name}, ' ') OR ends_with({name}, ' ') THEN trim({name})"
        f" ELSE {name} END AS {name}"
        for name in sorted(found)
    )
    source = f"(SELECT line, {trimmed} FROM sheet)"
    if "refresh" in found:
        _put_schedules(connection, source)
        source += " LEFT JOIN schedules USING (refresh)"
    cells = [_cell(column) if column.name in found else _absent(column) for column in PROMPTS]
    values = ", ".join(
        # The values of rows that are not fine may be anything.
        f"TRY_CAST({value} AS {PROMPT_COLUMNS[column.name]}) AS {column.name}"
        for column, (_, value) in zip(PROMPTS, cells, strict=True)
    )
    connection.execute(
        f"""CREATE TABLE prompts AS
        SELECT typed.* EXCLUDE (is_fine, sized),
            coalesce(is_fine AND {_GO_TOGETHER}, false) AS is_fine
        FROM (
            SELECT line AS number, {values}, line, lower(prompt_id) AS folded,
                {" AND ".join(f"({fine})" for fine, _ in cells)} AS is_fine,
                {"resolution" if "resolution" in found else "''"} AS sized
            FROM {source}
        ) AS typed
        LEFT JOIN characters USING (character_id)"""
    )
    _part_doubles(connection, sheet)
    rows = _left_over(connection, sheet) if _is_any_left(connection) else []
    for statement in (
        "DELETE FROM prompts WHERE NOT is_fine",
        "ALTER TABLE prompts DROP is_fine",
        "ALTER TABLE prompts DROP folded",
        "DROP VIEW sheet",
        "DROP TABLE raw",
        "DROP TABLE characters",
        "DROP TABLE IF EXISTS schedules",
    ):
        connection.execute(statement)
    return Prompts(connection), Table(sheet.name, sheet.columns, rows, sheet.malformed)


def _put_schedules(connection: DuckDBPyConnection, source: str) -> None:
    """Make the table ``schedules`` of the cron expressions by the cells that hold them.

    No SQL can tell whether one is good; but a million rows share few, and each is parsed once.
    """
    is_word, _ = REFRESH.certain("refresh")
    cells = connection.execute(
        f"SELECT DISTINCT refresh FROM {source} WHERE refresh <> '' AND NOT ({is_word})"
    ).fetchall()
    rows = []
    for (cell,) in cells:
        with suppress(Refusal):
            rows.append((cell, REFRESH.parse(cell)))
    make_table(connection, "schedules", {"refresh": "VARCHAR", "expression": "VARCHAR"}, rows)


def _is_any_left(connection: DuckDBPyConnection) -> bool:
    (found,) = connection.execute("SELECT bool_or(NOT is_fine) FROM prompts").fetchall()[0]
    return bool(found)


def _left_over(connection: DuckDBPyConnection, sheet: Sheet) -> list[tuple[int, Sequence[str]]]:
    names = ", ".join(column.name for column in sheet.columns)
    rows = connection.execute(
        f"SELECT line, {names} FROM sheet"
        " WHERE line IN (SELECT number FROM prompts WHERE NOT is_fine) ORDER BY line"
    ).fetchall()
    return [(line, cells) for line, *cells in rows]


def _part_doubles(connection: DuckDBPyConnection, sheet: Sheet) -> None:
    """Leave no row among the fine ones whose id comes twice, whatever the letter case."""
    connection.execute(
        "UPDATE prompts SET is_fine = false WHERE folded IN"
        " (SELECT folded FROM prompts WHERE is_fine GROUP BY folded HAVING count(*) > 1)"
    )
    # The ids of the others may hold anything, so that only Python knows what they fold to.
    ids: list[str] = []
    if _is_any_left(connection):
        others = connection.execute(
            "SELECT prompt_id FROM sheet"
            " WHERE line IN (SELECT number FROM prompts WHERE NOT is_fine)"
        ).fetchall()
        ids += [name for (name,) in others]
    place = [column.name for column in sheet.columns].index("prompt_id")
    ids += [cells[place] for _, cells, _ in sheet.malformed if place < len(cells)]
    if folded := sorted({name.strip().casefold() for name in ids}):
        connection.execute(
            "UPDATE prompts SET is_fine = false WHERE is_fine AND folded IN"
            f" (SELECT unnest({list_of(folded)}))"
        )


def _cell(column: Column) -> tuple[str, str]:
    """SQL for a cell of ``column``: whether there is no question, and its value then."""
    name = column.name
    fine, value = column.kind.certain(name)
    if column.kind is REFRESH:
        fine, value = f"{fine} OR expression IS NOT NULL", f"coalesce(expression, {value})"
    if column.required:
        return f"{name} <> '' AND {fine}", value
    return (
        f"{name} = '' OR ({fine})",
        f"CASE WHEN {name} <> '' THEN {value} ELSE {_blank(column)} END",
    )


def _absent(column: Column) -> tuple[str, str]:
    return "true", _blank(column)


def _blank(column: Column) -> str:
    return "[]" if isinstance(column.blank, tuple) else literal(column.blank)
