"""Questions to the tables."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ideogram_pipeline.warehouse.changes import Append
from ideogram_pipeline.warehouse.publishing import publish
from ideogram_pipeline_tests.cli.terminal import process_environment, typed

ENTRY = {
    "entry_id": "e-1",
    "entry_type": "charge",
    "credits": 10,
    "run_id": "r",
    "character_id": "ann",
    "prompt_id": "[bold]p, 1[/bold]",
    "variation": 1,
    "edition": "base",
    "job_id": "j",
    "rendering_speed": "turbo",
    "price_source": "price table",
    "booked_at": datetime(2026, 11, 22, 9, 30, tzinfo=UTC),
    "provider": "sandbox",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    publish(home / "sandbox" / "warehouse.duckdb", [Append("credit_ledger", [ENTRY], "entry_id")])
    return {"IDEOGRAM_PIPELINE_HOME": str(home)}


def test_a_table_shows_text_as_it_stands(environment: dict[str, str]) -> None:
    answer = typed(
        "sql",
        "SELECT prompt_id, 2026 AS year, NULL AS n FROM credit_ledger",
        environment=environment,
    )
    assert answer.code == 0
    cells = [cell.strip() for cell in answer.out.splitlines()[-2].split("|")]
    assert cells[1:-1] == ["[bold]p, 1[/bold]", "2026", ""]


def test_a_table_in_a_file_is_neither_cut_nor_coloured(environment: dict[str, str]) -> None:
    out = typed("sql", "SELECT repeat('x', 300) AS wide", environment=environment).out
    assert "x" * 300 in out
    assert "\x1b" not in out


def test_csv_is_read_back_as_it_was(environment: dict[str, str]) -> None:
    question = "SELECT prompt_id, credits, booked_at, ['a', 'b'] AS list FROM credit_ledger"
    out = typed("sql", question, "--format", "csv", environment=environment).out
    assert list(csv.reader(io.StringIO(out))) == [
        ["prompt_id", "credits", "booked_at", "list"],
        ["[bold]p, 1[/bold]", "10", "2026-11-22T09:30:00", '["a", "b"]'],
    ]


def test_json_is_a_list_of_objects(environment: dict[str, str]) -> None:
    question = (
        "SELECT credits, booked_at, booked_at::DATE AS day, NULL AS n, 1.50::DECIMAL(9, 2) AS d,"
        " sum(credits) OVER () AS total, {'a': [day]} AS nested, 1 AS twice, 2 AS twice"
        " FROM credit_ledger"
    )
    out = typed("sql", question, "--format", "json", environment=environment).out
    assert json.loads(out) == [
        {
            "credits": 10,
            "booked_at": "2026-11-22T09:30:00",
            "day": "2026-11-22",
            "n": None,
            "d": 1.5,
            "total": 10,
            "nested": {"a": ["2026-11-22"]},
            "twice": 1,
            "twice_1": 2,
        }
    ]


def test_no_rows(environment: dict[str, str]) -> None:
    question = ("sql", "SELECT entry_id FROM credit_ledger WHERE false")
    assert typed(*question, "--format", "json", environment=environment).out == "[]\n"
    assert typed(*question, "--format", "csv", environment=environment).out == "entry_id\n"
    assert "entry_id" in typed(*question, environment=environment).out


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("SELEC 1", "syntax error"),
        ("FROM nothing_of_the_kind", "nothing_of_the_kind"),
        ("DELETE FROM credit_ledger", "read-only"),
    ],
)
def test_what_is_no_question(environment: dict[str, str], question: str, says: str) -> None:
    answer = typed("sql", question, environment=environment)
    assert answer.code == 1
    assert says in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""


def test_before_the_first_run(tmp_path: Path) -> None:
    answer = typed("sql", "SELECT 1", environment={"IDEOGRAM_PIPELINE_HOME": str(tmp_path)})
    assert answer.code == 1
    assert "nothing was published yet" in answer.err


def test_it_answers_without_dagster_and_pandas(environment: dict[str, str]) -> None:
    look = (
        "import sys\n"
        "from ideogram_pipeline.cli.commands import cli\n"
        "cli(['sql', 'FROM credit_ledger'], standalone_mode=False)\n"
        "assert not {'dagster', 'pandas', 'httpx', 'sqlalchemy'} & set(sys.modules)\n"
    )
    subprocess.run(
        [sys.executable, "-c", look],
        env=process_environment(environment),
        stdout=subprocess.DEVNULL,
        check=True,
    )
