"""What the journal knows of the past: where each picture stands, and what was bought before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, bindparam, exists, func, select, text, true

from ideogram_pipeline.apiframe.model import INPUT_PARAMS
from ideogram_pipeline.generation import meta, schema
from ideogram_pipeline.generation.database import Database
from ideogram_pipeline.generation.owners import is_alive
from ideogram_pipeline.generation.prepared import Prepared
from ideogram_pipeline.generation.times import from_text
from ideogram_pipeline.planning.model import Bought, Standing, Standings

MANY = 20_000
"""Fingerprints above which it is faster to read the whole journal than to look for each."""
_IN_ONE_TEXT = 20_000
"""Attempts whose fingerprints are put into one text."""
RECENT_ATTEMPTS = 500
"""Attempts from which the times of jobs are learned."""

_NOT_STORED = tuple(state for state in schema.STATES if state != schema.STORED)
_attempts = schema.attempts


_filed = select(
    *(_attempts.c[name] for name in ("id", "state", "path", "bytes", "stored_at", "fingerprint"))
).where(
    text(f"state IN ({schema.listed((schema.STORED, schema.EXPIRED))})"),
    _attempts.c.path.is_not(None),
)
_FILED = Prepared(_filed)
_FILED_OF = Prepared(
    _filed.where(
        _attempts.c.fingerprint.in_(
            select(func.json_each(bindparam("fingerprints")).table_valued("value").c.value)
        )
    )
)


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
    query = select(*columns).where(_attempts.c.fingerprint.in_(_listed(fingerprints)))
    with database.read() as connection:
        for row in connection.execute(query.order_by(_attempts.c.number)):
            standing = Standing(row.state, row.number, row.error, bool(row.retriable))
            found[row.fingerprint] = Newest(standing, row.owner, row.run_id)
    return found


def standings(database: Database, fingerprints: Sequence[str] | None) -> Standings:
    """Say where each of these fingerprints stands, or all that the journal has.

    For more than ``MANY`` it is faster to ask for all: one reading of the journal from its
    beginning to its end instead of a search for each.
    """
    newer = _attempts.alias()
    is_newest = ~exists().where(
        newer.c.fingerprint == _attempts.c.fingerprint, newer.c.number > _attempts.c.number
    )
    of_wanted = (
        true() if fingerprints is None else _attempts.c.fingerprint.in_(_listed(fingerprints))
    )
    # Texts of thousands of fingerprints, so that no Python object is made for each.
    stored = (
        select(func.group_concat(_attempts.c.fingerprint))
        .where(of_wanted, _attempts.c.state == schema.STORED)
        .group_by(_attempts.c.id // _IN_ONE_TEXT)
    )
    others = select(
        _attempts.c.fingerprint,
        _attempts.c.state,
        _attempts.c.number,
        _attempts.c.error,
        _attempts.c.retriable,
    ).where(of_wanted, _attempts.c.state.in_(_NOT_STORED), is_newest)
    with database.read() as connection:
        return Standings(
            stored=list(connection.scalars(stored)),
            others={
                row.fingerprint: Standing(row.state, row.number, row.error, bool(row.retriable))
                for row in connection.execute(others)
            },
        )


def marks(database: Database) -> frozenset[tuple[str, str]]:
    """Which journal it is, and a mark for each character; others as soon as a row has changed."""
    changes = select(schema.changes.c.character_id, schema.changes.c.mark)
    with database.read() as connection:
        identity = str(meta.get(connection, meta.JOURNAL_ID))
        found = {(row.character_id, row.mark) for row in connection.execute(changes)}
        return frozenset(found | {(meta.JOURNAL_ID, identity)})


def not_stored(database: Database) -> set[str]:
    """Fingerprints with an attempt and without a picture on file."""
    stored = _attempts.alias()
    of_stored = exists().where(
        stored.c.fingerprint == _attempts.c.fingerprint, stored.c.state == schema.STORED
    )
    query = select(_attempts.c.fingerprint).where(_attempts.c.state.in_(_NOT_STORED), ~of_stored)
    with database.read() as connection:
        return set(connection.scalars(query))


def last_bought(
    database: Database, wanted: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], Bought]:
    """Find what was last bought for each prompt id and variation."""
    found: dict[tuple[str, int], Bought] = {}
    place = func.json_each(json.dumps(list(wanted))).table_valued("value")
    query = (
        select(_attempts)
        .join(
            place,
            and_(
                _attempts.c.prompt_id == func.json_extract(place.c.value, "$[0]"),
                _attempts.c.variation == func.json_extract(place.c.value, "$[1]"),
            ),
        )
        .where(_attempts.c.state.in_(schema.LIVE))
        .order_by(_attempts.c.id)
    )
    with database.read() as connection:
        for row in connection.execute(query):
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


def filed(
    database: Database, fingerprints: Sequence[str]
) -> Iterator[tuple[int, str, str, int, str]]:
    """Give id, state, path, size in bytes, and when it was stored, of each that is or was filed."""
    many = len(fingerprints) > MANY
    wanted = set(fingerprints)
    with database.read() as connection:
        if many:
            rows = _FILED.rows(connection, {})
        else:
            rows = _FILED_OF.rows(connection, {"fingerprints": json.dumps(list(fingerprints))})
    for attempt_id, state, path, size, stored_at, fingerprint in rows:
        if fingerprint in wanted:
            yield attempt_id, state, path, size, stored_at


def abandoned(database: Database) -> dict[int, str]:
    """Id and character of the attempts that are under way and that no living run is at."""
    with database.read() as connection:
        found = connection.execute(
            select(_attempts.c.id, _attempts.c.character_id, _attempts.c.owner)
            .where(_attempts.c.state.in_(schema.OPEN))
            .order_by(_attempts.c.id)
        ).all()
    alive = {owner for owner in {row.owner for row in found} if is_alive(database.locks, owner)}
    return {row.id: row.character_id for row in found if row.owner not in alive}


def recent_seconds(database: Database) -> dict[str, list[float]]:
    """How long the last jobs of each tier took, in seconds, the oldest first."""
    newest = select(func.max(_attempts.c.id)).scalar_subquery()
    took: dict[str, list[float]] = {}
    with database.read() as connection:
        rows = connection.execute(
            select(_attempts.c.rendering_speed, _attempts.c.submitted_at, _attempts.c.completed_at)
            .where(
                _attempts.c.id > newest - RECENT_ATTEMPTS,
                _attempts.c.state == schema.STORED,
                _attempts.c.owner == _attempts.c.run_id,
            )
            .order_by(_attempts.c.id)
        )
        for row in rows:
            seconds = (from_text(row.completed_at) - from_text(row.submitted_at)).total_seconds()
            took.setdefault(row.rendering_speed, []).append(max(0.0, seconds))
    return took


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


def _listed(values: Iterable[str]) -> Select[Any]:
    """The values as rows: one variable of the query, however many they are."""
    listed = func.json_each(json.dumps(list(values))).table_valued("value")
    return select(listed.c.value)
