"""The quote and the reasons, for people and for programs; nothing is spent by any of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline_tests.cli.terminal import KEY, embedded, live, process_environment, typed
from ideogram_pipeline_tests.support import call, write_catalog

ENTRY = {
    "character_id",
    "prompt_id",
    "variation",
    "edition",
    "decision",
    "reason",
    "credits",
    "rendering_speed",
    "seed",
    "fingerprint",
    "reproducible",
}


@pytest.fixture
def catalog(tmp_path: Path) -> str:
    return write_catalog(tmp_path / "catalog")


@pytest.fixture
def environment(tmp_path: Path, catalog: str) -> dict[str, str]:
    return embedded(tmp_path / "home", catalog)


def test_quote_counts_and_reasons(environment: dict[str, str]) -> None:
    answer = typed("plan", environment=environment)
    assert answer.code == 0
    rows = [line.split("|")[1:-1] for line in answer.out.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows]
    assert ["ann", "3", "0", "0", "0", "30", "0", "0", "30"] in cells
    assert ["total", "6", "0", "0", "0", "60", "0", "0", "60"] in cells
    assert ["bob-2", "1", "base", "turbo", "10", "new"] in cells
    assert "\nQuote: 60 credits\n" in answer.out
    assert "Balance: 10,000 credits, 9,940 afterwards" in answer.out
    assert answer.out.endswith("Next: ideogram-pipeline run\n")


def test_json_has_stable_keys(environment: dict[str, str]) -> None:
    answer = typed("plan", "--json", "--character", "bob", environment=environment)
    plan = json.loads(answer.out)
    assert list(plan) == [
        "mode",
        "quote",
        "balance",
        "balance_after",
        "entries",
        "rejects",
        "questions",
        "by_character",
        "by_speed",
    ]
    assert (plan["mode"], plan["quote"], plan["balance"], plan["balance_after"]) == (
        "sandbox",
        30,
        10_000,
        9_970,
    )
    assert [set(entry) for entry in plan["entries"]] == [ENTRY] * 3
    assert plan["by_character"] == {
        "bob": {"generate": 3, "resume": 0, "reuse": 0, "blocked": 0, "credits": 30}
    }
    assert plan["by_speed"] == {"turbo": 30, "default": 0, "quality": 0}
    assert (plan["rejects"], plan["questions"], answer.err) == ([], [], "")


def test_long_lists_are_cut_unless_all_is_asked_for(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path / "catalog", prompts=20)
    environment = embedded(tmp_path / "home", catalog)
    assert "... and 10 more (--all)" in typed("plan", environment=environment).out
    whole = typed("plan", "--all", environment=environment).out
    assert "more (--all)" not in whole
    assert whole.count("| new ") >= 40


def test_rejected_rows_come_first(
    tmp_path: Path, catalog: str, environment: dict[str, str]
) -> None:
    with (Path(catalog) / "prompts.csv").open("a") as prompts:
        prompts.write("odd,annn,a scene\n")
    answer = typed("plan", environment=environment)
    assert answer.code == 0
    assert answer.err.startswith("Rejected by the catalog")
    assert f"{catalog}/prompts.csv, line 8, column character_id: " in answer.err
    assert "did you mean 'ann'?" in answer.err
    [reject] = json.loads(typed("plan", "--json", environment=environment).out)["rejects"]
    assert (reject["line"], reject["column"], reject["row_id"]) == (8, "character_id", "odd")
    # Those of other characters are not shown with a chosen one.
    assert typed("plan", "--character", "ann", environment=environment).err == ""


def test_questions_are_asked_and_are_no_error(tmp_path: Path) -> None:
    columns = {"seed": "7", "refresh": "0 6 * * mon"}
    catalog = write_catalog(tmp_path / "catalog", prompts=1, columns=columns)
    environment = embedded(tmp_path / "home", catalog)
    answer = typed("plan", "--character", "bob", environment=environment)
    assert answer.code == 0
    assert answer.err.splitlines() == [
        "Is this what you mean? (no error: these rows are used as they are)",
        f"  {catalog}/prompts.csv, line 3, column seed: asks for the same picture in every period "
        "of its refresh (0 6 * * MON), so that it is bought once and never anew: blank the seed to "
        "get new pictures, or the refresh to say that one is meant (found '7')",
        "",
    ]
    assert "Quote: 10 credits" in answer.out
    plan = json.loads(typed("plan", "--json", environment=environment).out)
    assert plan["rejects"] == []
    assert [(q["line"], q["row_id"]) for q in plan["questions"]] == [(2, "ann-1"), (3, "bob-1")]


def test_an_unknown_character(environment: dict[str, str]) -> None:
    answer = typed("plan", "--character", "Bobb", environment=environment)
    assert answer.code == 1
    assert "has no character 'Bobb'. Did you mean bob?" in answer.err
    answer = typed("plan", "--character", "zoe", environment=environment)
    assert "It has ann, bob." in answer.err


def test_a_refused_character_is_said_to_be_refused(
    catalog: str, environment: dict[str, str]
) -> None:
    (Path(catalog) / "bob.png").unlink()
    answer = typed("plan", "--character", "bob", environment=environment)
    assert answer.code == 1
    assert "The row of character 'bob' was refused: " in answer.err
    assert "line 3, column reference_image" in answer.err


def test_editions_are_those_of_the_given_time(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path / "catalog", prompts=1, columns={"refresh": "daily"})
    environment = embedded(tmp_path / "home", catalog) | {
        "IDEOGRAM_PIPELINE_TIMEZONE": "Asia/Tokyo"
    }

    def editions(moment: str) -> set[str]:
        out = typed("plan", "--json", "--edition-at", moment, environment=environment).out
        return {entry["edition"] for entry in json.loads(out)["entries"]}

    assert editions("2026-11-22") == {"2026-11-22"}
    assert editions("2026-11-22T23:30+00:00") == {"2026-11-23"}
    assert "run --edition-at 2026-11-22T00:00:00" in (
        typed("plan", "--edition-at", "2026-11-22", environment=environment).out
    )


def test_editions_of_cron_are_those_of_the_given_time(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path / "catalog", prompts=1, columns={"refresh": "30 9 * * FRI"})
    environment = embedded(tmp_path / "home", catalog) | {
        "IDEOGRAM_PIPELINE_TIMEZONE": "America/New_York"
    }

    def edition(moment: str) -> str:
        words = ("plan", "--json", "--character", "ann", "--edition-at", moment)
        (entry,) = json.loads(typed(*words, environment=environment).out)["entries"]
        return str(entry["edition"])

    assert edition("2026-11-27T09:29") == "2026-11-20T0930-0500"
    assert edition("2026-11-27T09:30") == "2026-11-27T0930-0500"
    assert edition("2026-11-27T14:30Z") == "2026-11-27T0930-0500"
    assert edition("2026-12-01") == "2026-11-27T0930-0500"


def test_a_provider_out_of_reach_is_said_and_is_no_error(tmp_path: Path, catalog: str) -> None:
    with SandboxServer() as server:
        gone = server.url
    answer = typed("plan", environment=live(gone, tmp_path / "home", catalog))
    assert answer.code == 0
    assert "Balance unknown: " in answer.out
    assert "Quote: 60 credits" in answer.out
    answer = typed("plan", "--json", environment=live(gone, tmp_path / "home", catalog))
    assert "Balance unknown: " in answer.err
    plan = json.loads(answer.out)
    assert (plan["mode"], plan["balance"], plan["balance_after"]) == ("live", None, None)


def test_a_balance_that_does_not_suffice(tmp_path: Path, catalog: str) -> None:
    with SandboxServer(SandboxOptions(opening_credits=25)) as server:
        environment = live(server.url, tmp_path / "home", catalog)
        answer = typed("plan", environment=environment)
        assert "Balance: 25 credits; a run buys what can be paid and defers the rest" in answer.out
        answer = typed("plan", environment=environment | {"IDEOGRAM_PIPELINE_BALANCE_FLOOR": "20"})
        assert "Balance: 25 credits, of which 20 are not to be touched; " in answer.out
        assert call(f"{server.url}/sandbox/truth")["jobCount"] == 0


def test_it_answers_without_dagster(environment: dict[str, str]) -> None:
    look = (
        "import sys\n"
        "from ideogram_pipeline.cli.commands import cli\n"
        "cli(['plan'], standalone_mode=False)\n"
        "assert 'dagster' not in sys.modules and 'pandas' not in sys.modules\n"
    )
    subprocess.run(
        [sys.executable, "-c", look],
        env=process_environment(environment),
        stdout=subprocess.DEVNULL,
        check=True,
    )


def test_the_key_is_in_no_answer(tmp_path: Path, catalog: str) -> None:
    refused = SandboxOptions(keys=frozenset({"afk_another"}))
    with SandboxServer(refused) as server:
        environment = live(server.url, tmp_path / "home", catalog)
        answer = typed("--debug", "plan", environment=environment)
    assert "Balance unknown: " in answer.out
    assert "The key in APIFRAME_API_KEY is wrong" in answer.out
    assert KEY not in answer.said
