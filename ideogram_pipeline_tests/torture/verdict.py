"""The verdict on a case, by the provider's truth and the files on the disk, not by what a run says.

The journal and the warehouse are read when every process is dead: for the books, for the state in
which each image was left, and for where its file should be. Whether it is the right file is judged
by drawing the picture of the provider's job once more.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from ideogram_pipeline.sandbox import pictures

LOUD = ("expired", "unresolved")
"""States of an attempt that say aloud: paid and lost, or not known; they wait for a person."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the journal has about an attempt, as far as the verdict needs it."""

    prompt_id: str
    state: str
    job_id: str | None
    path: str | None


@dataclass(frozen=True, slots=True)
class Books:
    """What a home has on its disk: journal, warehouse, and the files that the journal names."""

    attempts: Sequence[Attempt]
    ledger: int
    """Net credits in the journal's ledger."""
    warehouse_ledger: int
    """Net credits in the warehouse's ``credit_ledger``."""
    files: Mapping[str, bytes]
    """By the path that an attempt names; a missing file is missing here."""

    def settled(self, prompt_id: str) -> bool:
        """Whether no further run will do anything about a planned image."""
        return any(
            attempt.state in ("stored", *LOUD)
            for attempt in self.attempts
            if attempt.prompt_id == prompt_id
        )


@dataclass(slots=True)
class Verdict:
    """What came of the planned images of a case, in images and credits."""

    planned: int
    stored: int = 0
    """Paid, and the provider's very bytes are in their place."""
    paid_twice: int = 0
    """Jobs with a live charge beyond the first of their image."""
    lost_silently: int = 0
    """Paid, no right file, and nothing says so."""
    lost_loudly: int = 0
    """Paid, no right file, and the books say ``expired`` or ``unresolved``."""
    unresolved: int = 0
    """Images whose attempt is ``unresolved``, whatever became of it."""
    ledger_minus_truth: int = 0
    """The journal's net credits, with what it calls unknown, less the provider's."""
    troubles: list[str] = field(default_factory=list)
    """Everything else that is not right, in words."""


def read_books(folder: Path) -> Books:
    """Read the books in the folder of a mode, such as ``data/sandbox``."""
    with closing(sqlite3.connect(f"file:{folder / 'journal.sqlite'}?mode=ro", uri=True)) as journal:
        rows = journal.execute("SELECT prompt_id, state, job_id, path FROM attempts")
        attempts = [Attempt(*row) for row in rows]
        ledger = journal.execute("SELECT coalesce(sum(credits), 0) FROM ledger").fetchone()[0]
    paths = [attempt.path for attempt in attempts if attempt.path]
    return Books(
        attempts=attempts,
        ledger=ledger,
        warehouse_ledger=_warehouse_ledger(folder / "warehouse.duckdb"),
        files={path: (folder / path).read_bytes() for path in paths if (folder / path).exists()},
    )


def judge(
    prompts: Mapping[str, str], books: Books, truth: Mapping[str, Any], reference: bytes
) -> Verdict:
    """Compare what is planned, the books, and the provider's truth.

    Args:
        prompts: The text of each planned image, by prompt id; no two are the same.
        books: What is on the disk.
        truth: The sandbox's own.
        reference: The character's picture, from which the sandbox draws.
    """
    verdict = Verdict(planned=len(prompts))
    jobs = defaultdict(list)
    for job in truth["jobs"]:
        jobs[job["prompt"]].append(job)
    unplanned = jobs.keys() - set(prompts.values())
    if unplanned:
        verdict.troubles.append(f"jobs that nobody planned: {sorted(unplanned)}")
    unknown = 0
    for prompt_id, text in prompts.items():
        attempts = [attempt for attempt in books.attempts if attempt.prompt_id == prompt_id]
        states = {attempt.state for attempt in attempts}
        paid = [job for job in jobs[text] if is_live(job)]
        verdict.paid_twice += max(0, len(paid) - 1)
        verdict.unresolved += "unresolved" in states
        if any(_is_home(attempt, paid, books, reference) for attempt in attempts):
            verdict.stored += 1
        elif paid and states.intersection(LOUD):
            verdict.lost_loudly += 1
            if not all(job["expired"] for job in paid):
                verdict.troubles.append(f"{prompt_id}: given up, and the provider still has it")
        elif paid:
            verdict.lost_silently += 1
        else:
            verdict.troubles.append(f"{prompt_id}: not bought, {sorted(states) or 'no attempt'}")
        if "unresolved" in states:
            claimed = {attempt.job_id for attempt in attempts}
            unknown += sum(_net([job]) for job in jobs[text] if job["id"] not in claimed)
    verdict.ledger_minus_truth = books.ledger + unknown - _net(truth["jobs"])
    if books.warehouse_ledger != books.ledger:
        verdict.troubles.append(
            f"credit_ledger has {books.warehouse_ledger} credits, the journal {books.ledger}"
        )
    return verdict


def is_live(job: Mapping[str, Any]) -> bool:
    """Whether a job is, or will be, a picture that is paid for.

    One that failed is none, also if its credits were kept: that is a loss, but nothing was bought
    twice.
    """
    return job["status"] not in ("FAILED", "CANCELLED") and job["charge"] > job["refund"]


def _is_home(
    attempt: Attempt, paid: Iterable[Mapping[str, Any]], books: Books, reference: bytes
) -> bool:
    content = books.files.get(attempt.path or "")
    job = next((job for job in paid if job["id"] == attempt.job_id), None)
    return (
        attempt.state == "stored"
        and content is not None
        and job is not None
        and content == _drawn(job["input"], reference)
    )


def _drawn(request: Mapping[str, Any], reference: bytes) -> bytes:
    """The picture that the provider delivers for a request."""
    params = request["ideogramParams"]
    width, height = pictures.size_for(
        aspect_ratio=params.get("aspect_ratio"), resolution=params.get("resolution"), image=None
    )
    return pictures.draw(
        prompt=request["prompt"],
        seed=params["seed"],
        width=width,
        height=height,
        reference=reference,
        style_type=params.get("style_type", "Auto"),
        rendering_speed=params.get("rendering_speed", "default"),
        tiny=True,
    )


def _net(jobs: Iterable[Mapping[str, Any]]) -> int:
    return sum(job["charge"] - job["refund"] for job in jobs)


def _warehouse_ledger(path: Path) -> int:
    with closing(duckdb.connect(path, read_only=True)) as warehouse:
        row = warehouse.execute("SELECT coalesce(sum(credits), 0) FROM credit_ledger").fetchone()
    return int(row[0]) if row else 0
