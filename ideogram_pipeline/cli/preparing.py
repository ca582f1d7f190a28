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
    from ideogram_pipeline.catalog.model import Question, Reject, Remark
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
    questions: Sequence[Question]
    """Rows of the chosen characters that are used and may not say what was meant."""


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
    questions = [
        question
        for question in catalog.questions
        if not wanted or question.character_id in characters
    ]
    plan = make_plan(settings, catalog, at=at, characters=characters)
    return Prepared(settings, characters, at, plan, rejects, questions)


def show_rejects(rejects: Sequence[Reject], most: int | None = MOST_ROWS) -> None:
    """Say on stderr which rows are not used, and why."""
    _show("Rejected by the catalog (nothing is bought for these):", rejects, most)


def show_questions(questions: Sequence[Question], most: int | None = MOST_ROWS) -> None:
    """Say on stderr which rows a person may want to look at again, and why."""
    _show("Is this what you mean? (no error: these rows are used as they are)", questions, most)


def quote_line(plan: Plan) -> str:
    """The price in one line that scripts may look for."""
    return f"Quote: {counted(plan.quote, 'credit')}"


def _show(heading: str, remarks: Sequence[Remark], most: int | None) -> None:
    if not remarks:
        return
    click.echo(heading, err=True)
    for remark in remarks[:most]:
        click.echo(f"  {remark}", err=True)
    if most is not None and len(remarks) > most:
        click.echo(f"  ... and {len(remarks) - most:,} more", err=True)
    click.echo(err=True)
