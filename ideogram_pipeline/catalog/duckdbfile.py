"""Reading a table from a DuckDB or Parquet file, locked so that a query can only read that file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ideogram_pipeline.catalog.rules import Column
from ideogram_pipeline.catalog.tables import Table, match_columns
from ideogram_pipeline.errors import CatalogError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,2}")
# A variable of ours must not be taken for a table of the user's.
_OFFLINE: dict[str, str | bool | int | float | list[str]] = {
    "python_enable_replacements": False,
    "autoinstall_known_extensions": False,
}
_LOCKED = {**_OFFLINE, "enable_external_access": False, "lock_configuration": True}
_NESTED = ("list", "array", "struct", "map", "union", "blob")


def read_parquet(path: Path, known: Sequence[Column]) -> Table:
    """Read the table in the Parquet file ``path``.

    Raises:
        CatalogError: it is not a Parquet file, or its columns are not those of the table.
    """
    import duckdb

    with duckdb.connect(config=_OFFLINE) as connection:
        try:
            return _table(str(path), connection.read_parquet(escape(str(path))), known)
        except duckdb.Error as error:
            raise CatalogError(f"{path} cannot be read: {first_line(error)}") from None


def read_duckdb(
    path: Path, sources: Mapping[str, str], known: Mapping[str, Sequence[Column]]
) -> dict[str, Table]:
    """Read tables from the DuckDB file ``path``, which is opened read-only.

    Args:
        path: The file, as the user named it.
        sources: By table of the catalog, the name of a table or view, or one SELECT.
        known: By table of the catalog, the columns that it may have.

    Raises:
        CatalogError: with everything that keeps the tables from being read.
    """
    import duckdb

    try:
        connection = duckdb.connect(path, read_only=True, config=_LOCKED)
    except duckdb.Error as error:
        raise CatalogError(f"{path} cannot be opened: {first_line(error)}") from None
    tables: dict[str, Table] = {}
    problems = []
    with connection:
        for table, source in sources.items():
            is_name = _NAME.fullmatch(source) is not None
            name = f"{path}, table {source}" if is_name else f"{path}, query for {table}"
            try:
                query = _from(source) if is_name else _one_select(connection, name, source)
                tables[table] = _table(name, connection.sql(query), known[table])
            except duckdb.CatalogException as error:
                problems.append(f"{name}: {first_line(error)} {_holdings(connection)}")
            except duckdb.Error as error:
                problems.append(f"{name}: {first_line(error)}")
            except CatalogError as error:
                problems.append(str(error))
    if problems:
        raise CatalogError("\n".join(problems))
    return tables


def _from(name: str) -> str:
    return "FROM " + ".".join(f'"{part}"' for part in name.split("."))


def _one_select(connection: DuckDBPyConnection, name: str, query: str) -> str:
    import duckdb

    statements = connection.extract_statements(query)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise CatalogError(f"{name}: {query!r} must be the name of a table or exactly one SELECT")
    return query


def _table(name: str, relation: DuckDBPyRelation, known: Sequence[Column]) -> Table:
    columns, texts = as_text(name, relation, known)
    rows = relation.project(", ".join(texts)).fetchall()
    return Table(name, columns, list(enumerate(rows, start=1)))


def as_text(
    name: str, relation: DuckDBPyRelation, known: Sequence[Column]
) -> tuple[tuple[Column, ...], list[str]]:
    """Its columns, and for each the SQL of its cells as text, which the rules for cells read.

    Raises:
        CatalogError: its columns are not those of the table, or hold what is no text.
    """
    columns = match_columns(name, relation.columns, known)
    texts = []
    for written, column, kind in zip(relation.columns, columns, relation.types, strict=True):
        identifier = '"' + written.replace('"', '""') + '"'
        if column.name == "tags" and kind == "VARCHAR[]":
            text = f"array_to_string({identifier}, ';')"
        elif kind.id in _NESTED:
            raise CatalogError(f"{name}, column {written}: holds {kind}; give text or numbers")
        else:
            text = f"{identifier}::VARCHAR"
        texts.append(f"coalesce({text}, '')")
    return columns, texts


def _holdings(connection: DuckDBPyConnection) -> str:
    query = "SELECT table_name FROM information_schema.tables ORDER BY ALL"
    names = [str(name) for (name,) in connection.execute(query).fetchall()]
    return "The file holds: " + (", ".join(names) or "no tables")


def first_line(error: Exception) -> str:
    """What DuckDB says first; the rest is its advice to programmers."""
    return str(error).strip().partition("\n")[0]
