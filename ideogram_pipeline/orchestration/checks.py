"""Checks that can be run at any time: they read, spend nothing, and never stop a run.

They are not partitioned: Dagster 1.13 records a partitioned check under its partition in a run of
one character, and under none in a run over several. So each speaks for every character, and its
newest result is never about a part only.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from ideogram_pipeline.errors import PipelineError
from ideogram_pipeline.files import look_at
from ideogram_pipeline.orchestration import clock
from ideogram_pipeline.orchestration.caller import current_caller
from ideogram_pipeline.orchestration.ledgers import total, total_in_journal, totals_in_warehouse
from ideogram_pipeline.orchestration.metadata import markdown_table
from ideogram_pipeline.orchestration.partitions import is_by_character
from ideogram_pipeline.orchestration.resources import PipelineResource
from ideogram_pipeline.settings import Settings
from ideogram_pipeline.warehouse import query

if TYPE_CHECKING:
    from ideogram_pipeline.planning.plan import Missing

NEARLY_SPENT = 0.9
"""Share of a monthly budget from which on the check warns."""
OVERDUE = timedelta(hours=12)
"""After the beginning of a period; the schedule of every morning has had its turn by then."""
MOST_NAMES = 20
"""Of overdue characters in the words of the check; its table has more."""
A_MOMENT = 60.0
"""Seconds of a run after which its pictures are looked at once more at its end."""


@dg.asset_check(
    asset="images",
    description="Every stored picture is on disk, in its size. Those that were written to since "
    "they arrived (or all, when the check is started by itself) have byte for byte the content "
    "that was decoded and hashed then.",
)
def images_are_whole(
    context: dg.AssetCheckExecutionContext, pipeline: PipelineResource
) -> dg.AssetCheckResult:
    """Compare files with the table ``images``."""
    thorough = not is_by_character(context)

    def look(settings: Settings) -> dg.AssetCheckResult:
        asked = "SELECT path, bytes, epoch(max(created_at)) FROM images GROUP BY path, bytes"
        files = query(settings.warehouse_path, asked).rows
        folder = str(settings.folder)
        seen = frozenset() if thorough else _just_seen()
        doubtful = [
            str(path)
            for path, size, stored_at in files
            if path not in seen
            and (thorough or not _is_untouched(f"{folder}/{path}", size, stored_at))
        ]
        damaged = [
            (character, prompt, path, problem)
            for character, prompt, path, sha256, size in query(
                settings.warehouse_path,
                "SELECT DISTINCT character_id, prompt_id, path, sha256, bytes FROM images"
                " WHERE path IN (SELECT unnest(CAST(? AS VARCHAR[]))) ORDER BY ALL",
                [doubtful],
            ).rows
            if (problem := _damage(settings.folder / str(path), size, sha256))
        ]
        return dg.AssetCheckResult(
            passed=not damaged,
            metadata={
                "pictures": len(files),
                "damaged": markdown_table(("character", "prompt", "file", "problem"), damaged),
            },
        )

    return _looking(pipeline, look)


@dg.asset_check(
    asset="images",
    description="No paid picture is lost or in doubt. `unresolved`: it may have been paid, and the "
    "provider's records do not tell; `expired`: it was paid, and the provider deleted it before "
    "it was fetched. Neither is bought again unasked; a person has to decide.",
)
def nothing_unresolved(pipeline: PipelineResource) -> dg.AssetCheckResult:
    """List the attempts that need a person."""

    def look(settings: Settings) -> dg.AssetCheckResult:
        open_ends = query(
            settings.warehouse_path,
            "SELECT character_id, prompt_id, variation, edition, status, expected_credits, job_id,"
            " error FROM generations WHERE status IN ('unresolved', 'expired')"
            " AND fingerprint NOT IN (SELECT fingerprint FROM images)"
            " ORDER BY character_id, prompt_id, variation, edition",
        )
        return dg.AssetCheckResult(
            passed=not open_ends.rows,
            metadata={
                "attempts": len(open_ends.rows),
                "which": markdown_table(open_ends.columns, open_ends.rows),
            },
        )

    return _looking(pipeline, look)


@dg.asset_check(
    asset="credit_ledger",
    description="The ledger that auditors query has every entry of the journal, to the credit.",
)
def ledger_equals_journal(pipeline: PipelineResource) -> dg.AssetCheckResult:
    """Compare number and sum of the entries."""

    def look(settings: Settings) -> dg.AssetCheckResult:
        published = total(totals_in_warehouse(settings))
        journal = total_in_journal(settings)
        return dg.AssetCheckResult(
            passed=published == journal,
            metadata={
                "entries_in_journal": journal.entries,
                "credits_in_journal": journal.credits,
                "entries_in_ledger": published.entries,
                "credits_in_ledger": published.credits,
            },
        )

    return _looking(pipeline, look)


@dg.asset_check(
    asset="credit_ledger",
    description="No character has used nine tenths of its credits of this month (UTC). At its "
    "budget the engine defers its pictures to the next month.",
)
def within_budget(pipeline: PipelineResource) -> dg.AssetCheckResult:
    """Compare what each character has cost this month with its ``monthly_credit_budget``."""

    def look(settings: Settings) -> dg.AssetCheckResult:
        nearly_spent = query(
            settings.warehouse_path,
            """
            SELECT character_id, sum(credits)::BIGINT AS spent, monthly_credit_budget AS budget
            FROM characters
            JOIN credit_ledger USING (character_id)
            WHERE provider = ?
                AND date_trunc('month', booked_at) = date_trunc('month', now() AT TIME ZONE 'UTC')
            GROUP BY character_id, monthly_credit_budget
            HAVING sum(credits) >= ? * monthly_credit_budget
            ORDER BY character_id
            """,
            (settings.provider, NEARLY_SPENT),
        )
        return dg.AssetCheckResult(
            passed=not nearly_spent.rows,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"characters": markdown_table(nearly_spent.columns, nearly_spent.rows)},
        )

    return _looking(pipeline, look)


@dg.asset_check(
    asset="images",
    description="No character is overdue: of every refreshed row, the pictures of the current "
    "period are there twelve hours after it began. By name and since when, which a freshness "
    "policy cannot tell: it looks at the newest picture of any character.",
)
def nothing_overdue(pipeline: PipelineResource) -> dg.AssetCheckResult:
    """List the characters of which a picture should have been there for hours."""
    from ideogram_pipeline.catalog.remembering import current_catalog
    from ideogram_pipeline.generation.plans import make_plan
    from ideogram_pipeline.planning.editions import began_at

    def look(settings: Settings) -> dg.AssetCheckResult:
        now = clock.now()
        plan = make_plan(settings, current_catalog(settings.catalog), at=now)
        late = [
            (began, missing)
            for missing in plan.missing_editions()
            if (began := began_at(missing.refresh, now, settings.zone)) and now - began > OVERDUE
        ]
        characters = {missing.character_id for _, missing in late}
        return dg.AssetCheckResult(
            passed=not late,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"Overdue: {', '.join(sorted(characters)[:MOST_NAMES])}" if late else None,
            metadata={
                "characters_overdue": len(characters),
                "which": markdown_table(
                    ("character", "since", "prompt", "edition", "pictures missing", "why"),
                    [
                        _overdue(began, missing)
                        for began, missing in sorted(late, key=itemgetter(0))
                    ],
                ),
            },
        )

    return _looking(pipeline, look)


CHECKS = [
    images_are_whole,
    nothing_unresolved,
    nothing_overdue,
    ledger_equals_journal,
    within_budget,
]


def _overdue(began: datetime, missing: "Missing") -> tuple[object, ...]:
    since = f"{began:%Y-%m-%d %H:%M %Z}"
    told = (missing.prompt_id, missing.edition, missing.images, missing.reason)
    return (missing.character_id, since, *told)


def _looking(
    pipeline: PipelineResource, look: Callable[[Settings], dg.AssetCheckResult]
) -> dg.AssetCheckResult:
    """Look, and warn when that is not possible now: not having looked must not pass as a fault."""
    try:
        return look(pipeline.settings())
    except PipelineError as error:
        return dg.AssetCheckResult(
            passed=False, severity=dg.AssetCheckSeverity.WARN, description=str(error)
        )


def _just_seen() -> frozenset[str]:
    """The files that the engine has found untouched in this very run, and a moment ago."""
    caller = current_caller()
    report = caller.reports[-1] if caller and caller.reports else None
    return report.untouched if report and report.seconds < A_MOMENT else frozenset()


def _is_untouched(file: str, size: object, stored_at: Any) -> bool:
    """Whether a file has its size, and nobody has written to it since it was stored."""
    found = look_at(file)
    return found is not None and found.st_size == size and found.st_mtime <= stored_at


def _damage(file: Path, size: object, sha256: object) -> str | None:
    """Say what is wrong with a file, which is read for it."""
    try:
        found = file.stat().st_size
        if found != size:
            return f"has {found:,} bytes instead of {size:,}"
        with file.open("rb") as content:
            same = hashlib.file_digest(content, "sha256").hexdigest() == sha256
        return None if same else "its content has changed"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
