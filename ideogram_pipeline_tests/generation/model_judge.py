"""What must hold after every step, by the provider's truth, the journal's rows and the disk."""

from __future__ import annotations

import functools
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ideogram_pipeline.apiframe.model import INPUT_PARAMS
from ideogram_pipeline.generation import schema
from ideogram_pipeline.planning.model import PlannedImage
from ideogram_pipeline_tests.torture import verdict

REPEATED_FOR = timedelta(hours=20)
"""How long a request of unknown outcome is sent again, as the handbook promises; no longer, since
the provider forgets its key after a day, and no shorter."""
DOUBTED_FOR = timedelta(hours=20, minutes=15)
"""Age at which a run has to say what became of a request, or that nobody knows."""
NOT_MADE = ("FAILED", "CANCELLED")
_ROWS = """
    SELECT id, fingerprint, number, state, job_id, body, path, intended_at, retriable,
        error, (SELECT coalesce(sum(credits), 0) FROM ledger WHERE attempt_id = attempts.id) AS net
    FROM attempts ORDER BY id
"""

Job = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """An attempt as the journal has it on the disk, with what its ledger entries add up to."""

    id: int
    fingerprint: str
    number: int
    state: str
    job_id: str | None
    body: bytes
    path: str | None
    intended_at: str
    retriable: int
    error: str | None
    net: int

    @property
    def picture(self) -> str:
        """What it asks for."""
        return picture_of(json.loads(self.body))

    def age(self, now: datetime) -> timedelta:
        """Time since its intent."""
        return now - datetime.fromisoformat(self.intended_at)


@dataclass(frozen=True, slots=True)
class Books:
    """What the journal has on the disk, beside whoever else has it open."""

    rows: list[Row]
    is_searching: bool
    """The journal was lost, and buys nothing unseen until all jobs of the account are in it."""


def read_books(journal: Path) -> Books:
    """Read the journal; the next run takes one that is not there for lost."""
    if not journal.exists():
        return Books([], is_searching=True)
    with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as connection:
        rows = [Row(*values) for values in connection.execute(_ROWS)]
        searching = connection.execute("SELECT 1 FROM meta WHERE name = 'recovering'").fetchone()
    return Books(rows, is_searching=searching is not None)


def picture_of(request: dict[str, Any]) -> str:
    """What a request asks for, wherever its inputs lie: one planned image, one answer."""
    params = {k: v for k, v in request["ideogramParams"].items() if k not in INPUT_PARAMS}
    return json.dumps([request["prompt"], params], sort_keys=True)


def assert_nothing_wrong(
    truth: dict[str, Any],
    books: Books,
    folder: Path,
    *,
    deleted: set[str],
    reference: bytes,
    is_whole: bool,
) -> None:
    """Judge the present moment.

    Args:
        truth: The provider's.
        books: The journal's.
        folder: Where the stored pictures' paths begin.
        deleted: Paths of the pictures that somebody else has removed.
        reference: The character's picture, from which the sandbox draws.
        is_whole: The journal was never lost, so that it knows everything that was bought.
    """
    _assert_bought_once(truth)
    _assert_each_booked_right(truth, books.rows, is_whole=is_whole)
    _assert_all_booked(truth, books, is_whole=is_whole)
    _assert_none_given_up_early(truth, books.rows)
    _assert_stored_right(truth, books.rows, folder, deleted, reference)


def _assert_bought_once(truth: dict[str, Any]) -> None:
    bought = defaultdict(list)
    for job in truth["jobs"]:
        if job["status"] not in NOT_MADE:
            bought[picture_of(job["input"])].append(job["id"])
    for picture, jobs in bought.items():
        assert len(jobs) == 1, f"paid twice: {picture} by the jobs {jobs}"


def _assert_each_booked_right(truth: dict[str, Any], rows: list[Row], *, is_whole: bool) -> None:
    jobs = {job["id"]: job for job in truth["jobs"]}
    holders = Counter(row.job_id for row in rows if row.job_id)
    assert set(holders) <= set(jobs), "a job of the journal is unknown to the provider"
    assert all(number == 1 for number in holders.values()), "a job is under two attempts"
    for row in rows:
        cost = 0
        if row.job_id:
            job = jobs[row.job_id]
            cost = job["charge"] - (job["refund"] if row.state == schema.FAILED else 0)
            assert picture_of(job["input"]) == row.picture, f"{row} has the job of another: {job}"
            if is_whole:
                # Nobody else has sent it, so it was made of these very bytes.
                assert job["input"] == json.loads(row.body), f"{row} sent something else: {job}"
        if row.state == schema.EXPIRED:
            assert row.job_id, f"{row} is lost, and was never bought"
            assert jobs[row.job_id]["expired"], f"{row} is given up, and the provider has it still"
        assert row.net == cost, f"{row} is booked with {row.net} credits and cost {cost}"


def _assert_all_booked(truth: dict[str, Any], books: Books, *, is_whole: bool) -> None:
    rows = books.rows
    in_doubt = _pictures_in_doubt(rows)
    unbooked = _unbooked(truth, rows)
    if is_whole:
        for job in unbooked:
            picture = picture_of(job["input"])
            assert picture in in_doubt, f"not in doubt, and this job is in no book: {job}"
    elif not books.is_searching:
        for job in unbooked:
            known = picture_of(job["input"]) in in_doubt or not _net(job)
            assert known, f"nobody looks for it any more, and this job is in no book: {job}"
    if {row.state for row in rows}.isdisjoint((*schema.UNKNOWN, *schema.OPEN)):
        paid = truth["charges"] - truth["refunds"] - sum(map(_net, unbooked))
        assert sum(row.net for row in rows) == paid, f"the books differ from the bill of {paid}"


