"""From catalog rows to planned images: defaults filled in, variations and editions counted out.

All at once, in the DuckDB that holds the catalog. `picture` says in Python what one planned image
is; whatever is to be sent is made there, and must be what was found here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ideogram_pipeline.apiframe.limits import DEFAULT_ASPECT_RATIO
from ideogram_pipeline.apiframe.model import INPUT_PARAMS
from ideogram_pipeline.apiframe.pricing import CREDITS
from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.catalog.prompts import PROMPT_COLUMNS, put_characters
from ideogram_pipeline.catalog.sql import json_word, literal
from ideogram_pipeline.catalog.text import full_prompt_sql
from ideogram_pipeline.planning import identity_sql
from ideogram_pipeline.planning.editions import edition_at
from ideogram_pipeline.planning.model import PlannedImage
from ideogram_pipeline.planning.picture import (
    DEFAULT_MAGIC_PROMPT,
    DEFAULT_SPEED,
    DEFAULT_STYLE_TYPE,
    planned_image,
)
from ideogram_pipeline.planning.tables import OwnTable, table_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BATCH = 1_000
_EDITION_COLUMNS = {"refresh": "VARCHAR", "edition": "VARCHAR"}


class PlannedImages:
    """Every image that should exist, in the order of the catalog.

    Iterating makes one `PlannedImage` after the other; what can be asked in SQL is asked of
    ``table``.
    """

    def __init__(
        self, catalog: Catalog, at: datetime, zone: ZoneInfo, characters: Collection[str] | None
    ) -> None:
        self.connection = catalog.prompts.cursor()
        self.catalog = catalog
        self.cast = OwnTable(self.connection, "cast")
        """The characters that were asked for, as ``put_characters`` makes it."""
        self.table = OwnTable(self.connection, "planned")
        """Row of the catalog as ``number``, and what of the image does not stand there."""
        chosen = {
            name: who
            for name, who in catalog.characters.items()
            if characters is None or name in characters
        }
        put_characters(self.cursor(), str(self.cast), chosen)
        self.editions = {name: edition_at(name, at, zone) for name in self._refreshes()}
        """The editions that any of the images is of, by their rows' refresh."""
        self.edition_of = table_of(
            self.connection, "editions", _EDITION_COLUMNS, self.editions.items()
        )
        """The same as a table."""

    def cursor(self) -> DuckDBPyConnection:
        """A connection of the caller's own to the tables of the catalog and of the plan."""
        return self.connection.cursor()

    def expected(self) -> int:
        """Number of images that the rows ask for, whether they are found or not."""
        (number,) = (
            self.cursor()
            .execute(
                "SELECT coalesce(sum(variations), 0) FROM prompts"
                f" JOIN {self.cast} AS who USING (character_id) WHERE enabled"
            )
            .fetchall()[0]
        )
        return int(number)

    @staticmethod
    def price(speed: str) -> str:
        """SQL for the price in credits at a rendering speed."""
        cases = " ".join(f"WHEN {literal(tier)} THEN {price}" for tier, price in CREDITS.items())
        return f"CASE {speed} {cases} END"

    def __len__(self) -> int:
        """Number of images."""
        (number,) = self.cursor().execute(f"SELECT count(*) FROM {self.table}").fetchall()[0]
        return int(number)

    def __iter__(self) -> Iterator[PlannedImage]:
        """Each image in the order of the catalog."""
        return self.read(self.table)

    def fingerprints(self) -> list[str]:
        """The different fingerprints."""
        found = self.cursor().execute(f"SELECT DISTINCT fingerprint FROM {self.table}")
        return [fingerprint for (fingerprint,) in found.fetchall()]

    def read(self, table: OwnTable, where: str = "true") -> Iterator[PlannedImage]:
        """Make the images of rows of a table, in the order of the catalog.

        Args:
            table: This one, or one that has its columns and others.
            where: Condition on the rows.
        """
        row = ", ".join(f"prompts.{name}" for name in PROMPT_COLUMNS)
        found = self.cursor().execute(
            f"SELECT variation, edition, fingerprint, {row}"
            f" FROM {table} AS own JOIN prompts USING (number)"
            f" WHERE {where} ORDER BY number, variation"
        )
        while batch := found.fetchmany(_BATCH):
            for variation, edition, fingerprint, *cells in batch:
                prompt = self.catalog.prompts.read(cells)
                who = self.catalog.characters[prompt.character_id]
                image = planned_image(who, prompt, variation, edition)
                if image.fingerprint != fingerprint:
                    # What is bought must be what was looked for in the journal.
                    raise RuntimeError(f"{prompt.prompt_id} has two fingerprints: report this")
                yield image

    def fill(self) -> None:
        """Find the images."""
        self.cursor().execute(
            f"""CREATE TABLE {self.table} AS
            SELECT number, variation, character_id, edition, rendering_speed, seed,
                magic_prompt_option = '{DEFAULT_MAGIC_PROMPT}' AS reproducible,
                {self.price("rendering_speed")} AS price,
                {identity_sql.fingerprint("sent", _PARAMS, "inputs")} AS fingerprint
            FROM (
                SELECT *, coalesce(
                    first_seed + variation - 1,
                    {identity_sql.derived_seed("prompt_id", "variation", "edition")}
                )::BIGINT AS seed
                FROM (
                    SELECT number, prompt_id, character_id, prompts.seed AS first_seed,
                        unnest(range(1, variations + 1))::INTEGER AS variation,
                        edition,
                        {_SENT}, {_INPUTS} AS inputs
                    FROM prompts
                    JOIN {self.cast} AS who USING (character_id)
                    JOIN {self.edition_of} USING (refresh)
                    LEFT JOIN pictures AS image ON image.picture = prompts.image
                    LEFT JOIN pictures AS mask ON mask.picture = prompts.mask
                    WHERE enabled
                )
            )"""
        )

    def with_requests(self, table: str) -> str:
        """SQL for the rows of a table that has these columns, with those of ``prompts`` and texts.

        ``sent`` is the prompt as sent, ``request`` all that is sent but for addresses.
        """
        return f"""SELECT *, {identity_sql.request("sent", _PARAMS)} AS request
            FROM (
                SELECT own.* EXCLUDE (rendering_speed), prompts.prompt_id, prompts.title,
                    prompts.tags, {_SENT}
                FROM {table} AS own
                JOIN prompts USING (number)
                JOIN {self.cast} AS who ON who.character_id = own.character_id
            )"""

    def _refreshes(self) -> list[str]:
        found = self.cursor().execute(
            "SELECT DISTINCT refresh FROM prompts"
            f" JOIN {self.cast} AS who USING (character_id) WHERE enabled ORDER BY refresh"
        )
        return [refresh for (refresh,) in found.fetchall()]


