"""What several commands take: which characters, and the editions of which time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ideogram_pipeline.catalog.model import Catalog


def _moment(_ctx: click.Context, _param: click.Parameter, text: str | None) -> datetime | None:
    """Read a time; one without an offset is in the zone of the settings."""
    if text is None:
        return None
    from ideogram_pipeline.planning.editions import parse_moment
    from ideogram_pipeline.settings import Settings

    zone = Settings.load().zone
    try:
        return parse_moment(text, zone)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


characters_option = click.option(
    "--character",
    "characters",
    metavar="ID",
    multiple=True,
    help="Only this character; repeatable. [default: all]",
)
edition_option = click.option(
    "--edition-at",
    metavar="ISO",
    callback=_moment,
    help="Make the editions (day, week, month, cron time) of this time. [default: now]",
)


def choose_characters(catalog: Catalog, wanted: tuple[str, ...]) -> list[str]:
    """The chosen characters in the order of the catalog; all of them if none was named.

    Raises:
        CatalogError: One is not in the catalog, or its row was refused.
    """
    for name in wanted:
        if name not in catalog.characters:
            raise _unknown(catalog, name)
    return [name for name in catalog.characters if not wanted or name in wanted]


def _unknown(catalog: Catalog, name: str) -> Exception:
    from difflib import get_close_matches

    from ideogram_pipeline.errors import CatalogError

    for reject in catalog.rejects:
        if reject.character_id == reject.row_id == name:
            return CatalogError(f"The row of character {name!r} was refused: {reject}")
    spellings = {known.casefold(): known for known in catalog.characters}
    near = get_close_matches(name.casefold(), spellings, n=3)
    if near:
        hint = f"Did you mean {' or '.join(spellings[word] for word in near)}?"
    else:
        known = list(catalog.characters)
        hint = f"It has {', '.join(known[:10]) or 'none'}{', ...' if known[10:] else ''}."
    return CatalogError(f"The catalog {catalog.source} has no character {name!r}. {hint}")
