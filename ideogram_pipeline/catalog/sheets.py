"""Loading the prompts into DuckDB: by its own readers, as far as they read what ours would.

Our reader of CSV is the one that explains what is wrong with a file. DuckDB's is some twenty times
faster and reads the same cells, but it forgives things that ours refuses, such as a space after a
closing quotation mark. So its result is believed only if it accounts for every byte of the file;
else ours reads the file. A test compares the two on files of every kind.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ideogram_pipeline.catalog.csvfile import read_csv
from ideogram_pipeline.catalog.duckdbfile import as_text, first_line
from ideogram_pipeline.catalog.prompts import make_table, new_connection
from ideogram_pipeline.catalog.rules import Column
from ideogram_pipeline.catalog.sql import literal
from ideogram_pipeline.catalog.tables import Sheet, Table, match_columns
from ideogram_pipeline.catalog.text import WHITE_SPACE
from ideogram_pipeline.errors import CatalogError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MANY_ROWS = 2_000
"""From so many rows on DuckDB is faster; it takes a tenth of a second to begin."""
_SHORT_ROW = 20
"""Bytes."""
_BLOCK = 1 << 20
_LONGEST_HEADER = 10_000
_CSV = (
    "auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', "
    "strict_mode = true, null_padding = false, nullstr = ''"
)


def csv_sheet(path: Path, known: Sequence[Column]) -> Table | Sheet:
    """Load the CSV file ``path``, or read it if it is short.

    Raises:
        CatalogError: it is not a CSV file in UTF-8 with a fit header; the text says what to do.
    """
    with suppress(OSError):
        if path.stat().st_size >= MANY_ROWS * _SHORT_ROW and (found := _at_once(path, known)):
            return found
    return sheet_of(read_csv(path, known))


def parquet_sheet(path: Path, known: Sequence[Column]) -> Sheet:
    """Load the Parquet file ``path``.

    Raises:
        CatalogError: it is not a Parquet file, or its columns are not those of the table.
    """
    import duckdb

    name = str(path)
    connection = new_connection()
    try:
        relation = connection.read_parquet(escape(name))
        columns, texts = as_text(name, relation, known)
        cells = (f"{text} AS {column.name}" for text, column in zip(texts, columns, strict=True))
        relation.project(", ".join(cells)).create("raw")
    except duckdb.Error as error:
        raise CatalogError(f"{path} cannot be read: {first_line(error)}") from None
    connection.execute("CREATE VIEW sheet AS SELECT rowid + 1 AS line, * FROM raw")
    return Sheet(connection, name, columns)


def sheet_of(table: Table) -> Table | Sheet:
    """Load rows that are at hand already, if they are many."""
    if len(table.rows) < MANY_ROWS:
        return table
    connection = new_connection()
    types = {"line": "BIGINT", **{column.name: "VARCHAR" for column in table.columns}}
    make_table(connection, "raw", types, ((line, *cells) for line, cells in table.rows))
    connection.execute("CREATE VIEW sheet AS FROM raw")
    return Sheet(connection, table.name, table.columns, table.malformed)


@dataclass(slots=True)
class _Bytes:
    """What is in a file, counted."""

    size: int = 0
    """Without a byte order mark and without the line ends after the last row."""
    quotes: int = 0
    lines: int = 0
    returns: int = 0
    pairs: int = 0
    """Carriage returns that are the first half of a line end."""
    nul: bool = False


def _at_once(path: Path, known: Sequence[Column]) -> Sheet | None:
    """Let DuckDB read the file; ``None`` where that is not certainly what `read_csv` reads."""
    import duckdb

    try:
        found = _count(path)
        header = _header(path)
        columns = match_columns("", header, known)
    except (OSError, UnicodeDecodeError, csv.Error, CatalogError):
        return None
    if found.nul or not found.returns == found.pairs in (0, found.lines):
        return None
    names = [column.name for column in columns]
    connection = new_connection()
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    cells = ", ".join(f"coalesce({name}, '') AS {name}" for name in names)
    try:
        connection.execute(
            f"CREATE TABLE raw AS SELECT {cells}"
            f" FROM read_csv({literal(escape(str(path)))}, {_CSV}, columns = {{{types}}})"
        )
    except duckdb.Error:
        return None
    if not _accounts_for(connection, names, found):
        return None
    line = "rowid + 1"
    source = "raw"
    if found.quotes and _has_line_ends(connection, names):
        # Narrow, so that the window over a million rows does not hold their texts.
        ends = " + ".join(
            f"strlen({name}) - strlen(replace({name}, chr(10), ''))" for name in names
        )
        connection.execute(
            "CREATE TABLE lines AS SELECT place, place + 1 + coalesce(sum(ends) OVER"
            " (ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS line"
            f" FROM (SELECT rowid AS place, {ends} AS ends FROM raw)"
        )
        line, source = "line", "raw JOIN lines ON place = raw.rowid"
    # The regular expression is only asked about what does not begin with a visible character.
    begun = " OR ".join(f"ord({name}) BETWEEN 33 AND 126" for name in names)
    blank = f"regexp_full_match(concat({', '.join(names)}), {literal(WHITE_SPACE)})"
    connection.execute(
        f"CREATE VIEW sheet AS SELECT ({line})::BIGINT AS line, {', '.join(names)} FROM {source}"
        f" WHERE raw.rowid > 0 AND ({begun} OR NOT {blank})"
    )
    return Sheet(connection, str(path), columns)


def _count(path: Path) -> _Bytes:
    found = _Bytes()
    mark, last = 0, b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if not found.size:
                mark = len(codecs.BOM_UTF8) * block.startswith(codecs.BOM_UTF8)
            found.size += len(block)
            found.quotes += block.count(b'"')
            found.lines += block.count(b"\n")
            found.returns += block.count(b"\r")
            found.pairs += block.count(b"\r\n") + (last + block[:1] == b"\r\n")
            found.nul = found.nul or b"\0" in block
            last = block[-1:]
            tail = len(block) - len(block.rstrip(b"\r\n"))
    if found.size:
        found.size -= mark + tail
    return found


def _header(path: Path) -> list[str]:
    """The cells of the first line, if that is a header by itself."""
    with path.open("rb") as file:
        line = file.readline(_LONGEST_HEADER)
    text = line.removeprefix(codecs.BOM_UTF8).decode().rstrip("\r\n")
    return next(csv.reader([text], strict=True, skipinitialspace=True), [])


def _accounts_for(connection: DuckDBPyConnection, names: Sequence[str], found: _Bytes) -> bool:
    """Whether the cells, with their commas, quotation marks and line ends, are the whole file."""

    def total(of_cell: str) -> str:
        return f"coalesce(sum({' + '.join(of_cell.format(name) for name in names)}), 0)::BIGINT"

    marks_of_cell = """CASE WHEN contains({0}, '"')
        THEN strlen({0}) - strlen(replace({0}, '"', '')) ELSE 0 END"""
    in_cells = total(marks_of_cell) if found.quotes else "0"
    longest = ", ".join(f"max(strlen({name}))" for name in names)
    spaced = " OR ".join(f"starts_with({name}, ' ')" for name in names)
    rows, cells, quotes, spaces, longest_cell = connection.execute(
        f"SELECT count(*), {total('strlen({0})')}, {in_cells}, coalesce(bool_or({spaced}), false),"
        f" coalesce(greatest({longest}), 0) FROM raw"
    ).fetchall()[0]
    commas = rows * (len(names) - 1)
    marks = found.quotes - quotes
    ends = (rows - 1) * (2 if found.returns else 1)
    return (
        cells + commas + marks + ends == found.size
        # Ours drops spaces before a cell, unless they stand in quotation marks.
        and not spaces
        and longest_cell <= csv.field_size_limit()
    )


def _has_line_ends(connection: DuckDBPyConnection, names: Sequence[str]) -> bool:
    found = " OR ".join(f"contains({name}, chr(10))" for name in names)
    (answer,) = connection.execute(f"SELECT bool_or({found}) FROM raw").fetchall()[0]
    return bool(answer)
