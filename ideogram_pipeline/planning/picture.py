"""One planned image of one catalog row: defaults filled in, seed drawn, fingerprint taken."""

from __future__ import annotations

from ideogram_pipeline.apiframe.limits import DEFAULT_ASPECT_RATIO
from ideogram_pipeline.apiframe.model import RenderingSpeed
from ideogram_pipeline.apiframe.pricing import price
from ideogram_pipeline.catalog.model import Character, Prompt
from ideogram_pipeline.catalog.text import full_prompt
from ideogram_pipeline.planning.identity import derived_seed, fingerprint
from ideogram_pipeline.planning.model import PlannedImage

DEFAULT_STYLE_TYPE = "Auto"
DEFAULT_MAGIC_PROMPT = "Off"
DEFAULT_SPEED: RenderingSpeed = "default"


def planned_image(
    character: Character, prompt: Prompt, variation: int, edition: str
) -> PlannedImage:
    """Say what is to be sent for one variation of a row, and how it is known again.

    `expansion` says the same in SQL for many rows; what is bought comes from here.
    """
    text = full_prompt(character.prompt_prefix, prompt.prompt, character.prompt_suffix)
    params = _params(character, prompt, variation, edition)
    return PlannedImage(
        character_id=character.character_id,
        prompt_id=prompt.prompt_id,
        variation=variation,
        edition=edition,
        prompt=text,
        params=params,
        reference=character.reference,
        image=prompt.image,
        mask=prompt.mask,
        fingerprint=fingerprint(
            prompt=text,
            params=params,
            reference=character.reference,
            image=prompt.image,
            mask=prompt.mask,
        ),
        credits=price(prompt.rendering_speed or character.rendering_speed or DEFAULT_SPEED),
        title=prompt.title,
        tags=prompt.tags,
    )


def _params(
    character: Character, prompt: Prompt, variation: int, edition: str
) -> dict[str, str | int]:
    """Every parameter is sent, also where it equals the provider's default of today.

    The size is left out when a picture is repainted, since that picture decides it.
    """
    if prompt.seed is not None:
        seed = prompt.seed + variation - 1
    else:
        seed = derived_seed(prompt.prompt_id, variation, edition)
    params: dict[str, str | int] = {
        "seed": seed,
        "style_type": prompt.style_type or character.style_type or DEFAULT_STYLE_TYPE,
        "magic_prompt_option": prompt.magic_prompt_option or DEFAULT_MAGIC_PROMPT,
        "rendering_speed": prompt.rendering_speed or character.rendering_speed or DEFAULT_SPEED,
    }
    if prompt.image is None:
        if prompt.resolution:
            params["resolution"] = prompt.resolution
        else:
            params["aspect_ratio"] = (
                prompt.aspect_ratio or character.aspect_ratio or DEFAULT_ASPECT_RATIO
            )
    return params
