from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest

from ideogram_pipeline.warehouse import documentation, schema

_PINNED = (1, "f2647dcede6b486b")


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(":memory:")
    schema.create(connection)
    yield connection
    connection.close()


def test_every_sql_file_is_listed_and_begins_with_what_it_holds() -> None:
    folder = files("ideogram_pipeline.warehouse") / "sql"
    found = {file.name for kind in ("tables", "views") for file in (folder / kind).iterdir()}
    assert found == {f"{name}.sql" for name in schema.TABLES + schema.VIEWS}
    assert all(script.startswith("-- ") for script in schema.scripts())


def test_every_table_view_and_column_has_a_comment(connection: duckdb.DuckDBPyConnection) -> None:
    silent = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE comment IS NULL AND NOT internal"
        " UNION ALL SELECT view_name FROM duckdb_views() WHERE comment IS NULL AND NOT internal"
        " UNION ALL SELECT table_name || '.' || column_name FROM duckdb_columns()"
        " WHERE comment IS NULL AND NOT internal"
    ).fetchall()
    assert silent == []


def test_the_first_line_of_each_file_is_its_comment_in_the_database(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    comments = dict(
        connection.execute(
            "SELECT table_name, comment FROM duckdb_tables() WHERE NOT internal"
            " UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
    )
    first_lines = {script.splitlines()[0].removeprefix("-- ") for script in schema.scripts()}
    assert set(comments.values()) == first_lines
    assert all(comments[view].split("?")[0] != comments[view] for view in schema.VIEWS)


def test_every_view_and_every_money_table_names_the_provider(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for name in (*schema.VIEWS, "generations", "images", "credit_ledger", "runs"):
        columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
        assert {"provider", "ProviderName"} & set(columns), name


def test_credits_are_whole_numbers_and_moments_have_no_zone(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    types = connection.execute(
        "SELECT DISTINCT data_type FROM duckdb_columns() WHERE NOT internal"
    ).fetchall()
    assert {name for (name,) in types} == {
        *("BIGINT", "INTEGER", "BOOLEAN", "VARCHAR", "VARCHAR[]", "JSON", "TIMESTAMP", "DATE"),
        "DECIMAL(18,6)",  # money in focus_costs, which nobody knows yet
    }


def test_a_changed_sql_file_needs_a_new_schema_version() -> None:
    digest = hashlib.sha256("".join(schema.scripts()).encode()).hexdigest()[:16]
    assert (schema.SCHEMA_VERSION, digest) == _PINNED, (
        "The .sql files have changed: raise SCHEMA_VERSION, unless there are only new "
        "tables or comments, and write the new pair here."
    )


def test_the_committed_documentation_is_current() -> None:
    committed = Path(__file__).parents[2] / "docs" / "tables.md"
    assert committed.read_text(encoding="utf-8") == documentation.markdown(), (
        "Run `python -m ideogram_pipeline.warehouse.documentation > docs/tables.md`."
    )


@pytest.mark.parametrize(("question", "sql"), documentation.EXAMPLES)
def test_the_examples_of_the_documentation_run(
    connection: duckdb.DuckDBPyConnection, question: str, sql: str
) -> None:
    assert question.endswith(("?", ")"))
    connection.execute(sql)
