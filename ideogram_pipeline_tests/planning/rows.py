"""Catalog rows and planned images without a file on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ideogram_pipeline.catalog.model import Catalog, Character, Picture, Prompt
from ideogram_pipeline.catalog.prompts import Prompts
from ideogram_pipeline.planning.decisions import decide
from ideogram_pipeline.planning.expansion import expand
from ideogram_pipeline.planning.model import Bought, PlannedImage, Standing, Standings
from ideogram_pipeline.planning.plan import Plan

ZONE = ZoneInfo("UTC")
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def picture(name: str = "ann") -> Picture:
    """A picture whose content is its name."""
    return Picture(Path(f"{name}.png"), sha256(name.encode()).hexdigest(), 100, 96, 96, "png")


def character(**values: Any) -> Character:
    """A character, ``ann`` unless told otherwise."""
    given = {"character_id": "ann", "name": "Ann", "reference": picture("ann")}
    return Character(**(given | values))


def prompt(**values: Any) -> Prompt:
    """A prompt of ``ann``, unless told otherwise."""
    given = {"prompt_id": "ann-1", "character_id": "ann", "prompt": "at the beach"}
    return Prompt(**(given | values))


def catalog(*prompts: Prompt, cast: tuple[Character, ...] = ()) -> Catalog:
    """A catalog of these rows."""
    people = {c.character_id: c for c in cast or (character(),)}
    return Catalog(people, Prompts.of(prompts or (prompt(),)))


def planned(*prompts: Prompt, cast: tuple[Character, ...] = (), **terms: Any) -> list[PlannedImage]:
    """What these rows ask for."""
    return list(expand(catalog(*prompts, cast=cast), **({"at": AT, "zone": ZONE} | terms)))


def decide_on(
    rows: Catalog,
    standings: Mapping[str, Standing],
    bought: Mapping[tuple[str, int], Bought] | None = None,
) -> Plan:
    """The plan of a catalog, where the journal has these standings and purchases."""
    stored = [name for name, standing in standings.items() if standing.state == "stored"]
    others = {n: s for n, s in standings.items() if s.state != "stored"}
    return decide(
        expand(rows, at=AT, zone=ZONE),
        Standings([",".join(stored)] if stored else [], others),
        lambda _: bought or {},
    )


def plan(
    *prompts: Prompt,
    cast: tuple[Character, ...] = (),
    standings: Mapping[str, Standing] | None = None,
    bought: Mapping[tuple[str, int], Bought] | None = None,
) -> Plan:
    """The plan of these rows."""
    return decide_on(catalog(*prompts, cast=cast), standings or {}, bought)


def one(row: Prompt | None = None, who: Character | None = None, **terms: Any) -> PlannedImage:
    """The only image of one row."""
    (image,) = planned(row or prompt(), cast=(who or character(),), **terms)
    return image
