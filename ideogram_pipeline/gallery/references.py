"""Where a character's reference picture is now."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ideogram_pipeline.gallery.records import CharacterRecord
from ideogram_pipeline.settings import Settings


def reference_file(settings: Settings, character: CharacterRecord) -> Path | None:
    """Find the reference by its name in the catalog and its content in the warehouse.

    Returns:
        ``None`` if there is no such file, or another picture has taken its place since: that one
        would not be what the results were made from.
    """
    name, sha256 = character.reference_image, character.reference_sha256
    if name is None or sha256 is None:
        return None
    for candidate in (Path(name), Path(settings.catalog) / name):
        try:
            if hashlib.sha256(candidate.read_bytes()).hexdigest() == sha256:
                return candidate
        except OSError:
            continue
    return None
