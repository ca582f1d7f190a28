"""Tables of ours in the DuckDB that holds the catalog; each lives as long as what refers to it."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from ideogram_pipeline.catalog.prompts import make_table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_numbers = count(1)


class OwnTable:
    """The name of a table that is dropped when nothing refers to this object any more."""

    def __init__(self, connection: DuckDBPyConnection, kind: str) -> None:
        self.name = f"{kind}_{next(_numbers)}"
        self.connection = connection
        """To be asked through a cursor, since a second question ends the answer to the first."""
        weakref.finalize(self, _drop, connection.cursor(), self.name).atexit = False

    def __str__(self) -> str:
        """The name, as it stands in SQL."""
        return self.name


def table_of(
    connection: DuckDBPyConnection,
    kind: str,
    columns: Mapping[str, str],
    rows: Iterable[tuple[Any, ...]],
) -> OwnTable:
    """Make a table of rows that are at hand."""
    table = OwnTable(connection, kind)
    make_table(connection, str(table), columns, rows)
    return table


def _drop(connection: DuckDBPyConnection, name: str) -> None:
    connection.execute(f"DROP TABLE IF EXISTS {name}")
