"""The columns of a catalog: the one table of rules for reading, messages and documentation.

``docs/catalog.md`` shows these rows word by word, and a test keeps it so. The rules that look at
more than one cell are in ``reading``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ideogram_pipeline.apiframe.limits import (
    ASPECT_RATIOS,
    DEFAULT_ASPECT_RATIO,
    MAGIC_PROMPT_OPTIONS,
    NO_RESOLUTION,
    RENDERING_SPEEDS,
    RESOLUTIONS,
    SEED_MAX,
    SEED_MIN,
    STYLE_TYPES,
)
from ideogram_pipeline.catalog.cells import (
    CellValue,
    Choice,
    Flag,
    Identifier,
    Kind,
    PictureFile,
    Tags,
    Text,
    WholeNumber,
)
from ideogram_pipeline.catalog.model import Refresh
from ideogram_pipeline.catalog.schedules import Schedule

MAX_VARIATIONS = 100
REFRESHES: tuple[Refresh, ...] = ("never", "daily", "weekly", "monthly")
"""The words for it; a cron expression says the rest."""


@dataclass(frozen=True)
class Column:
    """One column: what its cells hold, and what a blank cell means."""

    name: str
    kind: Kind
    example: str
    default: str = ""
    """What a blank cell means, in words; empty where the cell must be filled."""
    blank: CellValue = None
    """What a blank cell is read as; ``None`` leaves it to planning."""

    @property
    def required(self) -> bool:
        """Whether the column must be there and each of its cells filled."""
        return not self.default


def _size(text: str) -> tuple[int, ...]:
    return tuple(int(side) for side in text.replace(":", "x").split("x"))


RATIO = Choice(tuple(sorted(ASPECT_RATIOS, key=_size)))
RESOLUTION = Choice(
    tuple(sorted(RESOLUTIONS, key=_size)),
    no_value=NO_RESOLUTION,
    rule_in_words=f"one of the {len(RESOLUTIONS)} sizes in docs/catalog.md, or {NO_RESOLUTION}",
)
REFRESH = Schedule(
    Choice(
        REFRESHES,
        rule_in_words=f"one of {', '.join(REFRESHES)}, or a cron expression such as `0 6 * * MON`",
    )
)
STYLE = Choice(tuple(sorted(STYLE_TYPES)))
MAGIC_PROMPT = Choice(tuple(sorted(MAGIC_PROMPT_OPTIONS)))
SPEED = Choice(tuple(sorted(RENDERING_SPEEDS)))

CHARACTERS = (
    Column("character_id", Identifier(), "mira"),
    Column("name", Text(), "Mira the lighthouse keeper"),
    Column("reference_image", PictureFile(), "../references/mira.png"),
    Column("style_type", STYLE, "Fiction", "`Auto`"),
    Column("rendering_speed", SPEED, "turbo", "`default`"),
    Column("aspect_ratio", RATIO, "3:4", f"`{DEFAULT_ASPECT_RATIO}`"),
    Column("prompt_prefix", Text(), "Ink and watercolour:", "nothing goes before the prompt"),
    Column("prompt_suffix", Text(), "soft evening light", "nothing goes after the prompt"),
    Column("monthly_credit_budget", WholeNumber(0), "500", "no limit"),
)

PROMPTS = (
    Column("prompt_id", Identifier(), "mira-storm"),
    Column("character_id", Identifier(), "mira"),
    Column("prompt", Text(), "lights the lamp in a storm"),
    Column("aspect_ratio", RATIO, "16:9", "the character's"),
    Column("resolution", RESOLUTION, "1280x704", "the size follows the aspect ratio"),
    Column(
        "seed",
        WholeNumber(SEED_MIN, SEED_MAX),
        "77",
        "derived from prompt_id, variation and edition",
    ),
    Column("style_type", STYLE, "Realistic", "the character's"),
    Column("magic_prompt_option", MAGIC_PROMPT, "Off", "`Off`"),
    Column("rendering_speed", SPEED, "quality", "the character's"),
    Column("image", PictureFile(), "../references/room.png", "a picture from nothing"),
    Column("mask", PictureFile(is_mask=True), "../references/room-mask.png", "no mask"),
    Column("variations", WholeNumber(1, MAX_VARIATIONS), "3", "`1`", blank=1),
    Column("refresh", REFRESH, "weekly", "`never`", blank="never"),
    Column("enabled", Flag(), "false", "`true`", blank=True),
    Column("title", Text(), "The storm", "no title"),
    Column("tags", Tags(), "cover; spring", "no tags", blank=()),
)