_TEXTS = {
    "style_type": f"coalesce(prompts.style_type, who.style_type, '{DEFAULT_STYLE_TYPE}')",
    "magic_prompt_option": f"coalesce(prompts.magic_prompt_option, '{DEFAULT_MAGIC_PROMPT}')",
    "rendering_speed": f"coalesce(prompts.rendering_speed, who.rendering_speed, '{DEFAULT_SPEED}')",
    "resolution": "CASE WHEN prompts.image IS NULL THEN prompts.resolution END",
    "aspect_ratio": "CASE WHEN prompts.image IS NULL AND prompts.resolution IS NULL THEN "
    f"coalesce(prompts.aspect_ratio, who.aspect_ratio, '{DEFAULT_ASPECT_RATIO}') END",
}
"""The parameters but for the seed, of a row of ``prompts`` and its character as ``who``."""
_SENT = ", ".join(
    (
        f"{full_prompt_sql('who.prompt_prefix', 'prompts.prompt', 'who.prompt_suffix')} AS sent",
        *(f"{value} AS {name}" for name, value in _TEXTS.items()),
    )
)
_PARAMS = identity_sql.json_object(
    {"seed": "seed", **{name: json_word(name) for name in _TEXTS}},
    optional=("aspect_ratio", "resolution"),
)
_INPUTS = identity_sql.json_object(
    dict(
        zip(
            INPUT_PARAMS,
            map(json_word, ("who.reference_sha256", "image.sha256", "mask.sha256")),
            strict=True,
        )
    ),
    optional=INPUT_PARAMS[1:],
)


def expand(
    catalog: Catalog,
    *,
    at: datetime,
    zone: ZoneInfo,
    characters: Collection[str] | None = None,
) -> PlannedImages:
    """Find every image that should exist.

    Args:
        catalog: The rows that were fit to use; disabled ones are passed over.
        at: The scheduled time, which decides the editions.
        zone: The zone in which refresh periods begin.
        characters: Only these, or all.
    """
    images = PlannedImages(catalog, at, zone, characters)
    images.fill()
    return images
