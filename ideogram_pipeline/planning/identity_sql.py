"""`identity` for many rows at once: the same seeds, bytes and fingerprints as SQL expressions.

A test compares the two, and every picture that is bought is compared once more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ideogram_pipeline.apiframe.limits import SEED_MAX
from ideogram_pipeline.apiframe.model import MODEL
from ideogram_pipeline.catalog.sql import json_string, literal
from ideogram_pipeline.planning.identity import FINGERPRINT_VERSION


def derived_seed(prompt_id: str, variation: str, edition: str) -> str:
    """`identity.derived_seed` of three expressions."""
    digest = f"sha256('seed-v1' || chr(10) || {prompt_id} || chr(10) || {variation} || chr(10)"
    digest += f" || {edition})"
    return f"(('0x' || substr({digest}, 1, 16))::UBIGINT % {SEED_MAX} + 1)"


def json_object(values: Mapping[str, str], optional: Collection[str] = ()) -> str:
    """Write an object in the canonical form: sorted keys, no spaces.

    Args:
        values: Expressions that give JSON.
        optional: The keys, not all of them, that are left out where their value is NULL.
    """
    names = sorted(values)
    first = next(name for name in names if name not in optional)
    pieces = []
    for name in names:
        key, value = f'"{name}":', values[name]
        if name not in optional:
            pieces += [literal(key if name == first else f",{key}"), value]
        elif name < first:
            pieces.append(f"({literal(key)} || {value} || ',')")
        else:
            pieces.append(f"({literal(f',{key}')} || {value})")
    # One call, which copies each piece once, and to which NULL is nothing.
    return f"concat('{{', {', '.join(pieces)}, '}}')"


def fingerprint(prompt: str, params: str, inputs: str) -> str:
    """`identity.fingerprint` of the text and of two expressions that give canonical JSON."""
    identity = {
        "fingerprint": literal(str(FINGERPRINT_VERSION)),
        "model": literal(f'"{MODEL}"'),
        "prompt": json_string(prompt),
        "ideogramParams": params,
        "inputs": inputs,
    }
    return f"sha256({json_object(identity)})"


def request(prompt: str, params: str) -> str:
    """What is sent, without the addresses of the input pictures."""
    return json_object({"prompt": json_string(prompt), "ideogramParams": params})
