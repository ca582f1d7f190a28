"""What the journal says of itself, by name: its version, its identity, whose account it is of."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from ideogram_pipeline.generation import schema

JOURNAL_ID = "journal_id"
"""Name of the journal's identity, by which it is known again."""

_meta = schema.meta


def get(connection: Connection, name: str) -> str | None:
    """Read a value; ``None`` if it was never put down."""
    return connection.scalar(select(_meta.c.value).where(_meta.c.name == name))


def put(connection: Connection, name: str, value: str | None) -> None:
    """Put down a value in place of the one before; ``None`` removes it."""
    connection.execute(delete(_meta).where(_meta.c.name == name))
    if value is not None:
        connection.execute(insert(_meta).values(name=name, value=value))
