"""The front door of the engine: what the rooms above ask of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.generation import history
from ideogram_pipeline.generation.account import account_balance
from ideogram_pipeline.generation.database import journal_path, open_journal
from ideogram_pipeline.generation.publication import publish_books, publish_catalog, publish_plan
from ideogram_pipeline.generation.reconciliation import Orphan, Reconciliation, reconcile
from ideogram_pipeline.generation.run import generate
from ideogram_pipeline.planning.decisions import Plan, decide
from ideogram_pipeline.planning.expansion import expand
from ideogram_pipeline.settings import Settings

__all__ = [
    "Orphan",
    "Reconciliation",
    "account_balance",
    "generate",
    "make_plan",
    "publish_books",
    "publish_catalog",
    "publish_plan",
    "reconcile",
]


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
    if not journal_path(settings).exists():
        return decide(planned, {}, {})
    with open_journal(settings) as database:
        newest = history.newest_attempts(database, (image.fingerprint for image in planned))
        standings = {fingerprint: found.standing for fingerprint, found in newest.items()}
        new = [(i.prompt_id, i.variation) for i in planned if i.fingerprint not in standings]
        return decide(planned, standings, history.last_bought(database, new))
