"""What the gallery shows, read from the warehouse: characters, their prompts, their frames."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ideogram_pipeline.warehouse import query


@dataclass(frozen=True, slots=True)
class CharacterRecord:
    """A character with its sums."""

    character_id: str
    name: str
    listed: bool
    """Whether it is in the catalog now; its pictures stay when it leaves."""
    reference_image: str | None
    """Absolute path."""
    reference_sha256: str | None
    pictures: int
    missing: int
    """Planned pictures that are not stored."""
    credits: int
    """Spent, refunds taken off."""
    uncertain: int
    """Paid submissions whose cost is not known yet; they are not in ``credits``."""


@dataclass(frozen=True, slots=True)
class PromptRecord:
    """A row of the catalog, or what is left of one that was removed."""

    character_id: str
    prompt_id: str
    title: str | None
    text: str | None
    tags: list[str]
    refresh: str | None
    enabled: bool
    listed: bool
    """Whether the row is in the catalog now."""


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """A place on the wall: a picture, or one that is planned and not there."""

    character_id: str
    prompt_id: str
    variation: int
    edition: str
    current: bool
    """Whether the latest plan asks for this very picture; else it is an earlier one."""
    seed: int | None
    rendering_speed: str | None
    decision: str | None
    reason: str | None
    path: str | None
    """Below the folder of the mode; ``None``: not stored."""
    sha256: str | None
    width: int | None
    height: int | None
    bought_for_character: str | None
    bought_for_prompt: str | None
    """Another prompt than ``prompt_id`` where two rows ask for the same picture."""
    credits: int | None
    """What the picture cost; ``None`` while that is not known."""
    status: str | None
    """Where the newest attempt at it stands."""
    error: str | None


_CHARACTERS = """
WITH everyone AS (
    SELECT character_id FROM characters UNION SELECT character_id FROM images
),
stored AS (SELECT character_id, count(*) AS pictures FROM images GROUP BY ALL),
absent AS (
    SELECT character_id, count(DISTINCT fingerprint) AS missing
    FROM generation_plan ANTI JOIN images USING (fingerprint)
    GROUP BY ALL
),
spent AS (
    SELECT
        character_id,
        CAST(sum(credits) AS BIGINT) AS credits,
        count(*) - count(credits) AS uncertain
    FROM generations
    GROUP BY ALL
)
SELECT
    character_id,
    coalesce(characters.name, character_id) AS name,
    characters.name IS NOT NULL AS listed,
    reference_image,
    reference_sha256,
    coalesce(pictures, 0) AS pictures,
    coalesce(missing, 0) AS missing,
    coalesce(credits, 0) AS credits,
    coalesce(uncertain, 0) AS uncertain
FROM everyone
LEFT JOIN characters USING (character_id)
LEFT JOIN stored USING (character_id)
LEFT JOIN absent USING (character_id)
LEFT JOIN spent USING (character_id)
ORDER BY listed DESC, lower(coalesce(characters.name, character_id)), character_id
"""

_SAMPLES = """
SELECT character_id, path, sha256
FROM images
QUALIFY row_number() OVER (
    PARTITION BY character_id ORDER BY variation, created_at DESC, prompt_id
) <= ?
ORDER BY character_id, variation, created_at DESC, prompt_id
"""

# A prompt that left the catalog keeps its pictures; its text is then what was last sent for it.
_PROMPTS = """
WITH sent AS (
    SELECT character_id, prompt_id, arg_max(request ->> '$.prompt', submitted_at) AS text
    FROM generations
    ANTI JOIN prompt_catalog USING (character_id, prompt_id)
    GROUP BY ALL
),
listed AS (
    SELECT rowid AS position, * FROM prompt_catalog
)
SELECT
    character_id,
    prompt_id,
    title,
    coalesce(prompt, text) AS text,
    coalesce(tags, []) AS tags,
    refresh,
    coalesce(enabled, false) AS enabled,
    position IS NOT NULL AS listed
