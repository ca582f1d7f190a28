"""The gallery: static pages of every picture, beside the reference that it has to look like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment

from ideogram_pipeline.files import write_whole
from ideogram_pipeline.gallery.frames import Frame, frame_of
from ideogram_pipeline.gallery.records import (
    PromptRecord,
    read_characters,
    read_frames,
    read_prompts,
    read_samples,
)
from ideogram_pipeline.gallery.references import reference_file
from ideogram_pipeline.gallery.thumbnails import make_thumbnails, thumbnail_file
from ideogram_pipeline.pages import templates_of
from ideogram_pipeline.settings import Settings

_SAMPLES = 4
"""Pictures of each character on the first page."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """One prompt with its frames."""

    prompt: PromptRecord
    current: list[Frame]
    earlier: list[Frame]


def build_gallery(settings: Settings, *, characters: Collection[str] | None = None) -> Path:
    """Write the pages from what the warehouse says and the pictures that are on disk.

    Pages and thumbnails that are right already are left alone, originals always.

    Args:
        settings: Where everything is.
        characters: Whose pages to write, or all; the first page always shows everyone.

    Returns:
        The first page, ``index.html``.

    Raises:
        StorageError: Nothing was published yet, or the gallery's folder cannot be written.
    """
    warehouse = settings.warehouse_path
    folder = gallery_folder(settings)
    everyone = read_characters(warehouse)
    chosen = [c for c in everyone if characters is None or c.character_id in characters]
    samples = read_samples(warehouse, _SAMPLES)
    shelves = _shelves(settings, [character.character_id for character in chosen])

    pictures = [(settings.folder / path, sha) for some in samples.values() for path, sha in some]
    for character in everyone:
        reference = reference_file(character)
        if reference and character.reference_sha256:
            pictures.append((reference, character.reference_sha256))
    for shelf in (shelf for some in shelves.values() for shelf in some):
        for frame in (*shelf.current, *shelf.earlier):
            if frame.original and frame.record.sha256:
                pictures.append((frame.original, frame.record.sha256))
    make_thumbnails(folder, pictures)

    surroundings = {"provider": settings.provider, "thumbnail": _thumbnails_in(folder)}
    template = _templates().get_template("character.html.j2")
    for character in chosen:
        page = template.render(
            surroundings, character=character, shelves=shelves[character.character_id]
        )
        write_whole(folder / page_name(character.character_id), page.encode())
    index = folder / "index.html"
    template = _templates().get_template("index.html.j2")
    write_whole(index, template.render(surroundings, everyone=everyone, samples=samples).encode())
    return index


def gallery_folder(settings: Settings) -> Path:
    """Where the pages are; they link to each other and to the pictures by relative paths."""
    return settings.folder / "gallery"


def page_name(character_id: str) -> str:
    """File name of a character's page; one who is called ``index`` must not take the first page."""
    return "_index.html" if character_id.lower() == "index" else f"{character_id}.html"


def _shelves(settings: Settings, characters: Collection[str]) -> dict[str, list[_Shelf]]:
    current: dict[tuple[str, str], list[Frame]] = defaultdict(list)
    earlier: dict[tuple[str, str], list[Frame]] = defaultdict(list)
    for record in read_frames(settings.warehouse_path, characters):
        frames = current if record.current else earlier
        frames[record.character_id, record.prompt_id].append(frame_of(record, settings.folder))
    shelves: dict[str, list[_Shelf]] = {character_id: [] for character_id in characters}
    for prompt in read_prompts(settings.warehouse_path, characters):
        key = (prompt.character_id, prompt.prompt_id)
        shelves[prompt.character_id].append(_Shelf(prompt, current[key], earlier[key]))
    return shelves


def _thumbnails_in(folder: Path) -> Callable[[str | None], str | None]:
    made = {file.name for file in (folder / "thumbnails").glob("*.webp")}

    def thumbnail(sha256: str | None) -> str | None:
        """Address of a thumbnail from a page, if there is one."""
        file = thumbnail_file(sha256) if sha256 else None
        return file.as_posix() if file and file.name in made else None

    return thumbnail


@cache
def _templates() -> Environment:
    templates = templates_of("ideogram_pipeline.gallery")
    templates.globals["page_name"] = page_name
    # Pages are one folder below the folder of the mode, which stored paths start from.
    templates.globals["stored"] = lambda path: "../" + quote(path)
    return templates
