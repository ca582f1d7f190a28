"""The gallery: static pages of every picture, beside the reference that it has to look like."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment

from ideogram_pipeline.files import write_whole
from ideogram_pipeline.gallery.frames import Frame, frame_of
from ideogram_pipeline.gallery.records import (
    PromptRecord,
    digests,
    read_characters,
    read_frames,
    read_prompts,
    read_samples,
)
from ideogram_pipeline.gallery.references import reference_file
from ideogram_pipeline.gallery.thumbnails import make_thumbnails, thumbnail_file
from ideogram_pipeline.pages import templates_of
from ideogram_pipeline.settings import Settings

_MARK, _MARK_ENDS = "\n<!-- made from ", " -->\n"
_SAMPLES = 4
"""Pictures of each character on the first page."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """One prompt with its frames."""

    prompt: PromptRecord
    current: list[Frame]
    earlier: list[Frame]


def build_gallery(
    settings: Settings,
    *,
    characters: Collection[str] | None = None,
    only_changed: bool = False,
) -> Path:
    """Write the pages from what the warehouse says and the pictures that are on disk.

    Pages and thumbnails that are right already are left alone, originals always.

    Args:
        settings: Where everything is.
        characters: Whose pages to write, or all; the first page always shows everyone.
        only_changed: Leave out the pages that were made from these very rows, without looking
            whether somebody has taken away pictures or thumbnails since.

    Returns:
        The first page, ``index.html``.

    Raises:
        StorageError: Nothing was published yet, or the gallery's folder cannot be written.
    """
    warehouse = settings.warehouse_path
    folder = gallery_folder(settings)
    everyone = read_characters(warehouse)
    chosen = [c for c in everyone if characters is None or c.character_id in characters]
    marks = _marks(settings, [character.character_id for character in chosen])
    if only_changed:
        chosen = [c for c in chosen if _shown(folder, c.character_id) != marks[c.character_id]]
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
        page += f"{_MARK}{marks[character.character_id]}{_MARK_ENDS}"
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


def _marks(settings: Settings, characters: Collection[str]) -> dict[str, str]:
    """What each page would be made from, as one hash: its rows, and the templates."""
    made_with = f"{settings.provider}{_templates_digest()}"
    return {
        name: sha256(f"{made_with}{digest}".encode()).hexdigest()
        for name, digest in digests(settings.warehouse_path, characters).items()
    }


def _shown(folder: Path, character_id: str) -> str | None:
    """The mark of the page as it is there."""
    length = len(_MARK) + sha256().digest_size * 2 + len(_MARK_ENDS)
    try:
        with (folder / page_name(character_id)).open("rb") as page:
            page.seek(-length, os.SEEK_END)
            end = page.read().decode(errors="replace")
    except OSError:
        return None
    return end.removeprefix(_MARK).removesuffix(_MARK_ENDS)


@cache
def _templates_digest() -> str:
    templates = _templates()
    assert templates.loader is not None
    sources = (templates.loader.get_source(templates, name) for name in templates.list_templates())
    return sha256("".join(source for source, *_ in sources).encode()).hexdigest()


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
