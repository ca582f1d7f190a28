"""What is to be done about each planned image, why, and what it will cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ideogram_pipeline.apiframe.model import RenderingSpeed
from ideogram_pipeline.catalog.model import Picture
from ideogram_pipeline.planning.model import (
    Bought,
    Decision,
    PlanEntry,
    PlannedImage,
    Standing,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Every planned image with its decision; a fingerprint is to be generated at most once."""

    entries: tuple[PlanEntry, ...]

    @property
    def quote(self) -> int:
        """Credits that carrying out this plan will cost.

        Exact, but for the images that were being submitted when their run ended: if one turns out
        to have been accepted, it costs nothing more.
        """
        return sum(entry.credits for entry in self.entries)

    def count(self, decision: Decision) -> int:
        """Number of planned images with this decision."""
        return sum(entry.decision == decision for entry in self.entries)

    def characters(self) -> list[str]:
        """The characters of the plan, in its order."""
        return list(dict.fromkeys(entry.planned.character_id for entry in self.entries))

    def of(self, character_id: str) -> Plan:
        """The part of the plan that concerns one character."""
        return Plan(tuple(e for e in self.entries if e.planned.character_id == character_id))

    def credits_by_speed(self) -> dict[RenderingSpeed, int]:
        """The quote split by tier, in credits."""
        totals: Counter[RenderingSpeed] = Counter()
        for entry in self.entries:
            if entry.credits:
                totals[entry.planned.rendering_speed] += entry.credits
        return dict(totals)


def decide(
    planned: Iterable[PlannedImage],
    standings: Mapping[str, Standing],
    bought: Mapping[tuple[str, int], Bought],
) -> Plan:
    """Decide about each planned image.

    Args:
        planned: What should exist.
        standings: The journal's newest attempt by fingerprint.
        bought: What was last bought, by prompt id and variation, to say what changed.
    """
    entries: list[PlanEntry] = []
    first_of: dict[str, PlanEntry] = {}
    for image in planned:
        first = first_of.get(image.fingerprint)
        if first is None:
            standing = standings.get(image.fingerprint)
            decision, reason = _decide_one(image, standing, bought)
            may_be_sent = decision == "generate" or (standing and standing.state == "submitting")
            entry = PlanEntry(image, decision, reason, image.credits if may_be_sent else 0)
            first_of[image.fingerprint] = entry
        elif first.decision == "generate":
            entry = PlanEntry(image, "reuse", f"the same picture as {_name(first.planned)}")
        else:
            entry = PlanEntry(image, first.decision, first.reason)
        entries.append(entry)
    return Plan(tuple(entries))


def _name(image: PlannedImage) -> str:
    return f"{image.prompt_id} variation {image.variation}"


def _decide_one(
    image: PlannedImage,
    standing: Standing | None,
    bought: Mapping[tuple[str, int], Bought],
) -> tuple[Decision, str]:
    if standing is None:
        return "generate", _what_changed(image, bought.get((image.prompt_id, image.variation)))
    match standing.state:
        case "stored":
            return "reuse", "already on file"
        case "submitting":
            return "resume", "was being submitted when its run ended; may be paid already"
        case "submitted" | "completed":
            return "resume", "paid, not yet on file"
        case "unresolved":
            return "blocked", f"may have been paid, cannot be proven: {standing.error}"
        case "expired":
            return "blocked", "paid, but the provider purged the file before it was fetched"
        case "failed" if not standing.retriable:
            return "blocked", f"refused by the provider: {standing.error}; change the prompt"
        case "failed":
            # Not every failure is paid back, nor is what was lost; the ledger says what it cost.
            return "generate", f"failed last time ({standing.error})"
        case "rejected":
            return "generate", f"rejected last time ({standing.error}), not charged"
    return "generate", "was not accepted last time, not charged"


def _what_changed(image: PlannedImage, last: Bought | None) -> str:
    if last is None:
        return "new" if image.variation == 1 else f"new variation {image.variation}"
    changes = []
    if image.edition != last.edition:
        changes.append(f"new edition {image.edition}")
    if image.prompt != last.prompt:
        changes.append("prompt text changed")
    pictures = (
        ("reference", image.reference, last.reference_sha256),
        ("image", image.image, last.image_sha256),
        ("mask", image.mask, last.mask_sha256),
    )
    changes += [f"{name} changed" for name, now, then in pictures if _content(now) != then]
    for name in sorted({*image.params, *last.params}):
        now, then = image.params.get(name), last.params.get(name)
        if now != then and not (name == "seed" and image.edition != last.edition):
            changes.append(f"{name} {then or 'unset'} -> {now or 'unset'}")
    return ", ".join(changes) or "new"


def _content(picture: Picture | None) -> str | None:
    return picture.sha256 if picture else None
