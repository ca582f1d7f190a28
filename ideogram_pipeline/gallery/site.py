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
    CharacterRecord,
    PromptRecord,
    digests,
    read_characters,
    read_frames,
    read_prompts,
    read_samples,
    read_state,
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
    index = folder / "index.html"
    state = sha256(f"{_made_with(settings)}{read_state(warehouse)}".encode()).hexdigest()
    everyone = read_characters(warehouse)
    if only_changed and _mark_of(index) == state and _are_there(folder, everyone):
        return index
    marks = _marks(settings, [who.character_id for who in everyone])
    current = {name for name, mark in marks.items() if _mark_of(folder / page_name(name)) == mark}
    chosen = [
        who
        for who in everyone
        if (characters is None or who.character_id in characters)
        and not (only_changed and who.character_id in current)
    ]
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
        page += _ending(marks[character.character_id])
        write_whole(folder / page_name(character.character_id), page.encode())
    template = _templates().get_template("index.html.j2")
    page = template.render(surroundings, everyone=everyone, samples=samples)
    current.update(who.character_id for who in chosen)
    page += _ending(state if len(current) == len(everyone) else "")
    write_whole(index, page.encode())
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
    made_with = _made_with(settings)
    return {
        name: sha256(f"{made_with}{digest}".encode()).hexdigest()
        for name, digest in digests(settings.warehouse_path, characters).items()
    }


def _made_with(settings: Settings) -> str:
    return f"{settings.provider}{_templates_digest()}"


def _ending(mark: str) -> str:
    return f"{_MARK}{mark}{_MARK_ENDS}"


def _mark_of(page: Path) -> str | None:
    """The mark of a page as it is there."""
    length = len(_ending(sha256().hexdigest()))
    try:
        with page.open("rb") as content:
            content.seek(-length, os.SEEK_END)
            end = content.read().decode(errors="replace")
    except OSError:
        return None
    return end.removeprefix(_MARK).removesuffix(_MARK_ENDS)


def _are_there(folder: Path, everyone: Collection[CharacterRecord]) -> bool:
    """Whether each page is there to its end: a power cut can leave one without content."""
    pages = (folder / page_name(who.character_id) for who in everyone)
    return all(_is_mark(_mark_of(page)) for page in pages)


def _is_mark(mark: str | None) -> bool:
    return mark is not None and len(mark) == 2 * sha256().digest_size


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
