"""What a newcomer reads, and how long it takes to appear."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ideogram_pipeline.cli import documentation
from ideogram_pipeline.cli.commands import SHORT_HELP
from ideogram_pipeline.settings import Settings
from ideogram_pipeline.warehouse.publishing import publish
from ideogram_pipeline_tests.cli.terminal import PROGRAM, process_environment, spawned, typed

HEAVY = (
    "dagster",
    "duckdb",
    "httpx",
    "pandas",
    "PIL",
    "pydantic",
    "rich",
    "sqlalchemy",
    "starlette",
)


def test_help_is_there_at_once() -> None:
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [*PROGRAM, "--help"], env=process_environment({}), capture_output=True, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    # CPU time, because other work on this machine must not fail the test.
    assert min(seconds) < 0.3


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in SHORT_HELP)])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    assert imported_by(words, {}) & set(HEAVY) == set()


@pytest.mark.parametrize("words", [["plan"], ["sql", "SELECT 1"]])
def test_what_only_looks_does_without_dagster(words: list[str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    publish(home / "sandbox" / "warehouse.duckdb", [])
    found = imported_by(words, {"IDEOGRAM_PIPELINE_HOME": str(home)})
    assert found & {"dagster", "pandas"} == set()


def imported_by(words: list[str], environment: dict[str, str]) -> set[str]:
    """The modules that are there when a command has done its work."""
    look = (
        "import json, sys\n"
        "from ideogram_pipeline.cli.commands import cli\n"
        "from click.exceptions import Exit\n"
        f"try: cli({words!r}, standalone_mode=False)\n"
        "except Exit as end: assert end.exit_code == 0\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", look],
        env=process_environment(environment),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(result.stderr.splitlines()[-1]))


def test_help_begins_with_what_to_type_first() -> None:
    said = typed("--help").out
    assert said.index("ideogram-pipeline plan") < said.index("ideogram-pipeline run")
    for name, says in SHORT_HELP.items():
        assert f"  {name} " in said
        assert says in said


@pytest.mark.parametrize("name", sorted({*SHORT_HELP} - {"sandbox"}))
def test_each_command_explains_itself(name: str) -> None:
    short = typed(name, "-h").out
    assert "Examples:" in short
    assert short.count(f"ideogram-pipeline {name}") >= 2
    assert short == typed(name, "--help").out


def test_the_page_of_the_settings_is_named_and_current() -> None:
    assert "docs/settings.md" in typed("--help").out
    committed = Path(__file__).parents[2] / "docs" / "settings.md"
    assert committed.read_text(encoding="utf-8") == documentation.markdown(), (
        "Run `python -m ideogram_pipeline.cli.documentation > docs/settings.md`."
    )


def test_every_setting_is_explained() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_version() -> None:
    assert typed("--version").out == "ideogram-pipeline, version 0.1.0\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["plann"], "No such command 'plann'"),
        (["run", "--max-credits", "-1"], "--max-credits"),
        (["plan", "--edition-at", "tomorrow"], "'tomorrow' is not a time in ISO 8601"),
        (["sql"], "Missing argument 'SQL'"),
    ],
)
def test_wrong_usage(words: list[str], says: str) -> None:
    answer = typed(*words)
    assert answer.code == 2
    assert says in answer.err


def test_the_installed_program() -> None:
    answer = spawned("--version")
    assert (answer.code, answer.out) == (0, "ideogram-pipeline, version 0.1.0\n")
