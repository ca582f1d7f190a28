"""The plan of this moment: what the catalog asks for, held against what the journal has."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial

from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.generation import history
from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.guarding import has_journal
from ideogram_pipeline.planning.decisions import decide
from ideogram_pipeline.planning.expansion import expand
from ideogram_pipeline.planning.model import Standings
from ideogram_pipeline.planning.plan import Plan
from ideogram_pipeline.settings import Settings


def make_plan(
    settings: Settings,
    catalog: Catalog,
    *,
    at: datetime,
    characters: Collection[str] | None = None,
) -> Plan:
    """Say what should exist and what is to be done about it; spends nothing, asks nobody.

    Args:
        settings: Where the journal is.
        catalog: What should exist.
        at: The scheduled time, which decides the editions.
        characters: Only these, or all.

    Raises:
        StorageError: The journal cannot be read.
    """
    images = expand(catalog, at=at, zone=settings.zone, characters=characters)
    if not has_journal(settings):
        return decide(images, Standings((), {}), lambda _: {})
    with open_journal(settings) as database:
        few = len(images) <= history.MANY
        standings = history.standings(database, images.fingerprints() if few else None)
        return decide(images, standings, partial(history.last_bought, database))
