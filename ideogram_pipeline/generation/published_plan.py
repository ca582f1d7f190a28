"""A plan with nothing to do that is published need not be made again.

Its stamp is a hash over all that decides a plan. As long as a new one would have the same stamp,
the rows of ``generation_plan`` are that plan, and to read them back takes a fifth of the time.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from hashlib import sha256

from ideogram_pipeline import warehouse
from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.catalog.sql import literal
from ideogram_pipeline.errors import PipelineError, StorageError
from ideogram_pipeline.planning.expansion import PlannedImages
from ideogram_pipeline.planning.identity import FINGERPRINT_VERSION
from ideogram_pipeline.planning.plan import Plan
from ideogram_pipeline.planning.tables import OwnTable
from ideogram_pipeline.settings import Settings

TABLE = "generation_plan"
_VERSION = 1
"""To be raised when the same catalog and journal would make another plan than before."""


def stamp_of(
    catalog: Catalog,
    images: PlannedImages,
    characters: Collection[str] | None,
    marks: Collection[tuple[str, str]],
) -> str | None:
    """Give the stamp of a plan, or ``None`` where it cannot be told whether a catalog is another.

    Args:
        catalog: The rows.
        images: For their editions.
        characters: Whose plan it is; ``None``: all.
        marks: Of the journal.
    """
    if catalog.content is None:
        return None
    made_from = (
        (_VERSION, FINGERPRINT_VERSION),
        catalog.content,
        images.editions,
        None if characters is None else sorted(characters),
        sorted(marks),
    )
    return sha256(json.dumps(made_from).encode()).hexdigest()


def published_stamp(settings: Settings) -> str | None:
    """The stamp of the plan that is published; ``None`` where there is none."""
    asked = "SELECT stamp FROM stamps WHERE table_name = ? AND stamp <> ''"
    try:
        found = warehouse.query(settings.warehouse_path, asked, [TABLE])
    except PipelineError:
        return None
    return str(found.rows[0][0]) if found.rows else None


def published_plan(settings: Settings, images: PlannedImages, stamp: str) -> Plan | None:
    """Read the plan back that was published with ``stamp``; ``None`` if there is no such plan.

    Args:
        settings: Where the warehouse is.
        images: The chosen characters; not filled.
        stamp: Of the plan that is asked for.
    """
    if published_stamp(settings) != stamp:
        return None
    table = OwnTable(images.connection, "plan")
    try:
        with warehouse.attached(settings.warehouse_path, images.cursor()) as both:
            # Of this very file, which may be another by now; and nothing that could be bought.
            both.execute(
                f"""CREATE TABLE memory.{table} AS
                SELECT prompts.number, plan.variation, plan.character_id, plan.edition,
                    plan.rendering_speed, plan.seed, plan.reproducible,
                    {images.price("plan.rendering_speed")} AS price, plan.fingerprint,
                    true AS on_file, false AS is_new, plan.decision, plan.reason, plan.credits
                FROM warehouse.{TABLE} AS plan
                JOIN memory.prompts AS prompts USING (prompt_id)
                JOIN memory.{images.cast} AS who ON who.character_id = plan.character_id
                JOIN memory.{images.edition_of} AS own USING (refresh, edition)
                WHERE plan.decision = 'reuse' AND plan.credits = 0
                    AND EXISTS (
                        FROM warehouse.stamps
                        WHERE table_name = {literal(TABLE)} AND stamp = {literal(stamp)}
                    )"""
            )
    except StorageError:
        return None  # whatever is wrong with the file: the journal has it all
    plan = Plan(images, table, read_back_by=stamp)
    return plan if len(plan) == images.expected() else None
