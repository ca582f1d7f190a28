"""The tables and views of the warehouse, made from the ``.sql`` files beside this module."""

from __future__ import annotations

from importlib.resources import files

import duckdb

SCHEMA_VERSION = 1
"""To be raised whenever a ``.sql`` file changes: older warehouse files are then built anew."""

TABLES = (
    "characters",
    "prompt_catalog",
    "catalog_rejects",
    "generation_plan",
    "generations",
    "images",
    "credit_ledger",
    "runs",
    "warehouse_meta",
    "publications",
    "stamps",
)

VIEWS = (
    "spend_by_run",
    "spend_by_character",
    "spend_by_day",
    "spend_by_month",
    "spend_by_tier",
    "credits_avoided",
    "focus_costs",
    "spend_entries",
)


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Make every table and view, empty and commented, in a new database."""
    connection.begin()  # each statement by itself would be an fsync or more
    for script in scripts():
        connection.execute(script)
    connection.commit()


def add_missing(connection: duckdb.DuckDBPyConnection) -> None:
    """Make, in an older file of the same version, the tables that came later."""
    found = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    for table in TABLES:
        if (table,) not in found:
            connection.execute(_script("tables", table))


def scripts() -> list[str]:
    """The ``.sql`` files in the order in which they can be run."""
    tables = [_script("tables", name) for name in TABLES]
    # The other views add up spend_entries, which is listed last because people want it last.
    views = [_script("views", name) for name in ("spend_entries", *VIEWS[:-1])]
    return [*tables, *views]


def _script(kind: str, name: str) -> str:
    file = files(__package__) / "sql" / kind / f"{name}.sql"
    return file.read_text(encoding="utf-8")


def column_types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """The columns of a table with their SQL types, in order.

    Raises:
        ValueError: for a name that is not one of ``TABLES``.
    """
    if table not in TABLES:
        raise ValueError(f"{table!r} is not a table of the warehouse: {', '.join(TABLES)}")
    rows = connection.execute(f"DESCRIBE {table}").fetchall()
    return {name: sql_type for name, sql_type, *_ in rows}
