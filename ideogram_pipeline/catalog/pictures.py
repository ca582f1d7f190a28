"""Input pictures: found on disk, decoded in full and measured before anything is paid for.

The model takes one reference of at most 10 MB as PNG, JPEG or WebP, and a mask of the size of its
image (`apiframe.limits` names the sources). The provider's upload accepts more than that, so a
picture that it would store and the model would then fail on is caught here.
"""

from __future__ import annotations

import os
import stat
import unicodedata
import warnings
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from ideogram_pipeline.apiframe.limits import REFERENCE_MAX_BYTES
from ideogram_pipeline.catalog.cells import Refusal
from ideogram_pipeline.catalog.model import Picture, PictureFormat

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 50_000_000
"""Far more than the model draws; a small file that unpacks to more is an accident or an attack."""

DARKEST_KEPT = 16
"""Luminance (0 to 255) below which a pixel of a mask counts as black: JPEG blurs pure black."""

# Pillow calls a JPEG that carries further frames (many phones write them) MPO.
_FORMATS: dict[str, PictureFormat] = {
    "PNG": "png",
    "JPEG": "jpeg",
    "MPO": "jpeg",
    "WEBP": "webp",
}


class Pictures:
    """The pictures of one catalog; each is decoded once, however many rows name it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[tuple[str, bool], Picture | Refusal] = {}

    def inspect(self, cell: str, *, is_mask: bool = False) -> Picture:
        """Return the picture that ``cell`` names, relative to the folder of the catalog.

        Raises:
            Refusal: it is not there or not fit to be sent; the text says why.
        """
        key = (cell, is_mask)
        if key not in self._seen:
            try:
                self._seen[key] = inspect_picture(self._find(cell), is_mask=is_mask)
            except Refusal as refusal:
                self._seen[key] = refusal
        found = self._seen[key]
        if isinstance(found, Refusal):
            raise Refusal(*found.args)
        return found

    def _find(self, cell: str) -> Path:
        path = self._folder / cell
        try:
            if path.exists():
                return path.resolve()
        except OSError as error:
            raise Refusal(f"cannot be opened: {error.strerror}") from None
        raise Refusal(f"no file at {os.path.normpath(path)}{self._hint(cell)}")

    def _hint(self, cell: str) -> str:
        """Say where the picture that was meant may be: the usual slips of writing a path."""
        if any(sign in cell for sign in ";|"):
            return "; exactly one picture is allowed here"
        path = self._folder / cell
        near = [
            Path.cwd() / cell,
            self._folder / cell.replace("\\", "/"),
            *_spelled_alike(path),
            self._folder / path.name,
            self._folder.parent / "references" / path.name,
        ]
        for other in near:
            if other.is_file():
                written = Path(os.path.relpath(other, self._folder)).as_posix()
                return f"; paths start at the folder of the catalog: did you mean {written!r}?"
        return "; paths start at the folder of the catalog"


def inspect_picture(path: Path, *, is_mask: bool = False) -> Picture:
    """Read, decode and measure the picture at ``path``.

    Raises:
        Refusal: it cannot be read or is not fit to be sent; the text says why and what to do.
    """
    content = _read(path)
    image, kind = _decode(content)
    if is_mask:
        _check_mask(image)
    return Picture(
        path=path,
        sha256=sha256(content).hexdigest(),
        bytes=len(content),
        width=image.width,
        height=image.height,
        format=kind,
    )


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise Refusal("is a folder; give the path of one picture")
        if not stat.S_ISREG(status.st_mode):
            raise Refusal("is not an ordinary file")
        if status.st_size > REFERENCE_MAX_BYTES:
            raise Refusal(
                f"is {status.st_size / 1e6:.1f} MB ({status.st_size:,} bytes); at most "
                f"{REFERENCE_MAX_BYTES // 1_000_000} MB are allowed: save it smaller"
            )
        return path.read_bytes()
    except OSError as error:
        raise Refusal(f"cannot be read: {error.strerror}") from None


def _decode(content: bytes) -> tuple[Image.Image, PictureFormat]:
    # Pillow takes 50 ms to import, which a catalog of a bad header need not wait for.
    from PIL import Image, UnidentifiedImageError

    if not content:
        raise Refusal("is an empty file")
    try:
        with warnings.catch_warnings():
            # Its own limit is larger than ours; below we refuse what it only warns of.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(content))
            if image.format not in _FORMATS:
                raise Refusal(f"is a {image.format}; save it as PNG, JPEG or WebP")
            if image.width * image.height > MAX_PIXELS:
                raise Refusal(_too_large(f"{image.width * image.height:,}"))
            if image.format == "PNG":
                image.verify()  # load() forgives a missing end and does not compare checksums
                image = Image.open(BytesIO(content))
            image.load()
    except Refusal:
        raise
    except UnidentifiedImageError:
        raise Refusal("is not a picture that can be opened; it must be PNG, JPEG or WebP") from None
    except Image.DecompressionBombError:
        raise Refusal(_too_large("far too many")) from None
    except Exception as error:  # a damaged file makes Pillow's decoders raise almost anything
        raise Refusal(f"is damaged or cut off ({error}); export or copy it again") from None
    return image, _FORMATS[str(image.format)]


def _too_large(pixels: str) -> str:
    return f"unpacks to {pixels} pixels; at most {MAX_PIXELS:,} are allowed"


def _check_mask(image: Image.Image) -> None:
    if image.has_transparency_data:
        opacity = image.convert("RGBA").getchannel("A").histogram()
        if any(opacity[:-1]):
            raise Refusal(
                "has transparent parts, whose meaning the model does not define: "
                "fill them with black (painted anew) or white (kept)"
            )
    if not any(image.convert("L").histogram()[:DARKEST_KEPT]):
        raise Refusal(
            "has no black pixel, so nothing would be painted anew: "
            "black is painted anew, white is kept"
        )


def _spelled_alike(path: Path) -> list[Path]:
    """Files beside ``path`` whose name differs only in case or in the form of its accents."""
    try:
        return [other for other in path.parent.iterdir() if _fold(other.name) == _fold(path.name)]
    except OSError:
        return []


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
