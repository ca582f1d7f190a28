"""The journal's tables: the truth about money while it is being spent.

What must never happen is also forbidden by the database: two jobs under one key, one job claimed
twice, two live attempts at one picture, a ledger entry changed or removed.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

SCHEMA_VERSION = 3

SUBMITTING = "submitting"
SUBMITTED = "submitted"
COMPLETED = "completed"
STORED = "stored"
UNRESOLVED = "unresolved"
EXPIRED = "expired"
FAILED = "failed"
REJECTED = "rejected"
WITHDRAWN = "withdrawn"
ABSENT = "absent"

OPEN = (SUBMITTING, SUBMITTED, COMPLETED)
"""A run is, or will be, at work on these."""
LIVE = (*OPEN, STORED, UNRESOLVED, EXPIRED)
"""Money is spent, reserved or possibly spent; at most one of these for each fingerprint."""
UNKNOWN = (SUBMITTING, UNRESOLVED)
"""Not known whether credits were taken."""
STATES = (*LIVE, FAILED, REJECTED, WITHDRAWN, ABSENT)

NOBODY = "nobody"
"""Owner of what any run may take over; no run has this name."""

PUBLISHED_OF_RUNS = (
    "run_id",
    "provider",
    "started_at",
    "finished_at",
    "status",
    "images_planned",
    "images_made",
    "images_reused",
    "images_deferred",
    "images_failed",
    "credits_quoted",
    "balance_before",
    "balance_after",
    "requests",
)
PUBLISHED_OF_ATTEMPTS = (
    "provider",
    "run_id",
    "character_id",
    "prompt_id",
    "variation",
    "edition",
    "fingerprint",
    "idempotency_key",
    "job_id",
    "rendering_speed",
    "seed",
    "reference_sha256",
    "image_sha256",
    "mask_sha256",
    "error",
)
"""Columns that the warehouse has under the same names, in ``runs`` and in ``generations``."""


def listed(states: tuple[str, ...]) -> str:
    """States as SQL has them between ``IN (`` and ``)``."""
    return ", ".join(f"'{state}'" for state in states)


metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("provider", String, nullable=False),
    Column("status", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("finished_at", String),
    Column("characters", Text, nullable=False),
    Column("credits_quoted", Integer, nullable=False),
    Column("images_planned", Integer, nullable=False),
    Column("images_reused", Integer, nullable=False),
    Column("images_made", Integer, nullable=False, default=0),
    Column("images_deferred", Integer, nullable=False, default=0),
    Column("images_failed", Integer, nullable=False, default=0),
    Column("requests", Integer, nullable=False, default=0),
    Column("balance_before", Integer),
    Column("balance_after", Integer),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("idempotency_key", String, nullable=False, unique=True),
    Column("state", String, nullable=False),
    # Who is at work on it: a run, whose life is a lock file, and how often it changed hands.
    Column("owner", String, nullable=False),
    Column("epoch", Integer, nullable=False, default=1),
    Column("doubt", Integer, nullable=False, default=0),
    Column("conflicted", Integer, nullable=False, default=0),
    Column("run_id", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("character_id", String, nullable=False),
    Column("prompt_id", String, nullable=False),
    Column("variation", Integer, nullable=False),
    Column("edition", String, nullable=False),
    Column("rendering_speed", String, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("credits", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("reference_sha256", String, nullable=False),
    Column("image_sha256", String),
    Column("mask_sha256", String),
    # Times are ISO 8601 UTC; intended_at is the provider's clock, by which its windows run,
    # and begun_at the same moment by ours, should that clock have been wrong.
    Column("intended_at", String, nullable=False),
    Column("begun_at", String),
    Column("submitted_at", String),
    Column("completed_at", String),
    Column("stored_at", String),
    Column("job_id", String, unique=True),
    Column("error", Text),
    Column("retriable", Integer, nullable=False, default=1),
    Column("path", String),
    Column("sha256", String),
    Column("bytes", Integer),
    Column("width", Integer),
    Column("height", Integer),
    Column("format", String),
    UniqueConstraint("fingerprint", "number"),
    CheckConstraint(f"state IN ({listed(STATES)})"),
    CheckConstraint("credits > 0"),
)
Index(
    "one_live_attempt",
    attempts.c.fingerprint,
    unique=True,
    sqlite_where=text(f"state IN ({listed(LIVE)})"),
)
Index("attempts_by_state", attempts.c.state)
Index("attempts_by_run", attempts.c.run_id)
Index("attempts_by_prompt", attempts.c.prompt_id, attempts.c.variation)

ledger = Table(
    "ledger",
    metadata,
    Column("entry_id", Integer, primary_key=True),
    Column("attempt_id", Integer, ForeignKey("attempts.id"), nullable=False),
    Column("entry_type", String, nullable=False),
    Column("credits", Integer, nullable=False),
    Column("price_source", String, nullable=False),
    Column("note", Text),
    Column("booked_at", String, nullable=False),
    UniqueConstraint("attempt_id", "entry_type"),
    CheckConstraint("entry_type IN ('charge', 'correction', 'refund')"),
)
APPEND_ONLY = tuple(
    f"CREATE TRIGGER IF NOT EXISTS ledger_no_{verb.lower()} BEFORE {verb} ON ledger "
    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for verb in ("UPDATE", "DELETE")
)

changes = Table(
    "changes",
    metadata,
    Column("character_id", String, primary_key=True),
    Column("mark", String, nullable=False),
)
"""A mark for each character, drawn anew whenever an attempt or a ledger entry of it is written, so
that the warehouse can tell whether it has these rows already."""


def _noting(name: str, event: str, character: str) -> str:
    # Not counted but drawn: a journal that was put back must not come to the same mark again.
    return (
        f"CREATE TRIGGER IF NOT EXISTS {name} AFTER {event} BEGIN "
        f"INSERT INTO changes SELECT {character}, hex(randomblob(8)) WHERE true "
        "ON CONFLICT (character_id) DO UPDATE SET mark = excluded.mark; END"
    )


CHANGES_NOTED = (
    _noting("attempt_begun", "INSERT ON attempts", "NEW.character_id"),
    _noting("attempt_changed", "UPDATE ON attempts", "NEW.character_id"),
    _noting(
        "entry_booked",
        "INSERT ON ledger",
        "(SELECT character_id FROM attempts WHERE id = NEW.attempt_id)",
    ),
)

uploads = Table(
    "uploads",
    metadata,
    Column("base_url", String, primary_key=True),
    Column("sha256", String, primary_key=True),
    Column("url", Text, nullable=False),
    Column("expires_at", String, nullable=False),
)
