"""One small picture of many pictures, for places that store every byte: Dagster's event log."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ideogram_pipeline.gallery.thumbnails import shrunk

_GAP = 6
_TILE_SIDES = (160, 128, 96, 64, 40, 24)
_QUALITIES = (82, 70, 55, 40, 25)
_PAPER = (250, 249, 246)
_UNREADABLE = (206, 204, 200)


def contact_sheet(
    paths: Sequence[Path], *, max_bytes: int = 30_000, columns: int = 6, most_tiles: int = 24
) -> bytes:
    """Draw the first pictures as a grid of thumbnails.

    It begins large and sharp, and gives up first quality, then size, until it fits.

    Args:
        paths: Picture files; one that is missing or unreadable becomes a grey tile.
        max_bytes: The sheet is never larger than this.
        columns: Tiles in a row.
        most_tiles: Pictures beyond this number are left out.

    Returns:
        A WebP picture; without any path, a single grey tile.

    Raises:
        ValueError: Not even the smallest sheet fits; 24 grey or noisy tiles fit in 5 kB.
    """
    shown = list(paths[:most_tiles])
    largest = _TILE_SIDES[0]
    tiles = [shrunk(path, largest, largest) for path in shown] or [None]
    for side in _TILE_SIDES:
        sheet = _grid(tiles, side, columns)
        poorest = _encoded(sheet, _QUALITIES[-1])
        if len(poorest) <= max_bytes:
            better = (_encoded(sheet, quality) for quality in _QUALITIES[:-1])
            return next((it for it in better if len(it) <= max_bytes), poorest)
    raise ValueError(f"{len(tiles)} tiles do not fit into {max_bytes} bytes")


def as_markdown(sheet: bytes, alt: str) -> str:
    """Embed a sheet in Markdown, as Dagster's UI shows it in metadata.

    Args:
        sheet: What ``contact_sheet`` returned.
        alt: What the picture shows, in words; any text is safe.
    """
    words = " ".join(alt.split())
    for special in "\\[]<>`":
        words = words.replace(special, f"\\{special}")
    return f"![{words}](data:image/webp;base64,{base64.b64encode(sheet).decode()})"


def _encoded(sheet: Image.Image, quality: int) -> bytes:
    encoded = io.BytesIO()
    sheet.save(encoded, "WEBP", quality=quality)
    return encoded.getvalue()


def _grid(tiles: Sequence[Image.Image | None], side: int, columns: int) -> Image.Image:
    """Place each tile in the middle of its square; pictures of every ratio stay whole."""
    across = min(columns, len(tiles))
    down = math.ceil(len(tiles) / across)
    step = side + _GAP
    sheet = Image.new("RGB", (across * step + _GAP, down * step + _GAP), _PAPER)
    for number, tile in enumerate(tiles):
        left, top = _GAP + number % across * step, _GAP + number // across * step
        if tile is None:
            sheet.paste(_UNREADABLE, (left, top, left + side, top + side))
            continue
        fitting = tile.copy()
        fitting.thumbnail((side, side), Image.Resampling.LANCZOS)
        sheet.paste(
            fitting, (left + (side - fitting.width) // 2, top + (side - fitting.height) // 2)
        )
    return sheet
