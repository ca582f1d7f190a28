"""Reading the warehouse: whole, consistent, and without being in anybody's way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from ideogram_pipeline.errors import PipelineError, StorageError

if TYPE_CHECKING:
    import pandas as pd

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class HeldError(StorageError):
    """Another program has the file open for writing; what it holds can be read later."""


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a query."""

    columns: list[str]
    rows: list[tuple[object, ...]]


def query(path: str | Path, sql: str, parameters: Sequence[object] = ()) -> Result:
    """Ask the warehouse; nothing can be changed by it, and no other file be read or written.

    Args:
        path: The DuckDB file.
        sql: One statement, with ``?`` for each of ``parameters``.
        parameters: Values for the question marks.

    Raises:
        HeldError: Another program has the file open for writing.
        StorageError: Nothing was published yet, or the file cannot be read.
        PipelineError: DuckDB does not accept the statement; its own message says why.
    """
    return query_together(path, (sql, parameters))[0]


def query_together(path: str | Path, *questions: tuple[str, Sequence[object]]) -> list[Result]:
    """Ask several things of one and the same file, as ``query`` does, whatever is published.

    Raises:
        HeldError: Another program has the file open for writing.
        StorageError: Nothing was published yet, or the file cannot be read.
        PipelineError: DuckDB does not accept a statement; its own message says why.
    """
    results = []
    with _opened(Path(path)) as connection:
        for sql, parameters in questions:
            connection.execute(sql, list(parameters))
            columns = [column[0] for column in connection.description or ()]
            results.append(Result(columns, connection.fetchall()))
    return results


def frame(path: str | Path, table_or_sql: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
    """Give a table, a view or a query as a pandas DataFrame.

    Raises:
        HeldError: Another program has the file open for writing.
        StorageError: Nothing was published yet, or the file cannot be read.
        PipelineError: DuckDB does not accept the statement; its own message says why.
    """
    sql = f'FROM "{table_or_sql}"' if _NAME.fullmatch(table_or_sql) else table_or_sql
    with _opened(Path(path)) as connection:
        return connection.execute(sql, list(parameters)).df()


@contextmanager
def _opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    if not path.exists():
        raise StorageError(
            f"There is no {path}: nothing was published yet. Run `ideogram-pipeline run` first."
        )
    # Attached to a database of its own, because a plain connect in a process that still holds an
    # older connection to this path would be given that one, and the file before the rename.
    connection = duckdb.connect(":memory:")
    try:
        try:
            quoted = str(path).replace("'", "''")
            connection.execute(f"ATTACH '{quoted}' AS warehouse (READ_ONLY)")
            connection.execute("USE warehouse")
        except duckdb.Error as error:
            # DuckDB has no class of its own for this, and 1.5.6 says it in these words.
            if "Could not set lock" in str(error):
                raise HeldError(
                    f"{path} cannot be read now, because another program has it open for writing."
                    f" Close it there (to look, `duckdb -readonly` is enough). {error}"
                ) from None
            raise StorageError(
                f"{path} cannot be read now: {error}\n"
                "If the file is damaged, delete it: the next run publishes it anew from the"
                " journal."
            ) from None
        connection.execute("SET python_enable_replacements = false")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            yield connection
        except duckdb.Error as error:
            raise PipelineError(str(error)) from None
    finally:
        connection.close()
