"""What makes a picture itself: its seed, its canonical request and its fingerprint.

Everything here is frozen by golden tests: a change would make the pipeline believe that none of
the stored pictures is the one that was planned, and buy them all again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from ideogram_pipeline.apiframe.limits import SEED_MAX
from ideogram_pipeline.apiframe.model import INPUT_PARAMS, MODEL
from ideogram_pipeline.catalog.model import Picture
from ideogram_pipeline.planning.model import PlannedImage

FINGERPRINT_VERSION = 1


def derived_seed(prompt_id: str, variation: int, edition: str) -> int:
    """Draw the seed of a row without one: stable for ever, different for every planned image.

    Returns:
        A number in 1..2147483647 (0 is read as "no seed" by some servers).
    """
    digest = hashlib.sha256(f"seed-v1\n{prompt_id}\n{variation}\n{edition}".encode()).digest()
    return int.from_bytes(digest[:8]) % SEED_MAX + 1


def canonical_json(value: object) -> bytes:
    """Write ``value`` in the one form that is hashed and sent: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def fingerprint(
    *,
    prompt: str,
    params: Mapping[str, str | int],
    reference: Picture,
    image: Picture | None,
    mask: Picture | None,
) -> str:
    """Hash what decides the picture: model, prompt, parameters and the input pictures' content."""
    inputs = zip(INPUT_PARAMS, (reference, image, mask), strict=True)
    identity = {
        "fingerprint": FINGERPRINT_VERSION,
        "model": MODEL,
        "prompt": prompt,
        "ideogramParams": dict(params),
        "inputs": {name: picture.sha256 for name, picture in inputs if picture},
    }
    return hashlib.sha256(canonical_json(identity)).hexdigest()


def idempotency_key(fingerprint: str, attempt: int) -> str:
    """Name one paid submission, at most 255 characters as the API asks.

    It is computed, not drawn, and leaves out the addresses of uploads: after a lost journal the
    same planned image comes back under the same key, so that the provider refuses to sell it twice.
    """
    return "ip1-" + hashlib.sha256(f"{fingerprint}\n{attempt}".encode()).hexdigest()


def request_body(planned: PlannedImage, urls: Mapping[str, str]) -> bytes:
    """Write the exact bytes of the submission.

    Args:
        planned: What to ask for.
        urls: The address of each input picture by the SHA-256 of its content.
    """
    addresses = {name: urls[picture.sha256] for name, picture in planned.inputs.items()}
    params = {**planned.params, **addresses}
    return canonical_json({"model": MODEL, "prompt": planned.prompt, "ideogramParams": params})
