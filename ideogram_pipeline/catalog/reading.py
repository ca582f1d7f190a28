"""Reading a catalog: the rows that are fit to buy from, and a reason for each that is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ideogram_pipeline.apiframe.limits import (
    NO_RESOLUTION,
    PROMPT_MAX_UNITS,
    SEED_MAX,
    utf16_units,
)
from ideogram_pipeline.catalog.cells import suggestion
from ideogram_pipeline.catalog.model import Catalog, Character, Prompt
from ideogram_pipeline.catalog.pictures import Pictures
from ideogram_pipeline.catalog.prompts import Prompts
from ideogram_pipeline.catalog.rows import Row, read_rows, refuse_duplicates, rejects
from ideogram_pipeline.catalog.sifting import sift
from ideogram_pipeline.catalog.sources import open_tables
from ideogram_pipeline.catalog.tables import Sheet
from ideogram_pipeline.catalog.text import full_prompt

_MOST_SUGGESTIONS = 100
"""Each compares with every character, which a table of all wrong ids need not wait for."""


def read_catalog(source: str) -> Catalog:
    """Read and check the catalog; a bad row is a `Reject` and does not stop the others.

    Args:
        source: A folder with ``characters`` and ``prompts`` as CSV or Parquet, or
            ``duckdb:///file.duckdb`` with optional ``?characters=...&prompts=...``.

    Raises:
        CatalogError: a table cannot be read at all; the text names every reason.
    """
    tables = open_tables(source)
    pictures = Pictures(tables.folder)

    cast = read_rows(tables.characters, pictures)
    refuse_duplicates(cast, "character_id")
    characters = {row.values["character_id"]: _character(row) for row in cast if not row.problems}

    table = tables.prompts
    prompts = Prompts()
    if isinstance(table, Sheet):
        prompts, table = sift(table, characters)
    rows = read_rows(table, pictures)
    refuse_duplicates(rows, "prompt_id")
    _refuse_strangers(rows, characters, cast, tables.characters.name)
    for row in rows:
        row.problems.extend(_contradictions(row, characters))
    prompts.add(Prompt(**row.values, line=row.line) for row in rows if not row.problems)
    return Catalog(
        characters=characters,
        prompts=prompts,
        rejects=(
            *rejects(tables.characters, cast, "character_id"),
            *rejects(table, rows, "prompt_id"),
        ),
        source=source,
        prompts_name=tables.prompts.name,
    )


def _character(row: Row) -> Character:
    values = dict(row.values)
    return Character(reference=values.pop("reference_image"), **values, line=row.line)


def _refuse_strangers(
    rows: Sequence[Row], characters: Mapping[str, Character], cast: Sequence[Row], file: str
) -> None:
    """Note a problem in each prompt whose character is unknown or was refused itself."""
    refused = {row.cell("character_id"): row.line for row in cast if row.problems}
    reasons: dict[str, str] = {}
    for row in rows:
        name = row.values.get("character_id")
        if name is None or name in characters:
            continue
        if name not in reasons:
            near = ""
            if len(reasons) < _MOST_SUGGESTIONS:
                near = suggestion(name, [*characters, *refused])
            reasons[name] = (
                f"this character was refused ({file}, line {refused[name]}): mend that row first"
                if name in refused
                else f"is not the id of any character in {file}{near}"
            )
        row.problems.append(("character_id", reasons[name]))


def _contradictions(row: Row, characters: Mapping[str, Character]) -> Iterator[tuple[str, str]]:
    """Yield column and reason where cells that are fine by themselves do not go together.

    `sifting` lets no row pass that could be told one of these.
    """
    values = row.values
    ratio = row.cell("aspect_ratio")
    if ratio and (resolution := row.cell("resolution")) and not _is_none(resolution):
        yield (
            "resolution",
            f"excludes aspect_ratio: blank aspect_ratio to get {resolution}, "
            f"or blank resolution to get {ratio}",
        )
    has_image, has_mask = bool(row.cell("image")), bool(row.cell("mask"))
    if has_image and not has_mask:
        yield "mask", "is blank, but there is an image: give the mask, or blank the image"
    if has_mask and not has_image:
        yield "image", "is blank, but there is a mask: give the image, or blank the mask"
    image, mask = values.get("image"), values.get("mask")
    if image and mask and (image.width, image.height) != (mask.width, mask.height):
        yield (
            "mask",
            f"is {mask.width}x{mask.height} pixels, but the image is "
            f"{image.width}x{image.height}: they must be of one size",
        )
    seed, variations = values.get("seed"), values.get("variations", 1)
    if seed is not None and seed + variations - 1 > SEED_MAX:
        yield (
            "seed",
            f"the {variations} variations take this seed and those after it, up to "
            f"{seed + variations - 1}, but {SEED_MAX} is the last: "
            f"write {SEED_MAX - variations + 1} or less",
        )
    if prompt := values.get("prompt"):
        yield from _length(prompt, characters.get(values.get("character_id", "")))


def _is_none(resolution: str) -> bool:
    return resolution.casefold() == NO_RESOLUTION.casefold()


def _length(prompt: str, character: Character | None) -> Iterator[tuple[str, str]]:
    whole = prompt
    if character:
        whole = full_prompt(character.prompt_prefix, prompt, character.prompt_suffix)
    # No character is more than two units, so that most prompts need not be encoded.
    if 2 * len(whole) <= PROMPT_MAX_UNITS or (units := utf16_units(whole)) <= PROMPT_MAX_UNITS:
        return
    added = units - utf16_units(prompt)
    share = f" with the {added:,} of its character's prefix and suffix" if added else ""
    yield (
        "prompt",
        f"is {units:,} UTF-16 units long{share}; at most {PROMPT_MAX_UNITS:,} are allowed "
        f"(an emoji counts as two or more): shorten it by {units - PROMPT_MAX_UNITS:,}",
    )
