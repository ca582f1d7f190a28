"""The verdict on a case, by the provider's truth and the files on the disk, not by what a run says.

The books say in which state each image was left, and where its file should be. Whether it is the
right file is judged by drawing the picture of the provider's job once more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ideogram_pipeline.sandbox import pictures
from ideogram_pipeline_tests.torture.books import LOUD, BookedAttempt, Books, Entry

Job = Mapping[str, Any]
"""One of the truth's."""


@dataclass(slots=True)
class Verdict:
    """What came of the planned images of a case, or of several: in images and credits."""

    planned: int = 0
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
    claimed_twice: int = 0
    """Attempts that have a job which another one has."""
    ledger_minus_truth: int = 0
    """Credits by which the journal's ledger and the provider's differ, job by job, each difference
    without its sign, so that two faults cannot make a right; what it calls unknown is none."""
    troubles: list[str] = field(default_factory=list)
    """Everything else that is not right, in words."""

    @property
    def numbers(self) -> dict[str, int]:
        """All but the troubles, by name."""
        names = [each.name for each in fields(self) if each.name != "troubles"]
        return {name: getattr(self, name) for name in names}

    @property
    def lost(self) -> int:
        """Paid images that are not stored, said or not."""
        return self.lost_silently + self.lost_loudly

    def is_clean(self, *, may_lose_aloud: bool = False) -> bool:
        """Nothing paid twice, nothing lost, books to the credit, nothing for a person to do.

        Args:
            may_lose_aloud: The provider has not kept its files until the next run.
        """
        lost = self.lost_silently if may_lose_aloud else self.lost
        wrong = self.paid_twice or lost or self.claimed_twice or self.ledger_minus_truth
        return not (wrong or self.unresolved or self.troubles)

    def add(self, other: Verdict) -> None:
        """Count another one's images as well."""
        for name, number in other.numbers.items():
            setattr(self, name, getattr(self, name) + number)
        self.troubles += other.troubles


def judge(
    prompts: Mapping[str, str],
    books: Books,
    truth: Mapping[str, Any],
    reference: bytes,
    *,
    on_disk: Collection[str] = (),
) -> Verdict:
    """Compare what is planned, the books, and the provider's truth.

    Args:
        prompts: The text of each planned image, by prompt id; no two are the same.
        books: What is on the disk.
        truth: The sandbox's own.
        reference: The character's picture, from which the sandbox draws.
        on_disk: Jobs whose picture a run had found on the disk, see ``jobs_on_disk``.
    """
    verdict = Verdict(planned=len(prompts))
    jobs = defaultdict(list)
    for job in truth["jobs"]:
        jobs[job["prompt"]].append(job)
    unplanned = jobs.keys() - set(prompts.values())
    if unplanned:
        verdict.troubles.append(f"jobs that nobody planned: {sorted(unplanned)}")
    claims = Counter(attempt.job_id for attempt in books.attempts if attempt.job_id)
    verdict.claimed_twice = claims.total() - len(claims)
    unknown: set[str] = set()
    for prompt_id, text in prompts.items():
        attempts = [attempt for attempt in books.attempts if attempt.prompt_id == prompt_id]
        states = {attempt.state for attempt in attempts}
        paid = [job for job in jobs[text] if _is_live(job)]
        verdict.paid_twice += max(0, len(paid) - 1)
        if "unresolved" in states:
            verdict.unresolved += 1
            unknown.update(job["id"] for job in jobs[text] if job["id"] not in claims)
        if any(_is_home(attempt, paid, books, reference) for attempt in attempts):
            verdict.stored += 1
            continue
        if not paid:
            verdict.troubles.append(f"{prompt_id}: not bought, {sorted(states) or 'no attempt'}")
            continue
        if states.isdisjoint(LOUD):
            verdict.lost_silently += 1
        else:
            verdict.lost_loudly += 1
            if not all(job["expired"] for job in paid):
                verdict.troubles.append(f"{prompt_id}: given up, and the provider still has it")
        if all(job["id"] in on_disk for job in paid):
            verdict.troubles.append(f"{prompt_id}: was on the disk, and was given up")
    verdict.ledger_minus_truth = _difference(books.ledger, truth["jobs"], unknown)
    verdict.troubles += _unlike_the_journal(books)
    return verdict


def jobs_on_disk(truth: Mapping[str, Any], reference: bytes, folder: Path) -> set[str]:
    """The live jobs whose very picture lies below a folder, in whatever file.

    Args:
        truth: The sandbox's own.
        reference: As for ``judge``.
        folder: Of the pictures; it need not exist.
    """
    files = {path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    live = filter(_is_live, truth["jobs"])
    return {job["id"] for job in live if drawn(job["input"], reference) in files}


def _is_live(job: Job) -> bool:
    """Whether a job is, or will be, a picture that is paid for.

    One that failed is none, also if its credits were kept: that is a loss, but nothing was bought
    twice.
    """
    return job["status"] not in ("FAILED", "CANCELLED") and job["charge"] > job["refund"]


def _is_home(attempt: BookedAttempt, paid: Iterable[Job], books: Books, reference: bytes) -> bool:
    content = books.files.get(attempt.path or "")
    job = next((job for job in paid if job["id"] == attempt.job_id), None)
    return (
        attempt.state == "stored"
        and content is not None
        and job is not None
        and content == drawn(job["input"], reference)
    )


def drawn(request: Mapping[str, Any], reference: bytes) -> bytes:
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


def _difference(ledger: Iterable[Entry], jobs: Iterable[Job], unknown: Collection[str]) -> int:
    """What a ledger and the provider's jobs differ by; of ``unknown`` jobs it says nothing."""
    differences = Counter({job["id"]: job["refund"] - job["charge"] for job in jobs})
    without_job = 0
    for job_id, amount in ledger:
        if job_id is None:
            without_job += abs(amount)
        else:
            differences[job_id] += amount
    known = differences.keys() - set(unknown)
    return without_job + sum(abs(differences[job_id]) for job_id in known)


def _unlike_the_journal(books: Books) -> Iterator[str]:
    """In what the warehouse differs from the journal, from which it is made."""
    for table, truth, published in (
        ("images", books.stored_images, books.published_images),
        ("credit_ledger", books.ledger, books.published_ledger),
    ):
        lacks = list((Counter(truth) - Counter(published)).elements())
        has_more = list((Counter(published) - Counter(truth)).elements())
        if lacks or has_more:
            yield f"{table} lacks {lacks} of the journal, and has {has_more} that are not in it"
