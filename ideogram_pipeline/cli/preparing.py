"""The plan of a command: read, checked, and shown before anything is done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from ideogram_pipeline.cli.options import choose_characters
from ideogram_pipeline.cli.output import counted

if TYPE_CHECKING:
    from ideogram_pipeline.catalog.model import Reject
    from ideogram_pipeline.planning.plan import Plan
    from ideogram_pipeline.settings import Settings

MOST_ROWS = 30
"""Rows of a list that people are to read; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a command is about to do."""

    settings: Settings
    characters: list[str]
    at: datetime
    plan: Plan
    rejects: Sequence[Reject]
    """Rows that the catalog refused, of the chosen characters or of nobody in particular."""


def prepare(
    settings: Settings, wanted: tuple[str, ...] = (), edition_at: datetime | None = None
) -> Prepared:
    """Read the catalog and make the plan; spends nothing and asks nobody.

    Raises:
        CatalogError: The catalog cannot be read, or has no such character.
        StorageError: The journal cannot be read.
    """
    from ideogram_pipeline.catalog.remembering import current_catalog
    from ideogram_pipeline.generation.plans import make_plan

    catalog = current_catalog(settings.catalog)
    characters = choose_characters(catalog, wanted)
    at = edition_at or datetime.now(UTC)
    rejects = [
        reject
        for reject in catalog.rejects
        if not wanted or reject.character_id is None or reject.character_id in characters
    ]
    plan = make_plan(settings, catalog, at=at, characters=characters)
    return Prepared(settings, characters, at, plan, rejects)


def show_rejects(rejects: Sequence[Reject], most: int | None = MOST_ROWS) -> None:
    """Say on stderr which rows are not used, and why."""
    if not rejects:
        return
    click.echo("Rejected by the catalog (nothing is bought for these):", err=True)
    for reject in rejects[:most]:
        click.echo(f"  {reject}", err=True)
    if most is not None and len(rejects) > most:
        click.echo(f"  ... and {len(rejects) - most:,} more", err=True)
    click.echo(err=True)


def quote_line(plan: Plan) -> str:
    """The price in one line that scripts may look for."""
    return f"Quote: {counted(plan.quote, 'credit')}"
