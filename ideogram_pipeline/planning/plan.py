"""The plan: every planned image with its decision, as a table that is asked for what is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from ideogram_pipeline.apiframe.model import RenderingSpeed
from ideogram_pipeline.catalog.model import Refresh
from ideogram_pipeline.catalog.sql import literal
from ideogram_pipeline.planning.editions import BASE
from ideogram_pipeline.planning.expansion import PlannedImages
from ideogram_pipeline.planning.model import Decision, PlanEntry, PlannedImage
from ideogram_pipeline.planning.tables import OwnTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_COLUMNS = ", ".join(
    f"{'prompts' if column.name == 'prompt_id' else 'own'}.{column.name}"
    for column in fields(PlanEntry)
)
_BATCH = 10_000


@dataclass(slots=True)
class Share:
    """The part of a plan that concerns one character, in numbers."""

    decisions: Counter[Decision] = field(default_factory=Counter)
    """Number of planned images."""
    speeds: Counter[RenderingSpeed] = field(default_factory=Counter)
    """The quote by tier, in credits."""

    @property
    def images(self) -> int:
        """Number of planned images, whatever is decided."""
        return self.decisions.total()

    @property
    def quote(self) -> int:
        """Credits that this part will cost, see ``Plan.quote``."""
        return self.speeds.total()


@dataclass(frozen=True, slots=True)
class Missing:
    """Pictures of one row and period that are not on file."""

    character_id: str
    prompt_id: str
    refresh: Refresh
    edition: str
    images: int
    reason: str
    """Of one of them: what is to be done and why."""


class Plan:
    """Every planned image with its decision; a fingerprint is to be generated at most once."""

    def __init__(
        self, images: PlannedImages, table: OwnTable, *, read_back_by: str | None = None
    ) -> None:
        """Make a plan.

        Args:
            images: What should exist.
            table: The same with decisions.
            read_back_by: The stamp by which it was found published; ``None``: it was made.
        """
        self._images = images
        self._table = table
        self.stamp = read_back_by
        """From what it was made, as one hash, if that can be told and there is nothing to do."""
        self.is_read_back = read_back_by is not None
        self.shares = self._count()
        """By character, in the plan's order."""

    @property
    def quote(self) -> int:
        """Credits that carrying out this plan will cost.

        Exact, but for the images that were being submitted when their run ended: if one turns out
        to have been accepted, it costs nothing more.
        """
        return sum(share.quote for share in self.shares.values())

    def __len__(self) -> int:
        """Number of planned images."""
        return sum(share.images for share in self.shares.values())

    def count(self, *decisions: Decision) -> int:
        """Number of planned images with one of these decisions."""
        return sum(share.decisions[name] for share in self.shares.values() for name in decisions)

    @property
    def is_done(self) -> bool:
        """Whether every planned image is on file."""
        found = self.cursor().execute(f"SELECT coalesce(bool_and(on_file), true) FROM {self}")
        return bool(found.fetchall()[0][0])

    def busy_characters(self) -> set[str]:
        """The characters for which there is anything to fetch or to buy."""
        return {
            name
            for name, share in self.shares.items()
            if share.decisions["generate"] or share.decisions["resume"]
        }

    def unfinished_editions(self) -> dict[str, set[str]]:
        """The refresh periods of which a picture is to be fetched or bought, by character."""
        found = self.cursor().execute(
            f"SELECT character_id, list(DISTINCT edition) FROM {self}"
            f" WHERE decision IN ('generate', 'resume') AND edition <> {literal(BASE)}"
            " GROUP BY character_id ORDER BY min(number)"
        )
        return {name: set(editions) for name, editions in found.fetchall()}

    def missing_editions(self) -> list[Missing]:
        """The refresh periods of which a picture is not on file, by character and row."""
        found = self.cursor().execute(
            "SELECT own.character_id, prompts.prompt_id, refresh, edition, count(*),"
            " any_value(reason)"
            f" FROM {self} AS own JOIN prompts USING (number)"
            f" WHERE decision <> 'reuse' AND edition <> {literal(BASE)}"
            " GROUP BY ALL ORDER BY ALL"
        )
        return [Missing(*row) for row in found.fetchall()]

    def characters(self) -> list[str]:
        """The characters of the plan, in its order."""
        return list(self.shares)

    def credits_by_speed(self) -> dict[RenderingSpeed, int]:
        """The quote split by tier, in credits."""
        totals: Counter[RenderingSpeed] = Counter()
        for share in self.shares.values():
            totals += share.speeds
        return dict(totals)

    def entries(
        self,
        *decisions: Decision,
        character: str | None = None,
        most: int | None = None,
    ) -> Iterator[PlanEntry]:
        """Each planned image as people read of it, in the order of the catalog.

        Args:
            decisions: Only these, or all.
            character: Only this one's, or all.
            most: Only so many.
        """
        where = [_one_of("decision", decisions)] if decisions else []
        where += [f"own.character_id = {literal(character)}"] if character else []
        return self._read(" AND ".join(where) or "true", most)

    def images(self, *decisions: Decision) -> Iterator[PlannedImage]:
        """The planned images with one of these decisions, or all, in the order of the catalog."""
        where = _one_of("decision", decisions) if decisions else "true"
        return self._images.read(self._table, where)

    def fingerprints(self, *decisions: Decision) -> list[str]:
        """The different fingerprints of the images with one of these decisions, or of all."""
        where = _one_of("decision", decisions) if decisions else "true"
        found = self.cursor().execute(f"SELECT DISTINCT fingerprint FROM {self} WHERE {where}")
        return [fingerprint for (fingerprint,) in found.fetchall()]

    def kept(self, but: Collection[str]) -> dict[str, tuple[int, int]]:
        """Number and price of the pictures on file, by character; not those fingerprints."""
        found = self.cursor().execute(
            f"SELECT character_id, count(*), sum(price)::BIGINT FROM {self} AS own"
            f" WHERE on_file AND {_not_in(but)} GROUP BY character_id"
        )
        return {name: (number, price) for name, number, price in found.fetchall()}

    def not_kept(self, but: Collection[str]) -> Iterator[PlanEntry]:
        """The entries that ``kept`` does not count."""
        return self._read(f"NOT (on_file AND {_not_in(but)})")

    def cursor(self) -> DuckDBPyConnection:
        """A connection of the caller's own to the table."""
        return self._images.cursor()

    def with_requests(self) -> str:
        """SQL for every row with all that is sent, see ``PlannedImages.with_requests``."""
        return self._images.with_requests(str(self._table))

    def __str__(self) -> str:
        """The name of the table: the columns of ``PlannedImages.table`` and the decision's."""
        return str(self._table)

    def _read(self, where: str, most: int | None = None) -> Iterator[PlanEntry]:
        limit = "" if most is None else f" LIMIT {most}"
        found = self.cursor().execute(
            f"SELECT {_COLUMNS} FROM {self} AS own JOIN prompts USING (number)"
            f" WHERE {where} ORDER BY number, variation{limit}"
        )
        while batch := found.fetchmany(_BATCH):
            yield from (PlanEntry(*row) for row in batch)

    def _count(self) -> dict[str, Share]:
        found = self.cursor().execute(
            "SELECT min(number), character_id, decision, rendering_speed, count(*),"
            f" sum(credits)::BIGINT FROM {self} GROUP BY ALL ORDER BY min(number)"
        )
        shares: dict[str, Share] = {}
        for _, character, decision, speed, number, cost in found.fetchall():
            share = shares.setdefault(character, Share())
            share.decisions[decision] += number
            if cost:
                share.speeds[speed] += cost
        return shares


def _one_of(column: str, values: Collection[str]) -> str:
    return f"{column} IN ({', '.join(map(literal, values))})"


def _not_in(fingerprints: Collection[str]) -> str:
    if not fingerprints:
        return "true"
    return f"fingerprint NOT IN ({', '.join(map(literal, fingerprints))})"
