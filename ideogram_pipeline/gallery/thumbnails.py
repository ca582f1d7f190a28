"""Small pictures derived from the originals, which are never touched."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image, ImageOps

from ideogram_pipeline.files import write_whole

WIDTH = 400
"""Pixels: more than a frame is wide, so that it is sharp on dense screens too."""

_MOST_HEIGHT = 3 * WIDTH
_QUALITY = 78
_WORKERS = 2


def shrunk(path: Path, width: int, height: int) -> Image.Image | None:
    """Read a picture and shrink it to fit a box, upright and on white where it is transparent.

    Args:
        path: The original.
        width: Of the box, in pixels.
        height: Of the box, in pixels.

    Returns:
        An RGB picture, never larger than the original; ``None`` if it is missing or unreadable.
    """
    try:
        with Image.open(path) as original:
            # Numbers of a palette can't be averaged, colours can.
            picture = original.convert("RGBA") if original.mode == "P" else original
            picture.thumbnail((width, height), Image.Resampling.BICUBIC, reducing_gap=1.0)
            upright = ImageOps.exif_transpose(picture)
            if not upright.has_transparency_data:
                return upright.convert("RGB")
            layer = upright.convert("RGBA")
            paper = Image.new("RGBA", layer.size, "white")
            return Image.alpha_composite(paper, layer).convert("RGB")
    except Exception:
        # Damaged files make the decoders raise a dozen unrelated types (OSError, SyntaxError,
        # struct.error, DecompressionBombError, ...), and each means the same to a viewer.
        return None


def thumbnail_file(sha256: str) -> Path:
    """Where the thumbnail of a picture with this content is, below the gallery's folder."""
    return Path("thumbnails", f"{sha256}-{WIDTH}.webp")


def make_thumbnails(gallery: Path, pictures: Iterable[tuple[Path, str]]) -> int:
    """Make every thumbnail that is not there yet.

    Args:
        gallery: The gallery's folder.
        pictures: Originals with the SHA-256 of their content.

    Returns:
        How many were made; a missing or unreadable original gets none.

    Raises:
        StorageError: The folder cannot be written.
    """
    wanted = {gallery / thumbnail_file(sha256): original for original, sha256 in pictures}
    missing = [(original, file) for file, original in wanted.items() if not _is_made(file)]
    # Pillow lets go of the interpreter lock while it decodes, shrinks and encodes.
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="thumbnails") as pool:
        return sum(pool.map(_make, missing))


def _is_made(thumbnail: Path) -> bool:
    """A power cut can leave a file of the right name without content."""
    return thumbnail.is_file() and thumbnail.stat().st_size > 0


def _make(order: tuple[Path, Path]) -> bool:
    original, thumbnail = order
    small = shrunk(original, WIDTH, _MOST_HEIGHT)
    if small is None:
        return False
    encoded = io.BytesIO()
    small.save(encoded, "WEBP", quality=_QUALITY, method=2)
    return write_whole(thumbnail, encoded.getvalue())
