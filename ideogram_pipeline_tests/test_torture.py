"""The crash matrix in small: one of its cases for real, and its judge on books that are wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ideogram_pipeline.sandbox import pictures
from ideogram_pipeline_tests.torture import __main__ as program
from ideogram_pipeline_tests.torture.books import BookedAttempt, Books, Entry
from ideogram_pipeline_tests.torture.cases import GROUPS, MODES, USUAL_GROUPS, Case, Kill, Timer
from ideogram_pipeline_tests.torture.chain import Outcome
from ideogram_pipeline_tests.torture.matrix import Matrix
from ideogram_pipeline_tests.torture.points import Mine
from ideogram_pipeline_tests.torture.processes import Ended
from ideogram_pipeline_tests.torture.verdict import Verdict, jobs_on_disk, judge

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
        Mine("rename generation.filing.file_together", "after"),
    ),
)


@pytest.mark.timeout(300)  # five runs of the command line
def test_killed_commands_pay_once_and_lose_nothing_silently(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ideogram_pipeline_tests.torture"]
    numbers = tmp_path / "torture.json"
    ended = subprocess.run(
        [*command, "--case", CASE.as_text(), "--json", str(numbers)],
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


BEGIN = "commit begin"
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
    wanted = {"named": 250, "random": 125, "faults": 125, "engine": 500}
    wanted |= {"honoured": 300, "hidden": 200, "ignored": 250, "outage": 250}
    assert all(number <= kills[name] <= number + 4 for name, number in wanted.items()), kills
    for mode in MODES:
        # The last of them is passed by recovering runs only.
        for point in POINTS:
            assert {(mode, f"{point} before 1"), (mode, f"{point} after 1")} <= singles


def test_kills_that_come_too_late_are_made_up_for_but_not_for_ever() -> None:
    matrix = Matrix({"named": passing(BEGIN)}, kills=100, seed=1)
    cases = 0
    while case := matrix.next():
        cases += 1
        matrix.learn(carried_out(case, killed_at=[], missed=list(case.kills)))
    assert 100 < cases < 300
    # Each once, although several modes have missed it.
    missed = [
        Mine(point, side) for point in sorted((BEGIN, *POINTS)) for side in ("after", "before")
    ]
    assert matrix.unreached == missed


def test_a_point_is_struck_wherever_and_at_whatever_pass_it_was() -> None:
    matrix = Matrix(dict.fromkeys(USUAL_GROUPS, passing(BEGIN)), kills=100, seed=1)
    matrix.learn(carried_out(Case("faults", "outage", "storm", 1, (Mine(BEGIN, "after", 3),))))
    assert matrix.unreached == [Mine(BEGIN, "before")]


class ShamPool:
    """Says of each case that it went as it should, or that all its kills came too late."""

    def __init__(self, *, is_late: bool = False, ends_after: int | None = None) -> None:
        self._is_late = is_late
        self._left = ends_after

    def run(self, source: Callable[[], Case | None]) -> Iterator[Outcome]:
        while case := source():
            if case.kills and self._left is not None:
                self._left -= 1
                if self._left < 0:
                    raise KeyboardInterrupt
            late = {"killed_at": [], "missed": list(case.kills)}
            yield carried_out(case, **(late if self._is_late else {}))


def measured(
    pool: ShamPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *options: str
) -> tuple[Result, Path]:
    monkeypatch.setattr(program, "preload", lambda folder: None)
    monkeypatch.setattr(program, "Pool", lambda folder, at_a_time: pool)
    monkeypatch.chdir(tmp_path)
    return CliRunner().invoke(program.main, options), tmp_path / program.NUMBERS


def test_a_run_with_all_its_kills_is_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, path = measured(ShamPool(), tmp_path, monkeypatch)
    assert ended.exit_code == 0, ended.output
    numbers = json.loads(path.read_text())
    assert numbers["kills"] >= numbers["kills_asked"] == 2000
    assert numbers["points_never_killed_at"] == []


def test_a_run_with_too_few_kills_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = ShamPool(is_late=True)
    ended, _ = measured(late, tmp_path, monkeypatch, "--kills", "50", "--only", "named")
    assert ended.exit_code == 1
    assert "Too few: 0 of 50 kills were made." in ended.output
    assert "Never killed at: commit generation.begin before" in ended.output


def test_a_run_that_is_interrupted_shows_what_is_done_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, path = measured(ShamPool(ends_after=5), tmp_path, monkeypatch, "--kills", "50")
    assert ended.exit_code == 1
    assert re.search(r"Interrupted: \d+ of 50 kills were made\.", ended.output)
    assert json.loads(path.read_text())["rows"]


@pytest.mark.parametrize(("kills", "code"), [(2000, 1), (1999, 0)])
def test_a_whole_run_has_to_strike_every_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int, code: int
) -> None:
    never = Mine("request apiframe.submit", "after")
    monkeypatch.setattr(program.Matrix, "unreached", [never])
    ended, _ = measured(ShamPool(), tmp_path, monkeypatch, "--kills", str(kills))
    assert ended.exit_code == code
    assert "Never killed at: request apiframe.submit after" in ended.output


def test_a_repeated_case_leaves_the_numbers_of_the_big_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, path = measured(ShamPool(), tmp_path, monkeypatch, "--case", CASE.as_text())
    assert ended.exit_code == 0, ended.output
    assert not path.exists()


REFERENCE = b"a face"
REQUEST = {"prompt": "a beach", "ideogramParams": {"seed": 5, "rendering_speed": "turbo"}}
OTHER = {**REQUEST, "prompt": "a wood"}
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
STORED = BookedAttempt("p1", "stored", "job-1", "images/1.png")


def books_of(
    *attempts: BookedAttempt, ledger: Sequence[Entry] = (("job-1", 10),), **changes: Any
) -> Books:
    """Books that agree with each other."""
    books = Books(attempts, ledger, (), ledger, {"images/1.png": PICTURE})
    return replace(books, **{"published_images": books.stored_images, **changes})


BOOKS = books_of(STORED)
NO_FILE = replace(STORED, path=None)


def job(**changes: Any) -> dict[str, Any]:
    usual = {"id": "job-1", "prompt": "a beach", "status": "COMPLETED", "input": REQUEST}
    return {**usual, "charge": 10, "refund": 0, "expired": False, **changes}


def judged(books: Books, *jobs: dict[str, Any], on_disk: Sequence[str] = ()) -> Verdict:
    return judge({"p1": "a beach"}, books, {"jobs": list(jobs)}, REFERENCE, on_disk=on_disk)


def test_the_judge_accepts_what_is_right() -> None:
    failed = job(id="job-0", status="FAILED", refund=10)
    assert judged(BOOKS, failed, job()) == Verdict(planned=1, stored=1)


def test_a_failed_job_that_kept_its_credits_is_not_paid_twice() -> None:
    books = books_of(STORED, ledger=[("job-0", 10), ("job-1", 10)])
    assert judged(books, job(id="job-0", status="FAILED"), job()) == Verdict(planned=1, stored=1)


def test_the_judge_finds_a_second_job() -> None:
    verdict = judged(BOOKS, job(), job(id="job-2"))
    assert (verdict.stored, verdict.paid_twice, verdict.ledger_minus_truth) == (1, 1, 10)


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
    verdict = judged(books_of(replace(NO_FILE, state="expired")), job(expired=expired))
    assert (verdict.lost_loudly, verdict.lost_silently) == (1, 0)
    assert len(verdict.troubles) == troubles


@pytest.mark.parametrize("state", ["expired", "completed"])
def test_what_was_on_the_disk_may_not_be_given_up(state: str) -> None:
    books = books_of(replace(NO_FILE, state=state))
    assert not judged(books, job(expired=True), on_disk=["job-0"]).troubles
    [trouble] = judged(books, job(expired=True), on_disk=["job-1"]).troubles
    assert trouble == "p1: was on the disk, and was given up"
    assert not judged(BOOKS, job(), on_disk=["job-1"]).troubles


def test_a_picture_on_the_disk_is_found_under_whatever_name(tmp_path: Path) -> None:
    jobs = [job(), job(id="job-0", status="FAILED", refund=10), job(id="job-2", input=OTHER)]
    images = tmp_path / "images"
    assert jobs_on_disk({"jobs": jobs}, REFERENCE, images) == set()
    (images / ".incoming").mkdir(parents=True)
    part = images / ".incoming" / "key.part"
    part.write_bytes(PICTURE[:-1])
    assert jobs_on_disk({"jobs": jobs}, REFERENCE, images) == set()
    part.write_bytes(PICTURE)
    assert jobs_on_disk({"jobs": jobs}, REFERENCE, images) == {"job-1"}


def test_an_unresolved_attempt_says_that_its_credits_are_unknown() -> None:
    unresolved = replace(NO_FILE, state="unresolved", job_id=None)
    verdict = judged(books_of(unresolved, ledger=[]), job(expired=True))
    assert (verdict.lost_loudly, verdict.unresolved, verdict.ledger_minus_truth) == (1, 1, 0)


def test_the_judge_finds_books_that_differ() -> None:
    books = books_of(STORED, ledger=[("job-1", 10), ("job-1", 10)])
    assert judged(books, job()).ledger_minus_truth == 10


@pytest.mark.parametrize(
    ("ledger", "difference"),
    [
        ([("job-1", 20)], 20),
        ([("job-1", 10), ("job-2", 10), ("job-3", 10), ("job-4", -10)], 20),
        ([("job-1", 10), ("job-2", 10), (None, 10), (None, -10)], 20),
        ([("job-1", 10), ("job-2", 20), ("job-2", -10)], 0),
    ],
    ids=["of another job", "of unknown jobs", "of no job", "corrected"],
)
def test_two_mistakes_in_the_ledger_do_not_make_a_right(
    ledger: list[Entry], difference: int
) -> None:
    verdict = judged(books_of(STORED, ledger=ledger), job(), job(id="job-2"))
    assert verdict.ledger_minus_truth == difference


@pytest.mark.parametrize(
    "changes",
    [
        {"published_images": []},
        {"published_images": BOOKS.stored_images * 2},
        {"published_images": [("p1", "job-1", "images/2.png")]},
        {"published_ledger": []},
        {"published_ledger": [("job-2", 10)]},
    ],
    ids=["no image", "an image twice", "another place", "no entry", "an entry of another job"],
)
def test_the_judge_finds_a_warehouse_that_is_not_the_journals(changes: dict[str, Any]) -> None:
    [trouble] = judged(books_of(STORED, **changes), job()).troubles
    assert "of the journal" in trouble


def test_the_judge_finds_a_job_that_two_attempts_have() -> None:
    verdict = judged(books_of(STORED, replace(NO_FILE, state="failed")), job())
    assert verdict == Verdict(planned=1, stored=1, claimed_twice=1)
    assert not verdict.is_clean()


def test_only_what_is_lost_aloud_may_be_forgiven() -> None:
    lost = Verdict(planned=1, lost_loudly=1)
    assert not lost.is_clean()
    assert lost.is_clean(may_lose_aloud=True)
    for name in ("paid_twice", "lost_silently", "unresolved", "ledger_minus_truth"):
        verdict = Verdict()
        setattr(verdict, name, 1)
        assert not verdict.is_clean(may_lose_aloud=True)
    assert not Verdict(troubles=["something"]).is_clean(may_lose_aloud=True)


def test_the_judge_finds_what_was_never_bought() -> None:
    assert judged(books_of(ledger=[])).troubles
