"""What was attempted before at a planned image: is it enough, and how the next one is named."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, or_, select

from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.prepared import Prepared
from ideogram_pipeline.planning.identity import idempotency_key
from ideogram_pipeline.planning.model import PlannedImage

_attempts = schema.attempts

_OF_PLACE = ("character_id", "prompt_id", "variation", "edition")
_EARLIER = Prepared(
    select(
        *(_attempts.c[name] for name in ("id", "fingerprint", "number", "state", "retriable"))
    ).where(
        or_(
            _attempts.c.fingerprint == bindparam("fingerprint"),
            and_(*(_attempts.c[name] == bindparam(name) for name in _OF_PLACE)),
        )
    )
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The attempts so far that have to do with one planned image."""

    sufficient: int | None
    """Id of the attempt because of which the picture needs no further one, or may have none."""
    number: int
    """Of the next attempt; its file is named by it.

    It is new for the fingerprint and for the place (prompt, variation and edition): a row that is
    changed must not find the picture it had before.
    """
    key: str
    """Of the next submission.

    It counts the attempts at the fingerprint alone, so that it does not depend on older rows.
    """


def look_back(connection: Connection, planned: PlannedImage) -> Earlier:
    """Look at what was attempted before, in one question."""
    place = {name: getattr(planned, name) for name in _OF_PLACE}
    rows = _EARLIER.rows(connection, {"fingerprint": planned.fingerprint, **place})
    made = [row for row in rows if row[1] == planned.fingerprint]
    sufficient = (
        attempt_id
        for attempt_id, _, _, state, retriable in made
        if state in schema.LIVE or (state == schema.FAILED and not retriable)
    )
    return Earlier(
        sufficient=next(sufficient, None),
        number=max((number for _, _, number, _, _ in rows), default=0) + 1,
        key=idempotency_key(planned.fingerprint, len(made) + 1),
    )
