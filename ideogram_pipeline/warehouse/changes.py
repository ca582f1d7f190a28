"""What can be done to a table of the warehouse, and how it is done, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ideogram_pipeline.warehouse.schema import column_types

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of a query over another database of this process, none of which becomes Python's.

    Its columns have the names of the table's, and need no conversion.
    """

    connection: duckdb.DuckDBPyConnection
    """Of that database, which is in memory; all selections of one publish are of the same."""
    sql: str


if TYPE_CHECKING:
    Rows = Sequence[Mapping[str, object]] | pd.DataFrame | Selection

_BATCH = 20_000
"""Rows handed to DuckDB at a time, so that their Python values need not be held twice."""


@dataclass(frozen=True, slots=True)
class Replace:
    """Delete the rows where each column of ``where`` is one of its values, then insert ``rows``.

    ``where=None`` deletes all rows. Rows go in by name; a column that they do not have is null.
    Moments are stored in UTC: those that name a zone are converted, the others taken to be UTC.
    A million rows take 4 to 9 s as a DataFrame and about 40 s as mappings (measured on 2 cores).
    """

    table: str
    rows: Rows
    where: Mapping[str, Sequence[object]] | None = None
    beside: Collection[str] = ()
    """Columns that tell of the publishing, as when it was; alone they are no reason for it."""

    def is_done(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Whether the table has these very rows in this order; only asked of a `Selection`."""
        assert isinstance(self.rows, Selection)
        types = column_types(connection, self.table)
        names, source = _stage(connection, self.table, self.rows, types)
        kept = [name for name in types if f'"{name}"' in names and name not in self.beside]
        condition, values = self._condition(types)
        cells = ", ".join(f'CAST("{name}" AS {types[name]})' for name in kept)
        digest = f"SELECT count(*), bit_xor(hash(row_number, {cells}))"
        rows = "(SELECT *, row_number() OVER () AS row_number FROM"
        wanted = connection.execute(f"{digest} FROM {rows} {source})").fetchall()
        found = connection.execute(
            f"{digest} FROM {rows} {self.table} WHERE {condition})", values
        ).fetchall()
        return wanted == found

    def apply(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Do it, inside the caller's transaction; the session's time zone must be UTC.

        Raises:
            ValueError: for a table or column that does not exist.
        """
        types = column_types(connection, self.table)
        condition, values = self._condition(types)
        connection.execute(f"DELETE FROM {self.table} WHERE {condition}", values)
        columns, source = _stage(connection, self.table, self.rows, types)
        if columns:
            connection.execute(
                f"INSERT INTO {self.table} ({columns}) SELECT {columns} FROM {source}"
            )

    def _condition(self, types: Mapping[str, str]) -> tuple[str, list[list[object]]]:
        where = dict(self.where or {})
        _check_columns(self.table, where, types)
        conditions = [
            f'"{column}" IN (SELECT unnest(CAST(? AS {types[column]}[])))' for column in where
        ]
        return " AND ".join(conditions) or "true", [list(values) for values in where.values()]


@dataclass(frozen=True, slots=True)
class Append:
    """Insert the rows whose ``key`` is not in the table yet; never update and never delete.

    Rows go in as with ``Replace``; of two new rows with one key, one goes in.
    """

    table: str
    rows: Rows
    key: str

    def apply(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Do it, inside the caller's transaction; the session's time zone must be UTC.

        Raises:
            ValueError: for a table or column that does not exist.
        """
        types = column_types(connection, self.table)
        _check_columns(self.table, [self.key], types)
        columns, source = _stage(connection, self.table, self.rows, types)
        if columns:
            connection.execute(
                f'INSERT INTO {self.table} ({columns}) SELECT DISTINCT ON ("{self.key}") {columns}'
                f' FROM {source} ANTI JOIN {self.table} USING ("{self.key}")'
            )


Change = Replace | Append


def _stage(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Rows, types: Mapping[str, str]
) -> tuple[str, str]:
    """Give the columns of the rows, "" for no rows, and where they are to be had."""
    if isinstance(rows, Selection):
        found = connection.execute(f"DESCRIBE ({rows.sql})").fetchall()
        names = [name for name, *_ in found]
        _check_columns(table, names, types)
        return ", ".join(f'"{name}"' for name in names), f"({rows.sql})"
    if not len(rows):
        return "", ""
    if isinstance(rows, Sequence):
        names = list(dict.fromkeys(name for row in rows for name in row))
    else:
        names = list(rows.columns)
    _check_columns(table, names, types)
    columns = ", ".join(f'"{name}"' for name in names)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE staged AS SELECT {columns} FROM {table} LIMIT 0"
    )
    given = {name: _accepted_type(types[name]) for name in names}
    if isinstance(rows, Sequence):
        cells = ", ".join(f"unnest(CAST(? AS {given[name]}[]))" for name in names)
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            values = [[_plain(row.get(name), types[name]) for row in batch] for name in names]
            connection.execute(f"INSERT INTO staged SELECT {cells}", values)
    else:
        cells = ", ".join(f'CAST("{name}" AS {given[name]})' for name in names)
        connection.register("incoming", rows)
        connection.execute(f"INSERT INTO staged SELECT {cells} FROM incoming")
        connection.unregister("incoming")
    return columns, "staged"


def _accepted_type(sql_type: str) -> str:
    """A cast straight to TIMESTAMP drops the offset of a text; by way of a zone it counts."""
    return "TIMESTAMPTZ" if sql_type == "TIMESTAMP" else sql_type


def _plain(value: object, sql_type: str) -> object:
    if sql_type == "JSON" and value is not None and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return list(value) if isinstance(value, tuple) else value


def _check_columns(table: str, names: Iterable[str], types: Mapping[str, str]) -> None:
    unknown = [name for name in names if name not in types]
    if unknown:
        raise ValueError(f"{table} has no column {unknown[0]!r}; it has {', '.join(types)}")
