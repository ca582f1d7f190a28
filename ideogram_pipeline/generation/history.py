"""What the journal knows of the past: where each picture stands, and what was bought before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import TypeVar

from sqlalchemy import and_, func, select, tuple_

from ideogram_pipeline.apiframe.model import INPUT_PARAMS
from ideogram_pipeline.apiframe.pricing import CREDITS
from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.times import from_text
from ideogram_pipeline.planning.model import Bought, Standing

T = TypeVar("T")

CHUNK = 500
"""Values in one query; SQLite takes some thousand."""
RECENT_JOBS = 40
"""Jobs of each tier from which its usual time is learned."""

_attempts = schema.attempts


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest attempt at a picture, with who made and who holds it."""

    standing: Standing
    owner: str
    run_id: str


def newest_attempts(database: Database, fingerprints: Iterable[str]) -> dict[str, Newest]:
    """Find the newest attempt of each fingerprint that has one."""
    found: dict[str, Newest] = {}
    columns = (
        _attempts.c.fingerprint,
        _attempts.c.state,
        _attempts.c.number,
        _attempts.c.error,
        _attempts.c.retriable,
        _attempts.c.owner,
        _attempts.c.run_id,
    )
    with database.read() as connection:
        for chunk in _chunks(fingerprints):
            query = select(*columns).where(_attempts.c.fingerprint.in_(chunk))
            for row in connection.execute(query.order_by(_attempts.c.number)):
                standing = Standing(row.state, row.number, row.error, bool(row.retriable))
                found[row.fingerprint] = Newest(standing, row.owner, row.run_id)
    return found


def last_bought(
    database: Database, wanted: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], Bought]:
    """Find what was last bought for each prompt id and variation."""
    found: dict[tuple[str, int], Bought] = {}
    key = tuple_(_attempts.c.prompt_id, _attempts.c.variation)
    with database.read() as connection:
        for chunk in _chunks(wanted):
            query = select(_attempts).where(key.in_(chunk), _attempts.c.state.in_(schema.LIVE))
            for row in connection.execute(query.order_by(_attempts.c.id)):
                body = json.loads(row.body)
                params = body["ideogramParams"]
                for address in INPUT_PARAMS:
                    params.pop(address, None)
                found[row.prompt_id, row.variation] = Bought(
                    edition=row.edition,
                    prompt=body["prompt"],
                    params=params,
                    reference_sha256=row.reference_sha256,
                    image_sha256=row.image_sha256,
                    mask_sha256=row.mask_sha256,
                )
    return found


def filed(database: Database, fingerprints: Iterable[str]) -> list[tuple[int, str, str, int]]:
    """Id, state, path and size in bytes of each picture that is, or was, on the disk."""
    columns = (_attempts.c.id, _attempts.c.state, _attempts.c.path, _attempts.c.bytes)
    of_files = and_(
        _attempts.c.state.in_((schema.STORED, schema.EXPIRED)), _attempts.c.path.is_not(None)
    )
    found: list[tuple[int, str, str, int]] = []
    with database.read() as connection:
        for chunk in _chunks(fingerprints):
            query = select(*columns).where(_attempts.c.fingerprint.in_(chunk), of_files)
            found += (tuple(row) for row in connection.execute(query))
    return found


def usual_seconds(database: Database) -> dict[str, float]:
    """Learn how long jobs of each tier have usually taken, in seconds."""
    usual: dict[str, float] = {}
    with database.read() as connection:
        for tier in CREDITS:
            times = connection.execute(
                select(_attempts.c.submitted_at, _attempts.c.completed_at)
                .where(
                    _attempts.c.state == schema.STORED,
                    _attempts.c.rendering_speed == tier,
                    _attempts.c.owner == _attempts.c.run_id,
                )
                .order_by(_attempts.c.id.desc())
                .limit(RECENT_JOBS)
            )
            took = [
                (from_text(row.completed_at) - from_text(row.submitted_at)).total_seconds()
                for row in times
            ]
            if took:
                usual[tier] = max(0.0, median(took))
    return usual


def credits_by_character(database: Database, run_id: str) -> dict[str, int]:
    """Add up what the attempts of a run have cost so far: charges less refunds, in credits."""
    total = func.sum(schema.ledger.c.credits)
    with database.read() as connection:
        rows = connection.execute(
            select(_attempts.c.character_id, total)
            .join(_attempts, _attempts.c.id == schema.ledger.c.attempt_id)
            .where(_attempts.c.run_id == run_id)
            .group_by(_attempts.c.character_id)
        )
        return {character_id: int(amount) for character_id, amount in rows}


def unknown_credits(database: Database, run_id: str) -> int:
    """Add up the price of the attempts of a run that may have been charged, in credits."""
    of_run = and_(_attempts.c.run_id == run_id, _attempts.c.state.in_(schema.UNKNOWN))
    with database.read() as connection:
        return connection.scalar(select(func.sum(_attempts.c.credits)).where(of_run)) or 0


def ledger_total(database: Database) -> tuple[int, int]:
    """Number of ledger entries, and their sum in credits."""
    total = func.coalesce(func.sum(schema.ledger.c.credits), 0)
    with database.read() as connection:
        entries, net = connection.execute(
            select(func.count(), total).select_from(schema.ledger)
        ).one()
        return int(entries), int(net)


def attempts_by_state(database: Database) -> dict[str, int]:
    """Number of attempts in each state that has any."""
    counts = select(_attempts.c.state, func.count()).group_by(_attempts.c.state)
    with database.read() as connection:
        return {state: int(number) for state, number in connection.execute(counts)}


def _chunks(values: Iterable[T]) -> Iterator[Sequence[T]]:
    iterator = iter(dict.fromkeys(values))
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
