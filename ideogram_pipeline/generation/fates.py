"""What became of each planned image, as the journal knows it at the end of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from ideogram_pipeline.generation import history, schema
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.history import Newest
from ideogram_pipeline.generation.owners import is_alive
from ideogram_pipeline.generation.report import CharacterReport, Fate, NotBegun, Trouble
from ideogram_pipeline.planning.model import PlanEntry
from ideogram_pipeline.planning.plan import Plan

_BATCH = 1_000


def count_fates(
    database: Database, plan: Plan, *, run_id: str, not_begun: Mapping[str, NotBegun]
) -> dict[str, CharacterReport]:
    """Count the fates of a plan's images and its run's credits, by character.

    Args:
        database: The journal.
        plan: What the run was to do.
        run_id: The run.
        not_begun: The images that it did not even attempt, by fingerprint.
    """
    reports = {name: CharacterReport(name) for name in plan.characters()}
    lost = history.not_stored(database)
    for name, (images, avoided) in plan.kept(but=lost).items():
        reports[name].fates["reused"] = images
        reports[name].credits_avoided = avoided
    for entry, found in _with_newest(database, plan.not_kept(but=lost)):
        report = reports[entry.character_id]
        unattempted = not_begun.get(entry.fingerprint)
        if unattempted is not None:
            fate, reason = unattempted.fate, unattempted.reason
        else:
            fate, reason = _fate(database, entry, found, run_id)
        report.fates[fate] = report.fates.get(fate, 0) + 1
        if fate == "reused":
            report.credits_avoided += entry.price
        elif fate != "made":
            report.troubles.append(_trouble(entry, fate, reason))
    for name, amount in history.credits_by_character(database, run_id).items():
        reports.setdefault(name, CharacterReport(name)).credits = amount
    return reports


def _with_newest(
    database: Database, entries: Iterator[PlanEntry]
) -> Iterator[tuple[PlanEntry, Newest | None]]:
    """Each entry with its newest attempt; some at a time, since a run may have made thousands."""
    while batch := list(islice(entries, _BATCH)):
        newest = history.newest_attempts(database, {entry.fingerprint for entry in batch})
        for entry in batch:
            yield entry, newest.get(entry.fingerprint)


def _fate(
    database: Database, entry: PlanEntry, found: Newest | None, run_id: str
) -> tuple[Fate, str]:
    if found is None:
        return "deferred", "the run ended before its turn"
    reason = found.standing.error or ""
    another_is_at_it = found.owner != run_id and is_alive(database.locks, found.owner)
    match found.standing.state:
        case schema.STORED:
            ours = found.owner == run_id and entry.decision != "reuse"
            return ("made" if ours else "reused"), ""
        case schema.SUBMITTED:
            return "running", reason or "paid, still under way at the provider"
        case schema.WITHDRAWN | schema.ABSENT:
            return "deferred", reason
        case schema.SUBMITTING | schema.COMPLETED if another_is_at_it:
            return "running", "another run is at it"
        case schema.SUBMITTING:
            return "failed", f"not known whether it was accepted: {reason}"
        case schema.EXPIRED | schema.UNRESOLVED:
            return "blocked", reason
        case schema.FAILED if not found.standing.retriable:
            return "blocked", f"refused by the provider: {reason}"
    return "failed", reason


def _trouble(entry: PlanEntry, fate: Fate, reason: str) -> Trouble:
    return Trouble(
        character_id=entry.character_id,
        prompt_id=entry.prompt_id,
        variation=entry.variation,
        edition=entry.edition,
        fate=fate,
        reason=reason,
    )
