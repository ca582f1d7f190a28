"""What came of a run, as tags, for the list of runs and for the sensors that report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ideogram_pipeline.generation.report import Fate, RunReport

IMAGES_TAG = "ideogram_pipeline/images"
CREDITS_TAG = "ideogram_pipeline/credits"
NOT_HOME_TAG = "ideogram_pipeline/not_brought_home"
"""Why wanted pictures are not there; no tag if all are."""

LEFT_TAG = "ideogram_pipeline/repeatable"
"""Says `true` where some of them would be there if the run were repeated later."""

_MOST_REASONS = 3
_MOST_LENGTH = 200
"""Of one reason, which may quote the provider."""


def outcome_tags(report: RunReport, max_credits: int | None) -> dict[str, str]:
    """Tell what came of a run.

    Args:
        report: Of the engine.
        max_credits: What the run was let spend. One that was only to fetch what is paid has
            deferred the rest as it was told, which is no news.
    """
    counts = {
        "made": report.count("made"),
        "reused": report.count("reused"),
        "deferred": report.count("deferred"),
        "running": report.count("running"),
        "failed": report.count("failed"),
        "blocked": report.count("blocked"),
    }
    tags = {
        IMAGES_TAG: ", ".join(f"{number} {fate}" for fate, number in counts.items() if number)
        or "none planned",
        CREDITS_TAG: str(report.credits),
    }
    expected: set[Fate] = {"deferred"} if max_credits == 0 else set()
    reasons = Counter(
        f"{trouble.fate}: {trouble.reason[:_MOST_LENGTH]}"
        for trouble in report.troubles
        if trouble.fate not in expected
    )
    if reasons:
        tags[NOT_HOME_TAG] = _told(reasons.most_common())
    if {"deferred", "running", "failed"} & {t.fate for t in report.troubles} - expected:
        tags[LEFT_TAG] = "true"
    return tags


def _told(reasons: Sequence[tuple[str, int]]) -> str:
    told = [f"{number} {reason}" for reason, number in reasons[:_MOST_REASONS]]
    if left := sum(number for _, number in reasons[_MOST_REASONS:]):
        told.append(f"{left} for other reasons")
    return "; ".join(told)
