"""The plan of this moment: what the catalog asks for, held against what the journal has."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.generation import history
from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.guarding import has_journal
from ideogram_pipeline.planning.decisions import Plan, decide
from ideogram_pipeline.planning.expansion import expand
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
    planned = list(expand(catalog, at=at, zone=settings.zone, characters=characters))
    if not has_journal(settings):
        return decide(planned, {}, {})
    with open_journal(settings) as database:
        newest = history.newest_attempts(database, (image.fingerprint for image in planned))
        standings = {fingerprint: found.standing for fingerprint, found in newest.items()}
        new = [(i.prompt_id, i.variation) for i in planned if i.fingerprint not in standings]
        return decide(planned, standings, history.last_bought(database, new))
