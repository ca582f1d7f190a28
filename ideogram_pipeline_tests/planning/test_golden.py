"""Frozen values. Changing one of them means that every user buys every picture again.

If one of these fails, the change that made it fail is wrong; the literals are not to be mended.
"""

from __future__ import annotations

from ideogram_pipeline.planning.identity import derived_seed, idempotency_key, request_body
from ideogram_pipeline_tests.planning.rows import character, one, picture, prompt

PLAIN = "1abb2600a9bb0d44ccc458f42d28571b030f8a154a2075e402088ad69b04e114"
REPAINTED = "b45ee72ff966dd7fc4518b60e60ef5cfffe281b61b973f63523dbcce2df70a61"


def test_seeds() -> None:
    assert derived_seed("ann-1", 1, "base") == 1708832657
    assert derived_seed("ann-1", 2, "base") == 1828263777
    assert derived_seed("ann-1", 1, "2026-W47") == 1349782105
    assert derived_seed("é", 1, "base") == 40167674


def test_a_plain_row() -> None:
    image = one()
    assert image.fingerprint == PLAIN
    assert request_body(image, {image.reference.sha256: "https://x/ann.png"}) == (
        b'{"ideogramParams":{"aspect_ratio":"1:1","character_reference_image":"https://x/ann.png",'
        b'"magic_prompt_option":"Off","rendering_speed":"default","seed":1708832657,'
        b'"style_type":"Auto"},"model":"ideogram-character","prompt":"at the beach"}'
    )


def test_a_row_with_everything() -> None:
    row = prompt(
        prompt_id="fix",
        prompt="ein Hut — 帽子",
        seed=7,
        style_type="Fiction",
        rendering_speed="quality",
        magic_prompt_option="On",
        image=picture("i"),
        mask=picture("m"),
    )
    image = one(row, character(prompt_prefix="Ann,", prompt_suffix="in ink"))
    assert image.image and image.mask
    assert image.fingerprint == REPAINTED
    urls = {
        image.reference.sha256: "https://x/a",
        image.image.sha256: "https://x/i",
        image.mask.sha256: "https://x/m",
    }
    assert request_body(image, urls).decode() == (
        '{"ideogramParams":{"character_reference_image":"https://x/a","image":"https://x/i",'
        '"magic_prompt_option":"On","mask":"https://x/m","rendering_speed":"quality","seed":7,'
        '"style_type":"Fiction"},"model":"ideogram-character",'
        '"prompt":"Ann, ein Hut — 帽子 in ink"}'
    )


def test_keys_are_computed_from_picture_and_attempt() -> None:
    first = "ip1-b88421ca6ad29696c8ffb0a8a6195f5a7072f0bae2b84718f55208f58f9c7ad5"
    second = "ip1-403826fc23d35bb89e269eb57d61badcf87f4cc7e340ce7142496a7837d7eff9"
    assert idempotency_key(PLAIN, 1) == first
    assert idempotency_key(PLAIN, 2) == second
