"""The crash matrix in small: one of its cases for real, and its judge on books that are wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ideogram_pipeline.sandbox import pictures
from ideogram_pipeline_tests.torture.cases import GROUPS, MODES, Case, Kill, Timer
from ideogram_pipeline_tests.torture.chain import Outcome
from ideogram_pipeline_tests.torture.matrix import Matrix
from ideogram_pipeline_tests.torture.points import Mine
from ideogram_pipeline_tests.torture.processes import Ended
from ideogram_pipeline_tests.torture.verdict import Attempt, Books, Verdict, judge

# Answers get lost, a job fails, a download breaks off, and three times the run is killed and a day
# passes: longer than the provider keeps a key or a picture.
CASE = Case(
    "named",
    "outage",
    "unlucky",
    1,
    (
        Mine("request apiframe.client.ApiframeClient.submit", "after"),
        Mine("commit generation.journal.Journal.accept", "before"),
        Mine("rename generation.collecting._move", "after"),
    ),
)


@pytest.mark.timeout(300)  # five runs of the command line
def test_killed_commands_pay_once_and_lose_nothing_silently(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "ideogram_pipeline_tests.torture"]
    numbers = tmp_path / "torture.json"
    ended = subprocess.run(
        [*program, "--case", CASE.as_text(), "--json", str(numbers)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(numbers.read_text())
    assert (found["kills"], found["kills_that_came_too_late"]) == (3, 0)
    [row] = found["rows"]
    assert row["stored"] + row["lost_loudly"] == row["planned"] == CASE.images(run=3)
    assert row["stored"] > 0
    assert row["lost_loudly"] > 0


@pytest.mark.parametrize("kill", [*CASE.kills, Timer("engine", 0.25), Timer("start", 3.0)])
def test_a_case_can_be_repeated_from_its_text(kill: Kill) -> None:
    case = Case("faults", "outage", "storm", 7, (kill,))
    assert Case.parse(case.as_text()) == case


POINTS = ("commit generation.begin", "request apiframe.submit", "commit generation.adopt")


def passing(*points: str) -> Ended:
    return Ended(code=0, seconds=6.0, engine=(2.0, 3.0), passes=dict.fromkeys(points, 4))


def carried_out(case: Case, **changes: Any) -> Outcome:
    recovery = passing(*POINTS)
    usual = Outcome(case, Path(), Verdict(planned=3), killed_at=list(case.kills), recovery=recovery)
    return replace(usual, **changes)


def test_every_point_that_was_ever_passed_is_killed_at() -> None:
    usual = passing("commit generation.begin", "request apiframe.submit")
    matrix = Matrix(dict.fromkeys(GROUPS, usual), kills=1000, seed=1)
    kills: Counter[str] = Counter()
    singles = set()
    while case := matrix.next():
        kills[case.group] += len(case.kills)
        kills[case.mode] += len(case.kills)
        if len(case.kills) < 3:
            singles.add((case.mode, str(case.kills[-1])))
        matrix.learn(carried_out(case))
    assert matrix.unreached == []
    wanted = {"named": 140, "random": 50, "faults": 50, "engine": 760}
    wanted |= {"honoured": 500, "ignored": 250, "outage": 250}
    assert all(number <= kills[name] <= number + 4 for name, number in wanted.items()), kills
    for mode in MODES:
        # The last of them is passed by recovering runs only.
        for point in POINTS:
            assert {(mode, f"{point} before 1"), (mode, f"{point} after 1")} <= singles


def test_kills_that_come_too_late_are_made_up_for_but_not_for_ever() -> None:
    matrix = Matrix({"named": passing("commit begin")}, kills=100, seed=1)
    cases = 0
    while case := matrix.next():
        cases += 1
        matrix.learn(carried_out(case, killed_at=[], missed=list(case.kills)))
    assert 100 < cases < 300
    assert Mine("commit begin", "before") in matrix.unreached


REFERENCE = b"a face"
REQUEST = {"prompt": "a beach", "ideogramParams": {"seed": 5, "rendering_speed": "turbo"}}
PICTURE = pictures.draw(
    prompt="a beach",
    seed=5,
    width=1024,
    height=1024,
    reference=REFERENCE,
    style_type="Auto",
    rendering_speed="turbo",
    tiny=True,
)
STORED = Attempt("p1", "stored", "job-1", "images/1.png")
BOOKS = Books([STORED], ledger=10, warehouse_ledger=10, files={"images/1.png": PICTURE})


def job(**changes: Any) -> dict[str, Any]:
    usual = {"id": "job-1", "prompt": "a beach", "status": "COMPLETED", "input": REQUEST}
    return {**usual, "charge": 10, "refund": 0, "expired": False, **changes}


def judged(books: Books, *jobs: dict[str, Any]) -> Verdict:
    return judge({"p1": "a beach"}, books, {"jobs": list(jobs)}, REFERENCE)


def test_the_judge_accepts_what_is_right() -> None:
    failed = job(id="job-0", status="FAILED", refund=10)
    assert judged(BOOKS, failed, job()) == Verdict(planned=1, stored=1)


def test_a_failed_job_that_kept_its_credits_is_not_paid_twice() -> None:
    books = replace(BOOKS, ledger=20, warehouse_ledger=20)
    assert judged(books, job(id="job-0", status="FAILED"), job()) == Verdict(planned=1, stored=1)


def test_the_judge_finds_a_second_job() -> None:
    verdict = judged(BOOKS, job(), job(id="job-2"))
    assert (verdict.stored, verdict.paid_twice, verdict.ledger_minus_truth) == (1, 1, -10)


@pytest.mark.parametrize(
    "files", [{}, {"images/1.png": PICTURE[:-1]}], ids=["no file", "another file"]
)
def test_the_judge_finds_a_picture_that_is_not_there(files: dict[str, bytes]) -> None:
    verdict = judged(replace(BOOKS, files=files), job())
    assert (verdict.stored, verdict.lost_silently) == (0, 1)


def test_a_picture_of_another_job_is_not_taken_for_it() -> None:
    assert judged(BOOKS, job(id="job-2")).lost_silently == 1


@pytest.mark.parametrize(("expired", "troubles"), [(True, 0), (False, 1)])
def test_what_is_said_to_be_lost_must_be_gone(expired: bool, troubles: int) -> None:
    books = replace(BOOKS, attempts=[replace(STORED, state="expired", path=None)])
    verdict = judged(books, job(expired=expired))
    assert (verdict.lost_loudly, verdict.lost_silently) == (1, 0)
    assert len(verdict.troubles) == troubles


def test_an_unresolved_attempt_says_that_its_credits_are_unknown() -> None:
    unresolved = replace(STORED, state="unresolved", job_id=None, path=None)
    books = Books([unresolved], ledger=0, warehouse_ledger=0, files={})
    verdict = judged(books, job(expired=True))
    assert (verdict.lost_loudly, verdict.unresolved, verdict.ledger_minus_truth) == (1, 1, 0)


def test_the_judge_finds_books_that_differ() -> None:
    assert judged(replace(BOOKS, ledger=20, warehouse_ledger=20), job()).ledger_minus_truth == 10
    assert judged(replace(BOOKS, warehouse_ledger=0), job()).troubles


def test_the_judge_finds_what_was_never_bought() -> None:
    assert judged(Books([], 0, 0, {})).troubles
