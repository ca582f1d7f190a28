"""What decides a character's pictures, as one hash, so that a change can be seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

from ideogram_pipeline.catalog.model import Character
from ideogram_pipeline.catalog.prompts import Prompts
from ideogram_pipeline.catalog.sql import json_string, json_word

_PROMPTS = '"prompts":[]'

# Each prompt as JSON with sorted keys; the same bytes as `json.dumps` would write.
_DECIDING = {
    "aspect_ratio": json_word("aspect_ratio"),
    "image": json_word("image.sha256"),
    "magic_prompt_option": json_word("magic_prompt_option"),
    "mask": json_word("mask.sha256"),
    "prompt": json_string("prompts.prompt"),
    "prompt_id": json_word("prompt_id"),
    "refresh": json_word("refresh"),
    "rendering_speed": json_word("rendering_speed"),
    "resolution": json_word("resolution"),
    "seed": "seed::VARCHAR",
    "style_type": json_word("style_type"),
    "variations": "variations::VARCHAR",
}


def digests(characters: Mapping[str, Character], prompts: Prompts) -> dict[str, str]:
    """Return the SHA-256 of each character's reference, defaults and enabled prompts.

    Pictures count by content. Names, titles, tags, budgets, and the place and order of rows do
    not count; the refresh does, since it decides which editions there are.
    """
    cells = ", ',', ".join(
        f"'\"{name}\":', coalesce({value}, 'null')" for name, value in _DECIDING.items()
    )
    found = prompts.cursor().execute(
        f"""SELECT character_id, string_agg(concat('{{', {cells}, '}}'), ',' ORDER BY prompt_id)
        FROM prompts
        LEFT JOIN pictures AS image ON image.picture = prompts.image
        LEFT JOIN pictures AS mask ON mask.picture = prompts.mask
        WHERE enabled GROUP BY character_id"""
    )
    # Only characters that have prompts are among them; one at a time, since each may be long.
    hashes = {name: _hash(character, "") for name, character in characters.items()}
    while row := found.fetchone():
        name, written = row
        hashes[name] = _hash(characters[name], written)
    return hashes


def _hash(character: Character, prompts: str) -> str:
    deciding: dict[str, object] = {
        "reference": character.reference.sha256,
        "style_type": character.style_type,
        "rendering_speed": character.rendering_speed,
        "aspect_ratio": character.aspect_ratio,
        "prompt_prefix": character.prompt_prefix,
        "prompt_suffix": character.prompt_suffix,
        "prompts": [],
    }
    text = json.dumps(deciding, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    before, _, after = text.rpartition(_PROMPTS)
    return sha256(f'{before}"prompts":[{prompts}]{after}'.encode()).hexdigest()
