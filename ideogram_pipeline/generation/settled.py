"""The settled point: what is older was compared with the provider's records, and agreed.

It lets a comparison leave out the jobs of the past. It is of one account and of one journal: it is
dropped when the key is of another team, and when the journal was lost or is older than it should
be.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from ideogram_pipeline.generation import meta, schema
from ideogram_pipeline.generation.times import from_text, to_text

_POINT = "settled_until"
_attempts = schema.attempts


def settled_point(connection: Connection) -> datetime | None:
    """Read the point, by the provider's clock; ``None`` if there is none."""
    text = meta.get(connection, _POINT)
    return from_text(text) if text else None


def put_settled_point(
    connection: Connection, point: datetime, *, instead_of: datetime | None
) -> None:
    """Move the point, unless somebody else has moved or dropped it meanwhile.

    Args:
        connection: A write transaction of the journal.
        point: What is older agrees, and is not expected to change.
        instead_of: The point as it was when the comparison began.
    """
    if settled_point(connection) == instead_of:
        meta.put(connection, _POINT, to_text(point))


def drop_settled_point(connection: Connection) -> None:
    """Have everything compared again."""
    meta.put(connection, _POINT, None)


def earliest_unsettled_intent(connection: Connection) -> datetime | None:
    """The earliest intent of the attempts to which something may still be booked."""
    of_unsettled = _attempts.c.state.in_((*schema.OPEN, schema.UNRESOLVED))
    first = connection.scalar(select(func.min(_attempts.c.intended_at)).where(of_unsettled))
    return from_text(first) if first else None
