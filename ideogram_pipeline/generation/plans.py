"""The plan of this moment: what the catalog asks for, held against what the journal has.

The steps of a run ask for it one after the other; as long as neither the catalog nor the journal
has changed, they are given the same one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any

from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.generation import history
from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.guarding import has_journal
from ideogram_pipeline.generation.published_plan import published_plan, stamp_of
from ideogram_pipeline.planning.decisions import decide
from ideogram_pipeline.planning.expansion import PlannedImages, expand
from ideogram_pipeline.planning.model import Standings
from ideogram_pipeline.planning.plan import Plan
from ideogram_pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class _Made:
    """A plan, and from what it was made."""

    catalog: Catalog
    key: tuple[Any, ...]
    plan: Plan


_lock = Lock()
_last: _Made | None = None


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
    global _last  # noqa: PLW0603 (of all plans, only the last is worth its memory)
    chosen = None if characters is None else frozenset(characters)
    if not has_journal(settings):
        images = expand(catalog, at=at, zone=settings.zone, characters=chosen)
        return decide(images, Standings((), {}), lambda _: {})
    with open_journal(settings) as database:
        # Before the rows that the marks speak of: so a plan may be newer than they, never older.
        marks = history.marks(database)
        key = (at, settings.zone, chosen, database.path, marks)
        with _lock:
            if _last and _last.catalog is catalog and _last.key == key:
                return _last.plan
            _last = None
        images = PlannedImages(catalog, at, settings.zone, chosen)
        stamp = stamp_of(catalog, images, chosen, marks)
        plan = published_plan(settings, images, stamp) if stamp else None
        if plan is None:
            images.fill()
            few = len(images) <= history.MANY
            standings = history.standings(database, images.fingerprints() if few else None)
            plan = decide(images, standings, partial(history.last_bought, database))
            plan.stamp = stamp if plan.is_done else None
        if catalog.content is not None:  # else nobody is given this very catalog again
            with _lock:
                _last = _Made(catalog, key, plan)
        return plan
