"""What must hold after every step, by the provider's truth, the journal's rows and the disk."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ideogram_pipeline.apiframe.model import INPUT_PARAMS
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.settling import REPLAY_WINDOW
from ideogram_pipeline.planning.model import PlannedImage

NOT_MADE = ("FAILED", "CANCELLED")
_ROWS = """
    SELECT id, fingerprint, number, state, job_id, body, path, sha256, intended_at, retriable,
        error, (SELECT coalesce(sum(credits), 0) FROM ledger WHERE attempt_id = attempts.id) AS net
    FROM attempts ORDER BY id
"""


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
    sha256: str | None
    intended_at: str
    retriable: int
    error: str | None
    net: int


def read_rows(journal: Path) -> list[Row]:
    """All attempts, read beside whoever else has the journal open."""
    if not journal.exists():
        return []
    with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as connection:
        return [Row(*values) for values in connection.execute(_ROWS)]


def picture_of(request: dict[str, Any]) -> str:
    """What a request asks for, wherever its inputs lie: one planned image, one answer."""
    params = {k: v for k, v in request["ideogramParams"].items() if k not in INPUT_PARAMS}
    return json.dumps([request["prompt"], params], sort_keys=True)


def assert_nothing_wrong(
    truth: dict[str, Any], rows: list[Row], folder: Path, *, deleted: set[str], is_whole: bool
) -> None:
    """Judge the present moment.

    Args:
        truth: The provider's.
        rows: The journal's.
        folder: Where the stored pictures' paths begin.
        deleted: Paths of the pictures that somebody else has removed.
        is_whole: The journal was never lost, so that it knows everything that was bought.
    """
    _assert_bought_once(truth)
    _assert_each_booked_right(truth, rows)
    _assert_stored_right(rows, folder, deleted)
    if is_whole:
        _assert_all_booked(truth, rows)
        _assert_none_given_up_early(truth, rows)


def _assert_bought_once(truth: dict[str, Any]) -> None:
    bought = defaultdict(list)
    for job in truth["jobs"]:
        if job["status"] not in NOT_MADE:
            bought[picture_of(job["input"])].append(job["id"])
    for picture, jobs in bought.items():
        assert len(jobs) == 1, f"paid twice: {picture} by the jobs {jobs}"


def _assert_each_booked_right(truth: dict[str, Any], rows: list[Row]) -> None:
    jobs = {job["id"]: job for job in truth["jobs"]}
    holders = Counter(row.job_id for row in rows if row.job_id)
    assert set(holders) <= set(jobs), "a job of the journal is unknown to the provider"
    assert all(number == 1 for number in holders.values()), "a job is under two attempts"
    for row in rows:
        cost = 0
        if row.job_id:
            job = jobs[row.job_id]
            cost = job["charge"] - (job["refund"] if row.state == schema.FAILED else 0)
        assert row.net == cost, f"{row} is booked with {row.net} credits and cost {cost}"


def _assert_all_booked(truth: dict[str, Any], rows: list[Row]) -> None:
    states = {row.state for row in rows}
    if states.isdisjoint(schema.UNKNOWN):
        unknown = {job["id"] for job in truth["jobs"]} - {row.job_id for row in rows}
        assert not unknown, f"nothing is in doubt, and these paid jobs are in no book: {unknown}"
    if states.isdisjoint((*schema.UNKNOWN, *schema.OPEN)):
        paid = truth["charges"] - truth["refunds"]
        assert sum(row.net for row in rows) == paid, f"the books differ from the bill of {paid}"


def _assert_none_given_up_early(truth: dict[str, Any], rows: list[Row]) -> None:
    now = datetime.fromisoformat(truth["now"])
    for row in rows:
        if row.state == schema.UNRESOLVED:
            age = now - datetime.fromisoformat(row.intended_at)
            assert age > REPLAY_WINDOW, f"{row} was given up after {age}"


def _assert_stored_right(rows: list[Row], folder: Path, deleted: set[str]) -> None:
    for row in rows:
        if row.state != schema.STORED or row.path in deleted:
            continue
        assert row.path and row.sha256, f"{row} has no file"
        content = (folder / row.path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row.sha256, f"the file of {row} is another"


def assert_home(
    truth: dict[str, Any],
    rows: list[Row],
    wanted: Iterable[PlannedImage],
    *,
    deleted: set[str],
    is_whole: bool,
) -> None:
    """Judge the end: all that is wanted is stored, or its loss is explained by what happened.

    Args:
        truth: The provider's, after runs without faults.
        rows: The journal's.
        wanted: What the catalog asks for.
        deleted: Paths of the pictures that somebody else has removed, and that are still missing.
        is_whole: The journal was never lost. If it was, a picture may wait for a person to say
            that a job with its seed was made for another one.
    """
    jobs = {job["id"]: job for job in truth["jobs"]}
    newest = {row.fingerprint: row for row in sorted(rows, key=lambda row: row.number)}
    claimed = {row.job_id for row in rows}
    strange = {job["seed"] for job in jobs.values() if job["id"] not in claimed}
    for picture in wanted:
        row = newest.get(picture.fingerprint)
        if row is None:
            assert not is_whole and picture.seed in strange, f"{picture} was not even tried"
            continue
        stored = row.state == schema.STORED and row.path not in deleted
        assert stored or _is_excused(row, jobs), f"{row} is not brought home"


def assert_nothing_forgotten(truth: dict[str, Any], rows: list[Row]) -> None:
    """Judge the end: of each picture that was paid the journal has the file or says its loss."""
    held = {row.job_id for row in rows if row.state in (schema.STORED, schema.EXPIRED)}
    unclear = {picture_of(json.loads(row.body)) for row in rows if row.state in schema.UNKNOWN}
    for job in truth["jobs"]:
        if job["status"] not in NOT_MADE and job["id"] not in held:
            assert picture_of(job["input"]) in unclear, f"paid, and forgotten: {job}"


def _is_excused(row: Row, jobs: dict[str, dict[str, Any]]) -> bool:
    if row.state == schema.UNRESOLVED:
        return True  # It was judged when it was given up.
    job = jobs.get(row.job_id or "", {})
    if row.state == schema.EXPIRED:
        return bool(job["expired"])
    refused = "content policy" in (job.get("error") or "")
    return row.state == schema.FAILED and not row.retriable and refused
