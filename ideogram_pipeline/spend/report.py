"""What was spent, as numbers and as one page that can be kept, mailed and printed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ideogram_pipeline.files import write_whole
from ideogram_pipeline.pages import templates_of
from ideogram_pipeline.warehouse import query

_LAST_MONTHS = 24
_LAST_DAYS = 31
_LAST_RUNS = 12


@dataclass(frozen=True, slots=True)
class Amount:
    """Credits that belong to one thing: a character, a month, a day, a tier, or all of them."""

    label: str
    charges: int
    """Credits taken."""
    refunds: int
    """Credits given back, as a positive number."""
    net: int
    """Credits spent: charges less refunds."""
    images: int
    """Stored pictures that the charges paid for."""


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run; what is not known of it is ``None``."""

    run_id: str
    started_at: datetime
    """UTC."""
    status: str
    images_made: int | None
    images_reused: int | None
    images_failed: int | None
    credits_charged: int | None
    credits_refunded: int | None


@dataclass(frozen=True, slots=True)
class ProviderSpend:
    """The books of one provider; those of two are never added up."""

    provider: str
    total: Amount
    by_character: list[Amount]
    """The dearest first."""
    by_tier: list[Amount]
    by_month: list[Amount]
    """The last months in which anything was booked, newest first."""
    by_day: list[Amount]
    """The last days on which anything was booked, newest first."""
    last_runs: list[RunLine]
    """Newest first."""
    images_reused: int
    """Pictures that the latest plan of each character did not have to buy again."""
    credits_avoided: int
    """Credits that those pictures had cost, as far as that is known."""


@dataclass(frozen=True, slots=True)
class SpendSummary:
    """All that the spend page shows."""

    published_at: datetime
    """When the warehouse was last published, UTC."""
    providers: list[ProviderSpend]
    images_unpriced: int
    """Reused pictures whose price is not known; they are in no sum."""


def summarise(warehouse: Path) -> SpendSummary:
    """Read the books out of the warehouse.

    Raises:
        StorageError: Nothing was published yet, or the file cannot be read.
    """
    ((published_at,),) = _rows(warehouse, "SELECT published_at FROM warehouse_meta")
    providers = _rows(
        warehouse,
        "SELECT provider FROM credit_ledger UNION SELECT provider FROM runs ORDER BY provider",
    )
    avoided = {
        provider: _Avoided(int(images), int(price), int(unpriced))
        for provider, images, price, unpriced in _rows(
            warehouse,
            "SELECT provider, sum(images), coalesce(sum(credits), 0), sum(images_unpriced)"
            " FROM credits_avoided GROUP BY provider",
        )
    }
    sums = _sums(warehouse)
    return SpendSummary(
        published_at=published_at,
        providers=[
            _of_provider(warehouse, provider, avoided.get(provider, _Avoided()), sums[provider])
            for (provider,) in providers
        ],
        images_unpriced=sum(of_provider.unpriced for of_provider in avoided.values()),
    )


def write_report(warehouse: Path, destination: Path) -> Path:
    """Write the spend page, one HTML file that needs nothing else, and give its path.

    Raises:
        StorageError: Nothing was published yet, or the page cannot be written.
    """
    template = templates_of("ideogram_pipeline.spend").get_template("report.html.j2")
    page = template.render(summary=summarise(warehouse))
    write_whole(destination, page.encode())
    return destination


_Sums = defaultdict[str, list[Amount]]


@dataclass(frozen=True, slots=True)
class _Avoided:
    """Pictures that were reused, and what they had cost."""

    images: int = 0
    credits: int = 0
    unpriced: int = 0


_SUMS = """
    SELECT
        provider,
        CASE
            WHEN NOT grouping(character_id) THEN 'character'
            WHEN NOT grouping(rendering_speed) THEN 'tier'
            WHEN NOT grouping(month) THEN 'month'
            WHEN NOT grouping(day) THEN 'day'
            ELSE 'total'
        END AS by_what,
        CASE by_what
            WHEN 'character' THEN coalesce(any_value(name), character_id, 'no character')
            WHEN 'tier' THEN coalesce(rendering_speed, 'not known')
            WHEN 'month' THEN month
            WHEN 'day' THEN day
            ELSE 'all'
        END AS label,
        CAST(sum(charge) AS BIGINT),
        CAST(sum(refund) AS BIGINT),
        CAST(sum(net) AS BIGINT) AS net,
        CAST(sum(image) AS BIGINT)
    FROM (
        FROM spend_entries
        LEFT JOIN (SELECT character_id, name FROM characters) USING (character_id)
        SELECT *, strftime(booked_at, '%Y-%m') AS month, strftime(booked_at, '%Y-%m-%d') AS day
    )
    GROUP BY GROUPING SETS (
        (provider, character_id), (provider, rendering_speed), (provider, month), (provider, day),
        (provider)
    )
    ORDER BY
        provider,
        CASE by_what WHEN 'month' THEN label WHEN 'day' THEN label END DESC,
        net DESC,
        coalesce(character_id, rendering_speed)
"""
"""All sums of the page in one passage through the entries; each is also a view of its own."""


def _of_provider(warehouse: Path, provider: str, avoided: _Avoided, sums: _Sums) -> ProviderSpend:
    runs = _rows(
        warehouse,
        "SELECT run_id, started_at, status, images_made, images_reused, images_failed,"
        " credits_charged, credits_refunded FROM runs WHERE provider = ?"
        f" ORDER BY started_at DESC, run_id LIMIT {_LAST_RUNS}",
        [provider],
    )
    return ProviderSpend(
        provider=provider,
        total=sums["total"][0] if sums["total"] else Amount("all", 0, 0, 0, 0),
        by_character=sums["character"],
        by_tier=sums["tier"],
        by_month=sums["month"][:_LAST_MONTHS],
        by_day=sums["day"][:_LAST_DAYS],
        last_runs=[RunLine(*run) for run in runs],
        images_reused=avoided.images,
        credits_avoided=avoided.credits,
    )


def _sums(warehouse: Path) -> defaultdict[str, _Sums]:
    """Add up all entries, by provider and by what the sums are of."""
    found: defaultdict[str, _Sums] = defaultdict(lambda: defaultdict(list))
    for provider, by_what, *amount in _rows(warehouse, _SUMS):
        found[provider][by_what].append(Amount(*amount))
    return found


def _rows(warehouse: Path, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    # Any, because the types of the columns are those of the SQL; the tables and views fix them.
    return query(warehouse, sql, parameters).rows
