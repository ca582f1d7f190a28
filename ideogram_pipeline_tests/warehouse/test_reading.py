from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ideogram_pipeline import warehouse
from ideogram_pipeline.errors import PipelineError, StorageError
from ideogram_pipeline.warehouse.changes import Append
from ideogram_pipeline_tests.warehouse.rows import entry


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("it's here") / "warehouse.duckdb"
    entries = [entry("1", 10), entry("2", 20), entry("3", -20)]
    warehouse.publish(path, [Append("credit_ledger", entries, "entry_id")])
    return path


def test_query_gives_columns_and_rows(path: Path) -> None:
    ask = "SELECT entry_id, credits FROM credit_ledger WHERE credits > ? ORDER BY entry_id"
    result = warehouse.query(path, ask, [5])
    assert result.columns == ["entry_id", "credits"]
    assert result.rows == [("1", 10), ("2", 20)]


@pytest.mark.parametrize("ask", ["credit_ledger", "FROM credit_ledger"])
def test_frame_takes_a_name_or_a_query(path: Path, ask: str) -> None:
    frame = warehouse.frame(path, ask)
    assert sorted(frame["credits"]) == [-20, 10, 20]
    assert list(frame.columns) == warehouse.query(path, "FROM credit_ledger").columns


def test_frame_takes_parameters(path: Path) -> None:
    frame = warehouse.frame(path, "SELECT entry_id FROM credit_ledger WHERE credits = ?", [20])
    assert list(frame["entry_id"]) == ["2"]


@pytest.mark.parametrize(
    ("ask", "hint"),
    [
        ("SELECT creditz FROM credit_ledger", 'Candidate bindings: "credits"'),
        ("FROM spend_by_dy", 'Did you mean "spend_by_day"'),
        ("SELEC 1", "syntax error"),
        ("SELECT CAST('x' AS INTEGER)", "Could not convert"),
        ("DELETE FROM credit_ledger", "read-only"),
        ("CREATE TABLE mine (i INTEGER)", "read-only"),
        ("COPY credit_ledger TO 'ledger.csv'", "disabled by configuration"),
        ("ATTACH 'other.duckdb'", "disabled by configuration"),
        ("SELECT * FROM read_text('/etc/hostname')", "disabled by configuration"),
        ("SET enable_external_access = true", "locked"),
    ],
)
def test_what_duckdb_does_not_accept_is_said_in_its_words(path: Path, ask: str, hint: str) -> None:
    with pytest.raises(PipelineError) as caught:
        warehouse.query(path, ask)
    assert hint in str(caught.value)


def test_python_variables_are_out_of_reach(path: Path) -> None:
    secrets = warehouse.frame(path, "credit_ledger")
    with pytest.raises(PipelineError, match="secrets does not exist"):
        warehouse.query(path, "FROM secrets")
    assert len(secrets) == 3


def test_before_the_first_publish_the_message_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nothing was published yet"):
        warehouse.query(tmp_path / "warehouse.duckdb", "FROM runs")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").write_text("hello")
    with pytest.raises(StorageError, match=r"warehouse\.duckdb cannot be read now"):
        warehouse.query(tmp_path / "warehouse.duckdb", "FROM runs")


def test_nothing_heavy_is_imported_before_it_is_needed(path: Path) -> None:
    code = f"""
import sys
from ideogram_pipeline import warehouse
assert not {{"duckdb", "pandas"}} & set(sys.modules)
assert warehouse.query({str(path)!r}, "FROM spend_by_day").rows
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_everything_that_is_offered_is_there() -> None:
    for name in warehouse.__all__:
        assert getattr(warehouse, name)
    with pytest.raises(AttributeError, match="no attribute 'framee'"):
        warehouse.framee  # noqa: B018
