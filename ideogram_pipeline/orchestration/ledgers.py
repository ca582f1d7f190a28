"""The ledger as the journal has it, and as the warehouse shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ideogram_pipeline.settings import Settings
from ideogram_pipeline.warehouse import query


class Total(NamedTuple):
    """What a ledger adds up to."""

    entries: int
    credits: int
    """Charges less refunds."""


def total_in_journal(settings: Settings) -> Total:
    """Add up the ledger of the journal.

    Raises:
        StorageError: The journal cannot be read.
    """
    from ideogram_pipeline.generation.database import open_journal
    from ideogram_pipeline.generation.guarding import has_journal
    from ideogram_pipeline.generation.history import ledger_total

    if not has_journal(settings):
        return Total(0, 0)
    with open_journal(settings) as database:
        return Total(*ledger_total(database))


def totals_in_warehouse(settings: Settings) -> Mapping[str | None, Total]:
    """Add up the table ``credit_ledger`` by character.

    Raises:
        HeldError: Another program has the warehouse open for writing.
        StorageError: Nothing was published yet, or the file cannot be read.
    """
    rows = query(
        settings.warehouse_path,
        "SELECT character_id, count(*), sum(credits)::BIGINT FROM credit_ledger"
        " WHERE provider = ? GROUP BY character_id",
        (settings.provider,),
    ).rows
    return {
        None if character is None else str(character): Total(int(str(entries)), int(str(net)))
        for character, entries, net in rows
    }


def total(parts: Mapping[str | None, Total]) -> Total:
    """Add up the characters."""
    return Total(
        sum(part.entries for part in parts.values()), sum(part.credits for part in parts.values())
    )
