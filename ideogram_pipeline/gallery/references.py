"""Where a character's reference picture is now."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ideogram_pipeline.gallery.records import CharacterRecord


def reference_file(character: CharacterRecord) -> Path | None:
    """Find the reference by its path and its content in the warehouse.

    Returns:
        ``None`` if there is no such file, or another picture has taken its place since: that one
        would not be what the results were made from.
    """
    if character.reference_image is None:
        return None
    file = Path(character.reference_image)
    try:
        same = hashlib.sha256(file.read_bytes()).hexdigest() == character.reference_sha256
    except OSError:
        return None
    return file if same else None
