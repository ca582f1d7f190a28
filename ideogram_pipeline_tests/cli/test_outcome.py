"""The end of a command: its table, its reasons, its exit code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from ideogram_pipeline.catalog.model import Catalog, Reject
from ideogram_pipeline.catalog.prompts import Prompts
from ideogram_pipeline.cli.outcome import COLUMNS, conclude
from ideogram_pipeline.cli.preparing import Prepared
from ideogram_pipeline.generation.report import CharacterReport, Fate, RunReport, Trouble
from ideogram_pipeline.orchestration.launch import Launch
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.planning.rows import decide_on

REJECT = Reject("prompts.csv", 2, "seed", "x", "must be a number")


def report(fates: Mapping[Fate, int], *, name: str = "ann", net: int = 0) -> RunReport:
    troubles = [
        Trouble(name, f"p{number}", 1, "base", fate, f"because\n{fate}")
        for fate, many in fates.items()
        if fate not in ("made", "reused")
        for number in range(many)
    ]
    character = CharacterReport(name, dict(fates), credits=net, troubles=troubles)
    return RunReport("run", "sandbox", {name: character}, net, 0, None, None, 0, 0.0)


def launched(*reports: RunReport, **how: object) -> Launch:
    usual = {
        "success": True,
        "interrupted": False,
        "reports": list(reports),
        "dagster_run_ids": [],
        "failures": [],
        "failed_checks": [],
    }
    return Launch(**{**usual, **how})


def code_of(launch: Launch, *rejects: Reject, home: Path = Path("home")) -> int:
    prepared = Prepared(
        settings=Settings.load(home=home),
        characters=["ann", "bob"],
        at=datetime.now(UTC),
        plan=decide_on(Catalog({}, Prompts()), {}),
        rejects=rejects,
        questions=(),
    )
    with pytest.raises(click.exceptions.Exit) as caught:
        conclude(prepared, launch, list(COLUMNS))
    return caught.value.exit_code


@pytest.mark.parametrize(
    ("fates", "code"),
    [
        ({"made": 1, "reused": 1}, 0),
        ({"made": 1, "deferred": 1}, 3),
        ({"running": 1}, 3),
        ({"failed": 1, "deferred": 1}, 4),
        ({"blocked": 1}, 4),
    ],
)
def test_exit_codes(fates: Mapping[Fate, int], code: int) -> None:
    assert code_of(launched(report(fates))) == code
    assert code_of(launched(report({"made": 1}), report(fates, name="bob"))) == code
    assert code_of(launched(report(fates)), REJECT) == 4


def test_nothing_to_do_is_well() -> None:
    assert code_of(launched()) == 0


def test_an_error_says_what_and_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    launch = launched(success=False, failures=["The disk is full.", "The disk is full."])
    assert code_of(launch, REJECT) == 1
    said = capsys.readouterr().err
    assert said.count("The disk is full.") == 1
    assert "What was paid is in the journal." in said


def test_ctrl_c_counts_more_than_the_error_it_made(capsys: pytest.CaptureFixture[str]) -> None:
    launch = launched(report({"made": 1}), success=False, interrupted=True, failures=["Stopped."])
    assert code_of(launch) == 130
    assert "Nothing is lost" in capsys.readouterr().err


def test_the_table_follows_the_catalog_and_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    bob = report({"made": 1200, "blocked": 2, "failed": 1}, name="bob", net=12_000)
    ann = report({"made": 2, "reused": 3, "deferred": 1, "running": 1}, net=20)
    code_of(launched(bob, ann))
    said = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said if "|" in line]
    assert [row for row in rows if not row[0].startswith("--")] == [
        ["character", "new", "reused", "deferred", "failed", "credits"],
        ["ann", "2", "3", "2", "0", "20"],
        ["bob", "1,200", "0", "0", "3", "12,000"],
        ["total", "1,202", "3", "2", "3", "12,020"],
    ]
    assert "1,202 new pictures, 3 reused, 12,020 credits spent." in said


def test_reasons_are_told_up_to_twenty(capsys: pytest.CaptureFixture[str]) -> None:
    code_of(launched(report({"failed": 25})))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "failed: p0 variation 1, base (ann): because failed"
    assert said[20].startswith("... and 5 more")


def test_only_places_that_are_there_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sandbox" / "images").mkdir(parents=True)
    code_of(launched(report({"made": 1})), home=tmp_path)
    said = capsys.readouterr().out
    assert f"Pictures:     {tmp_path}/sandbox/images" in said
    assert "Gallery" not in said
