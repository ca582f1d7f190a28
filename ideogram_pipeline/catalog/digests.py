"""What decides a character's pictures, as one hash, so that a change can be seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from operator import attrgetter

from ideogram_pipeline.catalog.model import Character, Picture, Prompt


def digests(characters: Mapping[str, Character], prompts: Iterable[Prompt]) -> dict[str, str]:
    """Return the SHA-256 of each character's reference, defaults and enabled prompts.

    Pictures count by content. Names, titles, tags, budgets, and the place and order of rows do
    not count; the refresh does, since it decides which editions there are.
    """
    by_character: dict[str, list[Prompt]] = {character_id: [] for character_id in characters}
    for prompt in prompts:
        if prompt.enabled:
            by_character[prompt.character_id].append(prompt)
    return {
        character_id: _hash(
            {
                "reference": character.reference.sha256,
                "style_type": character.style_type,
                "rendering_speed": character.rendering_speed,
                "aspect_ratio": character.aspect_ratio,
                "prompt_prefix": character.prompt_prefix,
                "prompt_suffix": character.prompt_suffix,
                "prompts": [
                    _deciding(prompt)
                    for prompt in sorted(by_character[character_id], key=attrgetter("prompt_id"))
                ],
            }
        )
        for character_id, character in characters.items()
    }


def _deciding(prompt: Prompt) -> dict[str, object]:
    return {
        "prompt_id": prompt.prompt_id,
        "prompt": prompt.prompt,
        "aspect_ratio": prompt.aspect_ratio,
        "resolution": prompt.resolution,
        "seed": prompt.seed,
        "style_type": prompt.style_type,
        "magic_prompt_option": prompt.magic_prompt_option,
        "rendering_speed": prompt.rendering_speed,
        "image": _content(prompt.image),
        "mask": _content(prompt.mask),
        "variations": prompt.variations,
        "refresh": prompt.refresh,
    }


def _content(picture: Picture | None) -> str | None:
    return picture.sha256 if picture else None


def _hash(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
