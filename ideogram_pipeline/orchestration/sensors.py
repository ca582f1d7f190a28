"""The sensor that watches what people write: the catalog and its pictures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from ideogram_pipeline.errors import PipelineError
from ideogram_pipeline.files import write_whole
from ideogram_pipeline.orchestration import clock
from ideogram_pipeline.orchestration.asking import put_together, run_request
from ideogram_pipeline.orchestration.jobs import REFRESH_JOB
from ideogram_pipeline.orchestration.partitions import (
    CHARACTERS,
    known_characters,
    unknown_characters,
)
from ideogram_pipeline.settings import Settings

_DIGEST_LENGTH = 16
_KEPT = 10
"""Catalogs that were seen last; a tick that is evaluated again needs the one before."""


@dg.sensor(
    job=REFRESH_JOB,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Watches the content of the catalog and its pictures. Makes a partition of each "
    "new character and asks for runs of exactly the characters whose pictures are decided anew. "
    "Titles and tags decide nothing. The first look asks for all; what is there is not bought "
    "again.",
)
def catalog_sensor(
    context: dg.SensorEvaluationContext,
) -> dg.SensorResult | dg.SkipReason:
    """Compare each character's digest with the one that was seen last."""
    from ideogram_pipeline.catalog.remembering import current_catalog
    from ideogram_pipeline.generation.plans import make_plan

    try:
        settings = Settings.load()
        catalog = current_catalog(settings.catalog)
        seen = _seen(settings, context.cursor)
        now = {name: digest[:_DIGEST_LENGTH] for name, digest in catalog.digests.items()}
        cursor = _keep(settings, now)
    except PipelineError as error:
        return dg.SkipReason(str(error))
    at = clock.now()
    changed = [name for name, digest in now.items() if seen.get(name) != digest]
    new = unknown_characters(context.instance, now)
    keys = [*known_characters(context.instance), *new]

    def idle() -> set[str]:
        return set(keys) - make_plan(settings, catalog, at=at).busy_characters()

    return dg.SensorResult(
        # Without a run key: Dagster drops a key that it has seen, and a catalog that goes back to
        # an earlier state is a change as well. The cursor already keeps a change from being asked
        # for twice.
        run_requests=[
            run_request(together, terms={"edition_at": at.isoformat()})
            for together in put_together(keys, changed, idle)
        ],
        skip_reason=None if changed else "No character's pictures are decided anew.",
        cursor=cursor,
        dynamic_partitions_requests=[CHARACTERS.build_add_request(new)] if new else [],
    )


def _keep(settings: Settings, digests: Mapping[str, str]) -> str:
    """Keep the digests in a file, and give its name as the cursor.

    Dagster writes a cursor down with every tick; the digests of a large cast would come to
    gigabytes in a year.

    Raises:
        StorageError: The file cannot be written.
    """
    content = json.dumps(digests).encode()
    name = hashlib.sha256(content).hexdigest()[:32]
    file = _file(settings, name)
    if not file.exists():
        write_whole(file, content)
        kept = sorted(file.parent.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for old in kept[:-_KEPT]:
            old.unlink(missing_ok=True)
    return name


def _seen(settings: Settings, cursor: str | None) -> dict[str, str]:
    """What a cursor stands for; nothing if its file is gone, so that all are asked for."""
    try:
        seen: dict[str, str] = json.loads(_file(settings, cursor or "none").read_bytes())
    except (OSError, ValueError):
        return {}
    return seen


def _file(settings: Settings, name: str) -> Path:
    return settings.folder / "seen" / f"{name}.json"