FROM listed
FULL JOIN (
    SELECT character_id, prompt_id FROM images
    UNION
    SELECT character_id, prompt_id FROM generation_plan
) AS framed USING (character_id, prompt_id)
LEFT JOIN sent USING (character_id, prompt_id)
WHERE character_id IN (SELECT unnest(CAST(? AS VARCHAR[])))
ORDER BY character_id, position NULLS LAST, prompt_id
"""

# Planned pictures find their file by fingerprint, so that a picture which two rows ask for hangs
# under both. Stored pictures that no row asks for any more follow as earlier ones.
_FRAMES = """
WITH places AS (
    SELECT
        character_id, prompt_id, variation, edition, fingerprint,
        true AS current, seed, rendering_speed, decision, reason
    FROM generation_plan
    UNION ALL BY NAME
    SELECT character_id, prompt_id, variation, edition, fingerprint, false AS current, seed
    FROM images
    ANTI JOIN generation_plan USING (character_id, prompt_id, variation, edition, fingerprint)
),
stored AS (
    SELECT * FROM images
    QUALIFY row_number() OVER (PARTITION BY fingerprint ORDER BY created_at DESC, path) = 1
),
attempts AS (
    SELECT * FROM generations
    QUALIFY row_number() OVER (PARTITION BY fingerprint ORDER BY attempt DESC) = 1
)
SELECT
    places.character_id,
    places.prompt_id,
    places.variation,
    places.edition,
    places.current,
    places.seed,
    coalesce(places.rendering_speed, paid.rendering_speed) AS rendering_speed,
    places.decision,
    places.reason,
    stored.path,
    stored.sha256,
    stored.width,
    stored.height,
    stored.character_id AS bought_for_character,
    stored.prompt_id AS bought_for_prompt,
    paid.credits,
    attempts.status,
    attempts.error
FROM places
LEFT JOIN stored USING (fingerprint)
LEFT JOIN attempts USING (fingerprint)
LEFT JOIN generations AS paid
    ON paid.fingerprint = stored.fingerprint AND paid.job_id = stored.job_id
WHERE places.character_id IN (SELECT unnest(CAST(? AS VARCHAR[])))
ORDER BY
    places.character_id, places.prompt_id, places.current DESC,
    places.edition DESC, places.variation, stored.created_at DESC
"""


_STATE = """
SELECT md5(concat_ws(
    '|',
    (SELECT string_agg(character_id || mark, ',' ORDER BY character_id) FROM publications),
    (SELECT concat_ws(',', count(*), sum(hash(character_id, planned_at))) FROM generation_plan),
    (SELECT concat_ws(',', count(*), sum(hash(character_id, updated_at))) FROM prompt_catalog),
    (SELECT concat_ws(',', count(*), sum(hash(character_id, updated_at))) FROM characters)
))
"""


def read_characters(warehouse: Path) -> list[CharacterRecord]:
    """Every character that is in the catalog or has pictures, those of the catalog first."""
    return [CharacterRecord(*row) for row in _rows(warehouse, _CHARACTERS)]


def read_samples(warehouse: Path, each: int) -> dict[str, list[tuple[str, str]]]:
    """Path and SHA-256 of up to ``each`` pictures by character, of many prompts if possible."""
    samples: dict[str, list[tuple[str, str]]] = {}
    for character_id, path, sha256 in _rows(warehouse, _SAMPLES, each):
        samples.setdefault(character_id, []).append((path, sha256))
    return samples


def read_prompts(warehouse: Path, characters: Collection[str]) -> list[PromptRecord]:
    """The prompts of these characters, in the order of the catalog."""
    return [PromptRecord(*row) for row in _rows(warehouse, _PROMPTS, list(characters))]


def read_frames(warehouse: Path, characters: Collection[str]) -> list[FrameRecord]:
    """The frames of these characters: planned ones first, newest edition first."""
    return [FrameRecord(*row) for row in _rows(warehouse, _FRAMES, list(characters))]


def read_state(warehouse: Path) -> str:
    """A mark of all that is published but the runs; another one where any of it may differ.

    Every row that the gallery shows was published with a mark or at a moment, of which this is
    made. It costs nothing beside ``digests``, and does not tell whose page differs.
    """
    return str(_rows(warehouse, _STATE)[0][0])


def digests(warehouse: Path, characters: Collection[str]) -> dict[str, str]:
    """A mark of all that is shown of each of these characters; another one where any of it differs.

    It is DuckDB's, and the same only within one version of it.
    """
    asked = list(characters)
    marks: dict[str, str] = {}
    for sql, parameters in ((_CHARACTERS, ()), (_PROMPTS, (asked,)), (_FRAMES, (asked,))):
        found = _rows(
            warehouse,
            "SELECT character_id, md5(string_agg(mark::VARCHAR, ',' ORDER BY place)) FROM"
            " (SELECT character_id, hash(shown) AS mark, row_number() OVER () AS place"
            f" FROM ({sql}) AS shown) GROUP BY character_id",
            *parameters,
        )
        for character_id, mark in found:
            marks[character_id] = marks.get(character_id, "") + mark
    return {name: marks.get(name, "") for name in asked}


def _rows(warehouse: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Rows of one of the statements above, whose columns stand in the order of a record."""
    return cast("list[tuple[Any, ...]]", query(warehouse, sql, parameters).rows)