def _assert_none_given_up_early(truth: dict[str, Any], rows: list[Row]) -> None:
    now = datetime.fromisoformat(truth["now"])
    for row in rows:
        if row.state == schema.UNRESOLVED:
            assert row.age(now) > REPEATED_FOR, f"{row} was given up after {row.age(now)}"


def _assert_stored_right(
    truth: dict[str, Any], rows: list[Row], folder: Path, deleted: set[str], reference: bytes
) -> None:
    pictures = {job["id"]: picture_of(job["input"]) for job in truth["jobs"]}
    for row in rows:
        if row.state != schema.STORED or row.path in deleted:
            continue
        assert row.path and row.job_id, f"{row} has no file, or no job"
        content = (folder / row.path).read_bytes()
        right = _drawn(pictures[row.job_id], reference)
        assert content == right, f"the file of {row} is not what the provider has drawn"


@functools.cache
def _drawn(picture: str, reference: bytes) -> bytes:
    prompt, params = json.loads(picture)
    return verdict.drawn({"prompt": prompt, "ideogramParams": params}, reference)


def assert_nothing_open(
    truth: dict[str, Any], rows: list[Row], wanted: Iterable[PlannedImage], began: datetime
) -> None:
    """Judge a run that nothing has hindered: whatever was paid is home, or its loss is said.

    Args:
        truth: The provider's, after the run.
        rows: The journal's, after the run.
        wanted: What the run was to bring home.
        began: The provider's time when the run began.
    """
    now = datetime.fromisoformat(truth["now"])
    fingerprints = {picture.fingerprint for picture in wanted}
    for row in rows:
        if row.state not in schema.OPEN:
            continue
        assert row.state == schema.SUBMITTING, f"{row} is paid, and the run leaves it"
        # What nobody wants any more is not sent again, and too old a key must not be; then only
        # time tells whether there is a job.
        repeats = row.fingerprint in fingerprints and row.age(now) <= REPEATED_FOR
        assert not repeats, f"{row} can be sent again, and the run leaves it"
        assert row.age(began) < DOUBTED_FOR, f"{row} is in doubt for too long"


def assert_home(
    truth: dict[str, Any],
    books: Books,
    wanted: Iterable[PlannedImage],
    *,
    deleted: set[str],
    is_whole: bool,
) -> None:
    """Judge the end: all that is wanted is stored, or its loss is explained by what happened.

    Args:
        truth: The provider's, after runs without faults.
        books: The journal's.
        wanted: What the catalog asks for.
        deleted: Paths of the pictures that somebody else has removed, and that are still missing.
        is_whole: The journal was never lost. If it was, a picture may wait for a person to say
            that a job with its seed was made for another one.
    """
    jobs = {job["id"]: job for job in truth["jobs"]}
    newest = {row.fingerprint: row for row in sorted(books.rows, key=lambda row: row.number)}
    strange = {
        job["seed"]: picture_of(job["input"])
        for job in _unbooked(truth, books.rows)
        if books.is_searching and _net(job)
    }
    for picture in wanted:
        row = newest.get(picture.fingerprint)
        if row is None:
            other = strange.get(picture.seed)
            assert not is_whole and other, f"{picture} was not even tried"
            assert other != _picture_planned(picture), f"the job of {picture} was not adopted"
            continue
        stored = row.state == schema.STORED and row.path not in deleted
        assert stored or _is_excused(row, jobs), f"{row} is not brought home"


def assert_nothing_forgotten(
    truth: dict[str, Any], books: Books, wanted: Iterable[PlannedImage], *, is_whole: bool
) -> None:
    """Judge the end: of each picture that was paid the journal has the file or says its loss.

    After the loss of a journal a job may also lie at the provider, as long as somebody looks for
    it; but not one whose picture is wanted.
    """
    rows = books.rows
    held = {row.job_id for row in rows if row.state in (schema.STORED, schema.EXPIRED)}
    in_doubt = _pictures_in_doubt(rows)
    unbooked = {job["id"] for job in _unbooked(truth, rows)}
    pictures_wanted = {_picture_planned(picture) for picture in wanted}
    for job in truth["jobs"]:
        picture = picture_of(job["input"])
        if job["status"] in NOT_MADE or job["id"] in held or picture in in_doubt:
            continue
        is_orphan = not is_whole and books.is_searching and job["id"] in unbooked
        assert is_orphan and picture not in pictures_wanted, f"paid, and forgotten: {job}"


def _is_excused(row: Row, jobs: dict[str, Job]) -> bool:
    if row.state in (schema.UNRESOLVED, schema.EXPIRED):
        return True  # It was judged when it was given up.
    refused = "content policy" in (jobs.get(row.job_id or "", {}).get("error") or "")
    return row.state == schema.FAILED and not row.retriable and refused


def _picture_planned(planned: PlannedImage) -> str:
    return picture_of({"prompt": planned.prompt, "ideogramParams": dict(planned.params)})


def _pictures_in_doubt(rows: Iterable[Row]) -> Collection[str]:
    return {row.picture for row in rows if row.state in schema.UNKNOWN}


def _unbooked(truth: dict[str, Any], rows: Iterable[Row]) -> list[Job]:
    """The jobs that no row has."""
    booked = {row.job_id for row in rows}
    return [job for job in truth["jobs"] if job["id"] not in booked]


def _net(job: Job) -> int:
    return int(job["charge"] - job["refund"])
