"""docs/catalog.md shows the rules word by word, so that it cannot fall behind them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ideogram_pipeline.apiframe.limits import RENDERING_SPEEDS
from ideogram_pipeline.catalog.rules import CHARACTERS, PROMPTS, RESOLUTION, SPEED, Column

DOCS = (Path(__file__).parents[2] / "docs" / "catalog.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("column", [*CHARACTERS, *PROMPTS], ids=lambda column: column.name)
def test_every_column_is_documented(column: Column) -> None:
    blank = column.default or "must be filled in"
    row = f"| `{column.name}` | {column.kind.rule} | {blank} | `{column.example}` |"
    assert row in DOCS.splitlines()


@pytest.mark.parametrize("columns", [CHARACTERS, PROMPTS], ids=["characters", "prompts"])
def test_every_example_follows_its_rule(columns: tuple[Column, ...]) -> None:
    for column in columns:
        column.kind.parse(column.example)


def test_every_resolution_is_documented() -> None:
    (block,) = [part for part in DOCS.split("```") if "1024x1024" in part and "512x1536" in part]
    assert tuple(block.removeprefix("text").split()) == RESOLUTION.values


def test_speeds_are_those_of_the_provider() -> None:
    assert set(SPEED.values) == RENDERING_SPEEDS
