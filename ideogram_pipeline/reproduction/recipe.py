"""The recipe of a picture: what was asked for, kept beside the file as JSON.

The picture itself stays the provider's bytes. Whoever copies a folder of pictures, without the
warehouse, still has what each was made from.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ideogram_pipeline.files import write_whole
from ideogram_pipeline.settings import Settings
from ideogram_pipeline.warehouse import query

RECIPE_VERSION = 1

_INPUTS = {
    "character_reference_image": "reference_sha256",
    "image": "image_sha256",
    "mask": "mask_sha256",
}
"""Parameters whose value is the address of an upload, which is gone hours later."""

_PICTURES = """
SELECT
    images.* EXCLUDE (run_id),
    generations.run_id,
    attempt,
    rendering_speed,
    credits,
    request,
    reference_sha256,
    image_sha256,
    mask_sha256
FROM images
JOIN generations USING (provider, fingerprint, job_id)
WHERE CAST($1 AS VARCHAR[]) IS NULL OR images.character_id IN (SELECT unnest(CAST($1 AS VARCHAR[])))
ORDER BY path
"""

MARKS_NAME = ".recipes.json"
"""Beside the pictures: for which publication of each character's rows its recipes were seen to be
there."""


def recipe(row: Mapping[str, object]) -> dict[str, object]:
    """Tell how a picture was made.

    Args:
        row: Its row of ``images``, with ``run_id`` (the run that bought it, which need not be the
            one that stored it), ``attempt``, ``rendering_speed``, ``credits``, ``request`` and the
            hashes of the input pictures from its row of ``generations``.

    Returns:
        What decided the picture first, then who bought it, then the file. ``credits`` is None while
        the cost is not known. Input pictures are named by the SHA-256 of their content.
    """
    request = json.loads(str(row["request"]))
    sent = request["ideogramParams"]
    return {
        "recipe_version": RECIPE_VERSION,
        "character_id": row["character_id"],
        "prompt_id": row["prompt_id"],
        "variation": row["variation"],
        "edition": row["edition"],
        "model": request["model"],
        "prompt": request["prompt"],
        "parameters": {name: sent[name] for name in sorted(sent) if name not in _INPUTS},
        "inputs_sha256": {name: row[column] for name, column in _INPUTS.items() if name in sent},
        "seed": row["seed"],
        # With magic prompt the provider rewrites the text, and the seed alone repeats nothing.
        "reproducible": sent.get("magic_prompt_option") == "Off",
        "fingerprint": row["fingerprint"],
        "provider": row["provider"],
        "run_id": row["run_id"],
        "attempt": row["attempt"],
        "job_id": row["job_id"],
        "rendering_speed": row["rendering_speed"],
        "credits": row["credits"],
        "created_at": _utc(row["created_at"]),
        "path": row["path"],
        "sha256": row["sha256"],
        "bytes": row["bytes"],
        "width": row["width"],
        "height": row["height"],
        "format": row["format"],
    }


def recipe_file(picture: Path) -> Path:
    """Where the recipe of a picture is: ``base-v1-a1.png.json`` beside ``base-v1-a1.png``."""
    return picture.with_name(f"{picture.name}.json")


def write_recipes(
    settings: Settings,
    *,
    characters: Collection[str] | None = None,
    only_changed: bool = False,
) -> int:
    """Write the recipe of every stored picture that has none, or another one, beside it.

    Args:
        settings: Where the warehouse and the pictures are.
        characters: Only theirs, or all.
        only_changed: Leave out the characters whose recipes an earlier look has found in order for
            these very rows, without looking whether somebody has taken one away since.

    Returns:
        How many were written. A picture that is no longer on disk gets none.

    Raises:
        StorageError: Nothing was published yet, or a folder cannot be written.
    """
    marks = _published_marks(settings)
    done = _read_marks(settings) if only_changed else {}
    chosen = None if characters is None else set(characters)
    if only_changed:
        of = set(marks) if chosen is None else chosen
        chosen = {name for name in of if name not in marks or marks[name] != done.get(name)}
        if not chosen:
            return 0
    found = query(settings.warehouse_path, _PICTURES, [None if chosen is None else sorted(chosen)])
    written = 0
    for values in found.rows:
        row = dict(zip(found.columns, values, strict=True))
        picture = settings.folder / str(row["path"])
        if picture.is_file():
            text = json.dumps(recipe(row), ensure_ascii=False, indent=2) + "\n"
            written += write_whole(recipe_file(picture), text.encode())
    if written:
        return written  # a power cut may still take them: the next look notes that they are there
    fresh = {name: mark for name, mark in marks.items() if chosen is None or name in chosen}
    known = _read_marks(settings)
    write_whole(_marks_file(settings), json.dumps(known | fresh, sort_keys=True).encode())
    return written


def _published_marks(settings: Settings) -> dict[str, str]:
    """The mark of each character's rows in the warehouse, from before they are read."""
    found = query(settings.warehouse_path, "SELECT character_id, mark FROM publications")
    return {str(name): str(mark) for name, mark in found.rows}


def _read_marks(settings: Settings) -> dict[str, str]:
    try:
        marks = json.loads(_marks_file(settings).read_bytes())
    except (OSError, ValueError):
        return {}
    return marks if isinstance(marks, dict) else {}


def _marks_file(settings: Settings) -> Path:
    return settings.images_folder / MARKS_NAME


def _utc(moment: object) -> str:
    assert isinstance(moment, datetime)  # the column is a TIMESTAMP, in UTC by convention
    return moment.replace(tzinfo=UTC).isoformat(timespec="seconds")
