"""The number of an attempt, by which its file is named, and the key of its submission."""

from __future__ import annotations

from sqlalchemy import Connection, and_, func, or_, select

from ideogram_pipeline.generation import schema
from ideogram_pipeline.planning.identity import idempotency_key
from ideogram_pipeline.planning.model import PlannedImage

_attempts = schema.attempts


def next_number_and_key(connection: Connection, planned: PlannedImage) -> tuple[int, str]:
    """Number the next attempt at a picture and name its submission.

    The number is new for the fingerprint and for the place (prompt, variation and edition), since
    the file is named by it: a row that is changed must not find the picture it had before. The key
    counts the attempts at the fingerprint alone, so that it does not depend on older rows.
    """
    of_fingerprint = _attempts.c.fingerprint == planned.fingerprint
    of_place = and_(
        _attempts.c.character_id == planned.character_id,
        _attempts.c.prompt_id == planned.prompt_id,
        _attempts.c.variation == planned.variation,
        _attempts.c.edition == planned.edition,
    )
    highest = func.coalesce(func.max(_attempts.c.number), 0)
    last = connection.scalar(select(highest).where(or_(of_fingerprint, of_place))) or 0
    made = connection.scalar(select(func.count()).where(of_fingerprint)) or 0
    return last + 1, idempotency_key(planned.fingerprint, made + 1)
