"""A large catalog, and the journal and the pictures of runs that never were, made in a minute."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image
from sqlalchemy import Connection

from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.settled import put_settled_point, settled_point
from ideogram_pipeline.planning.expansion import PlannedImages, expand
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.support import draw_reference

_BATCH = 10_000
_THEN = "2026-01-01T00:00:00.000000+00:00"


def write_large_catalog(folder: Path, *, rows: int, characters: int, refresh: str = "never") -> str:
    """Write a catalog such as a large team has, and return its source."""
    folder.mkdir(parents=True)
    draw_reference(folder / "reference.png", "crimson")
    with (folder / "characters.csv").open("w") as file:
        file.write("character_id,name,reference_image,rendering_speed,prompt_prefix\n")
        for number in range(characters):
            file.write(f"c{number:04},Number {number},reference.png,turbo,Ink and watercolour:\n")
    with (folder / "prompts.csv").open("w") as file:
        file.write("prompt_id,character_id,prompt,rendering_speed,refresh,title,tags\n")
        for number in range(rows):
            speed = ("", "", "turbo", "quality")[number % 4]
            file.write(
                f'p{number:07},c{number % characters:04},"scene {number}, lights the lamp in a '
                f'storm, with two boats, far out",{speed},{refresh},Title {number},a; b\n'
            )
    return str(folder)


def pretend(settings: Settings, *, but_every: int = 0, files: bool = False) -> int:
    """Write the books as if the catalog's pictures had been bought.

    Args:
        settings: Where the catalog and the journal are.
        but_every: Leave out one of so many rows; 0: none.
        files: Make the pictures' files too.

    Returns:
        Number of pictures.
    """
    content = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(content, "PNG")
    images = expand(read_catalog(settings.catalog), at=datetime.now(UTC), zone=settings.zone)
    with open_journal(settings) as database, database.write() as connection:
        # Such as are made in a moment for all rows, and in many minutes row by row.
        indexes = sorted(schema.attempts.indexes, key=lambda index: str(index.name))
        for index in indexes:
            index.drop(connection)
        written = 0
        for batch in _bought(images, but_every, content.getvalue()):
            _insert(connection, batch, settings.provider)
            if files:
                for attempt in batch:
                    file = settings.folder / str(attempt["path"])
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(content.getvalue())
                    os.utime(file, (0, 0))
            written += len(batch)
        for index in indexes:
            index.create(connection)
    return written


def pretend_to_agree(settings: Settings) -> None:
    """Have the journal say that all its jobs agree with the provider's, of whom it knows by now."""
    with open_journal(settings) as database, database.write() as connection:
        point = settled_point(connection)
        put_settled_point(connection, datetime.now(UTC), instead_of=point)


def _bought(
    images: PlannedImages, but_every: int, content: bytes
) -> Iterator[list[dict[str, object]]]:
    left_out = f"number % {but_every} = 0" if but_every else "false"
    found = images.cursor().execute(
        # Sorted as the journal's widest index is, which then only grows at its end.
        "SELECT character_id, prompt_id, variation, edition, rendering_speed, seed, price, request,"
        f" fingerprint FROM ({images.with_requests(str(images.table))}) WHERE NOT {left_out}"
        " ORDER BY fingerprint"
    )
    names = [name for name, *_ in found.description or ()]
    number = 0
    while rows := found.fetchmany(_BATCH):
        batch = []
        for row in rows:
            number += 1
            values = dict(zip(names, row, strict=True))
            place = f"{values['character_id']}/{values['prompt_id']}"
            batch.append(
                values
                | {
                    "id": number,
                    "job_id": f"job-{number:08}",
                    "path": f"images/{place}/{values['edition']}-v{values['variation']}-a1.png",
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "bytes": len(content),
                }
            )
        yield batch


def _insert(connection: Connection, batch: list[dict[str, object]], provider: str) -> None:
    own = {"state": "stored", "owner": "past", "run_id": "past", "number": 1, "epoch": 1}
    own |= {"doubt": 0, "conflicted": 0, "retriable": 1, "provider": provider}
    own |= {"width": 64, "height": 64, "format": "png", "reference_sha256": "0" * 64}
    own |= dict.fromkeys(("intended_at", "submitted_at", "completed_at", "stored_at"), _THEN)
    attempts, entries = [], []
    for values in batch:
        price, request = values["price"], str(values["request"])
        attempts.append(
            own
            | {name: value for name, value in values.items() if name not in ("price", "request")}
            | {
                "idempotency_key": f"ip1-{values['fingerprint']}",
                "credits": price,
                "body": f'{{"model":"ideogram-character",{request[1:]}'.encode(),
            }
        )
        charge = {"attempt_id": values["id"], "entry_type": "charge", "credits": price}
        entries.append(charge | {"price_source": "computed", "booked_at": _THEN})
    connection.execute(schema.attempts.insert(), attempts)
    connection.execute(schema.ledger.insert(), entries)
