"""Catalogs in Parquet and DuckDB: the same rules, and no way out of the file."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest

from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.errors import CatalogError
from ideogram_pipeline_tests.catalog.conftest import Cast

ROWS = """SELECT * FROM (VALUES
    ('storm', 'mira', 'lights the lamp', 7, 2.0::DOUBLE, true, ['cover', 'spring']),
    ('noon', 'mira', 'sits', NULL, NULL, NULL, NULL),
    ('bad', 'mira', 'sleeps', 0, 1.5, false, [])
) AS t(prompt_id, character_id, prompt, seed, variations, enabled, tags)"""


@pytest.fixture
def database(cast: Cast) -> Path:
    path = cast.folder / "cast.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE characters AS FROM 'cast/characters.csv'")
        connection.execute(f"CREATE TABLE prompts AS {ROWS}")
        connection.execute("CREATE TABLE people AS FROM characters")
    return path


def error_of(source: str) -> str:
    with pytest.raises(CatalogError) as caught:
        read_catalog(source)
    return str(caught.value)


def test_database(database: Path) -> None:
    catalog = read_catalog(f"duckdb:///{database}")
    storm, noon = catalog.prompts
    assert (storm.seed, storm.variations, storm.tags) == (7, 2, ("cover", "spring"))
    assert (noon.seed, noon.variations, noon.tags, noon.line) == (None, 1, (), 2)
    assert catalog.characters["mira"].reference.path == Path("cast/mira.png").resolve()
    assert [str(reject) for reject in catalog.rejects] == [
        "cast/cast.duckdb, table prompts, line 3, column seed: "
        "must be a whole number from 1 to 2147483647 (found '0')",
        "cast/cast.duckdb, table prompts, line 3, column variations: "
        "must be a whole number from 1 to 100 (found '1.5')",
    ]


def test_same_rows_same_digest(cast: Cast, database: Path) -> None:
    cast.prompts(
        "prompt_id,character_id,prompt,seed,variations\n"
        "storm,mira,lights the lamp,7,2\nnoon,mira,sits,,\n"
    )
    assert cast.read().digests == read_catalog(f"duckdb:///{database}").digests


def test_absolute_path(database: Path) -> None:
    assert len(read_catalog(f"duckdb:///{database.resolve()}").prompts) == 2


def test_other_names_and_queries(database: Path) -> None:
    query = "SELECT * FROM prompts WHERE prompt_id LIKE 's%' AND 1 + 1 = 2; -- for spring"
    for form in (query, quote(query)):
        catalog = read_catalog(f"duckdb:///{database}?characters=main.people&prompts={form}")
        assert [prompt.prompt_id for prompt in catalog.prompts] == ["storm"]


def test_missing_database(cast: Cast) -> None:
    assert error_of("duckdb:///cast.duckdb") == (
        f"No catalog: there is no file {Path.cwd()}/cast.duckdb. If your catalog is elsewhere, set "
        "IDEOGRAM_PIPELINE_CATALOG to its folder. A path that begins at the root is written with "
        "a fourth slash: duckdb:////srv/cast.duckdb"
    )


def test_not_a_database(cast: Cast) -> None:
    Path("cast.duckdb").write_text("no" * 9999)
    assert error_of("duckdb:///cast.duckdb").startswith("cast.duckdb cannot be opened: IO Error:")


def test_all_problems_of_both_tables_at_once(database: Path) -> None:
    bad = "SELECT prompt_id, character_id, prompt, seed AS sead FROM prompts"
    assert error_of(f"duckdb:///{database}?characters=folk&prompts={bad}").splitlines() == [
        "cast/cast.duckdb, table folk: Catalog Error: Table with name folk does not exist! "
        "The file holds: characters, people, prompts",
        "cast/cast.duckdb, query for prompts, column 4: unknown column 'sead'; "
        "did you mean 'seed'?",
    ]


def test_unknown_option(database: Path) -> None:
    assert error_of(f"duckdb:///{database}?prompt=x") == (
        f"The catalog duckdb:///{database}?prompt=x: unknown option 'prompt'; "
        "did you mean 'prompts'?"
    )


def test_blank_option(database: Path) -> None:
    assert error_of(f"duckdb:///{database}?prompts=") == (
        f"The catalog duckdb:///{database}?prompts=: prompts is blank; name a table or a SELECT"
    )


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE prompts",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE prompts",
        "COPY prompts TO 'stolen.csv'",
        "SET threads = 1",
        "ATTACH 'other.duckdb'",
        ";",
    ],
)
def test_anything_but_one_select_is_refused(database: Path, query: str) -> None:
    assert error_of(f"duckdb:///{database}?prompts={query}") == (
        f"cast/cast.duckdb, query for prompts: {query!r} must be the name of a table "
        "or exactly one SELECT"
    )


def test_queries_cannot_leave_the_file(database: Path) -> None:
    message = error_of(f"duckdb:///{database}?prompts=SELECT * FROM 'cast/prompts.csv'")
    assert message.startswith("cast/cast.duckdb, query for prompts: Permission Error:")


def test_variables_are_not_tables(database: Path) -> None:
    message = error_of(f"duckdb:///{database}?prompts=SELECT * FROM tables")
    assert "Table with name tables does not exist!" in message


def test_nested_column(database: Path) -> None:
    query = "SELECT prompt_id, character_id, [prompt] AS prompt FROM prompts"
    assert error_of(f"duckdb:///{database}?prompts={query}") == (
        "cast/cast.duckdb, query for prompts, column prompt: holds VARCHAR[]; give text or numbers"
    )


@pytest.mark.parametrize("folder", ["cast", "cast [1]*"])
def test_parquet(cast: Cast, folder: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({ROWS}) TO 'cast/prompts.parquet'")
    (cast.folder / "prompts.csv").unlink()
    cast.folder.rename(folder)
    catalog = read_catalog(folder)
    assert [prompt.prompt_id for prompt in catalog.prompts] == ["storm", "noon"]
    assert str(catalog.rejects[0]) == (
        f"{folder}/prompts.parquet, line 3, column seed: "
        "must be a whole number from 1 to 2147483647 (found '0')"
    )


def test_not_a_parquet_file(cast: Cast) -> None:
    (cast.folder / "prompts.csv").rename(cast.folder / "prompts.parquet")
    assert cast.error().startswith("cast/prompts.parquet cannot be read: Invalid Input Error:")


def test_csv_needs_neither_duckdb_nor_pandas(cast: Cast) -> None:
    import subprocess
    import sys

    script = (
        "import sys\n"
        "from ideogram_pipeline.catalog.reading import read_catalog\n"
        "assert len(read_catalog('cast').prompts) == 1\n"
        "assert not {'duckdb', 'pandas', 'httpx', 'dagster'} & set(sys.modules)\n"
    )
    root = str(Path(__file__).parents[2])
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": root})
