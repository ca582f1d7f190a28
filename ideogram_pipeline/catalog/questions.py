"""Rows that are fit to buy from, and yet may not say what was meant."""

from __future__ import annotations

from collections.abc import Iterator

from ideogram_pipeline.catalog.model import Question
from ideogram_pipeline.catalog.prompts import Prompts


def questions(prompts: Prompts, file: str) -> Iterator[Question]:
    """Yield what is to be asked about enabled rows, in their order.

    Args:
        prompts: The fit rows.
        file: What messages call their table.
    """
    found = prompts.cursor().execute(
        "SELECT line, seed, refresh, character_id, prompt_id FROM prompts"
        " WHERE enabled AND seed IS NOT NULL AND refresh <> 'never' ORDER BY number"
    )
    for line, seed, refresh, character_id, prompt_id in found.fetchall():
        yield Question(
            file=file,
            line=line,
            column="seed",
            value=str(seed),
            reason=f"asks for the same picture in every period of its refresh ({refresh}), so that "
            "it is bought once and never anew: blank the seed to get new pictures, or the refresh "
            "to say that one is meant",
            character_id=character_id,
            row_id=prompt_id,
        )
