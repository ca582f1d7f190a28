"""Orphans: paid jobs of the account that our journal does not know, given to their pictures.

They are left when a journal was lost, or put back from an older backup, or when a team has two.
A job is told by what was asked of it: prompt, seed and parameters. The addresses of its inputs say
nothing, since the same reference is uploaded to another one each time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from zoneinfo import ZoneInfo

from ideogram_pipeline.apiframe.model import INPUT_PARAMS, MODEL, Job
from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.journal import AlreadyClaimed, Journal
from ideogram_pipeline.generation.likeness import Likeness, compare, leaves, plain_text
from ideogram_pipeline.planning.editions import edition_at
from ideogram_pipeline.planning.expansion import expand
from ideogram_pipeline.planning.identity import canonical_json
from ideogram_pipeline.planning.model import PlannedImage


@dataclass(frozen=True, slots=True)
class Adoption:
    """What became of the orphans."""

    adopted: tuple[Attempt, ...]
    unclear: Mapping[str, str]
    """Pictures (by fingerprint) that may be paid already, with the reason why one cannot say."""
    unreadable: tuple[str, ...]
    """Jobs of which the provider does not tell what was asked; each could be any picture."""
    left: tuple[str, ...]
    """Jobs that were made for none of the pictures; for one of another period or row, perhaps."""

    def doubt_about(self, fingerprint: str) -> str | None:
        """Why a picture that was not adopted may be paid all the same; ``None`` if it is not."""
        if self.unreadable:
            return f"{len(self.unreadable)} jobs of the account do not tell what they were made for"
        return self.unclear.get(fingerprint)


def adopt(
    journal: Journal,
    orphans: Sequence[Job],
    planned: Collection[PlannedImage],
    catalog: Catalog,
    *,
    zone: ZoneInfo,
    run_id: str,
    now: datetime,
) -> Adoption:
    """Give each orphan to the one planned image that it was made for, where there is one.

    Nothing is bought. A job that may be of an attempt in doubt is left to it. What is adopted
    belongs to nobody yet, so that the next run, or the work of this one, takes it over and fetches
    it.

    Args:
        journal: Where the attempts are written.
        orphans: Jobs that no attempt has, with their ``input``.
        planned: What should exist now.
        catalog: For what should have existed when the orphans were made, so that older editions
            find theirs.
        zone: The zone in which refresh periods begin.
        run_id: The run to which the charges are booked.
        now: The provider's time.
    """
    wanted = [job for job in orphans if stated_charge(job) != 0]
    doubtful = jobs_in_doubt(wanted, journal.of_unknown_outcome())
    planned_for, unclear = _planned_for(wanted, planned, catalog, zone=zone)
    candidates: dict[str, list[Job]] = defaultdict(list)
    images: dict[str, PlannedImage] = {}
    for job in wanted:
        found = planned_for.get(job.id, {})
        images.update(found)
        doubted = doubtful.get(job.id)
        if len(found) == 1 and not doubted:
            candidates[next(iter(found))].append(job)
            continue
        another = f"attempt {doubted.id}, which is in doubt" if doubted else "another"
        for fingerprint in found:
            unclear[fingerprint] = f"job {job.id} of the account was made for it or for {another}"
    adopted: list[Attempt] = []
    for fingerprint, jobs in candidates.items():
        best = min(jobs, key=_rank)
        image = images[fingerprint]
        try:
            taken = journal.adopt(image, _body(image, best), best, run_id=run_id, now=now)
        except AlreadyClaimed:
            # Of an attempt that a run has settled since the account was listed.
            unclear[fingerprint] = f"job {best.id} of the account resembles it, but is another's"
            continue
        if isinstance(taken, Attempt):
            adopted.append(taken)
    return Adoption(
        adopted=tuple(adopted),
        unclear=unclear,
        unreadable=tuple(job.id for job in wanted if not _text(job)),
        left=tuple(job.id for job in wanted if job.id not in {a.job_id for a in adopted}),
    )


def jobs_in_doubt(jobs: Iterable[Job], in_doubt: Collection[Attempt]) -> dict[str, Attempt]:
    """By id, the jobs that were made for an attempt in doubt, as far as one can tell, with it."""
    requests = [(attempt, attempt.request) for attempt in in_doubt]
    found: dict[str, Attempt] = {}
    for job in jobs:
        by_likeness = {compare(request, job.input): attempt for attempt, request in requests}
        attempt = by_likeness.get(Likeness.SAME) or by_likeness.get(Likeness.LIKE)
        if attempt:
            found[job.id] = attempt
    return found


def stated_charge(job: Job) -> int | None:
    """What a job has cost in the end, in credits; ``None`` if the provider does not say.

    A cost of 0 says so of a job that failed, and proves nothing of any other.
    """
    return job.credit_cost or (0 if job.is_failed else None)


def _planned_for(
    orphans: Iterable[Job],
    planned: Collection[PlannedImage],
    catalog: Catalog,
    *,
    zone: ZoneInfo,
) -> tuple[dict[str, dict[str, PlannedImage]], dict[str, str]]:
    """What each orphan may have been made for, and what it cannot be told from.

    Returns:
        By job id, then by fingerprint, the images that an orphan agrees with; and by fingerprint
        the images that one has a part in common with, with the reason.
    """
    by_text: dict[str, list[Job]] = defaultdict(list)
    by_seed: dict[str, list[Job]] = defaultdict(list)
    refreshes = catalog.prompts.refreshes()
    times: dict[tuple[str, ...], datetime] = {}
    for job in orphans:
        by_text[_text(job)].append(job)
        by_seed[str(dict(leaves(job.input or {})).get("seed"))].append(job)
        if job.created_at:
            editions = (edition_at(refresh, job.created_at, zone) for refresh in refreshes)
            times.setdefault(tuple(editions), job.created_at)
    found: dict[str, dict[str, PlannedImage]] = defaultdict(dict)
    resembled: dict[str, str] = {}
    then = (expand(catalog, at=moment, zone=zone) for moment in times.values())
    for image in chain(planned, chain.from_iterable(then)):
        request = {"prompt": image.prompt, **image.params}
        like = (*by_text.get(plain_text(image.prompt), ()), *by_seed.get(str(image.seed), ()))
        for job in like:
            match compare(request, job.input):
                case Likeness.SAME | Likeness.LIKE:
                    found[job.id][image.fingerprint] = image
                case Likeness.UNCLEAR:
                    resembled[image.fingerprint] = job.id
    unclear = {
        fingerprint: f"job {job_id} of the account resembles it"
        for fingerprint, job_id in resembled.items()
        if job_id not in found
    }
    return found, unclear


def _text(job: Job) -> str:
    """The prompt that a job was given, as far as it is told."""
    return plain_text(str(dict(leaves(job.input or {})).get("prompt", "")))


def _rank(job: Job) -> tuple[bool, bool, bool, str]:
    """Smallest for the job to be taken when several were made for one picture: it has a file."""
    return job.is_failed, job.expired, not job.is_completed, job.id


def _body(image: PlannedImage, job: Job) -> bytes:
    """The request of ``image``, with the addresses of its inputs as the job tells them."""
    told = dict(leaves(job.input or {}))
    addresses = {name: told[name] for name in INPUT_PARAMS if isinstance(told.get(name), str)}
    params = {**image.params, **addresses}
    return canonical_json({"model": MODEL, "prompt": image.prompt, "ideogramParams": params})
