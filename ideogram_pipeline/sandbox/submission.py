"""Accepting a submission: in one transaction the job, its charge and its idempotency key."""

from __future__ import annotations

import hashlib
import random
import uuid
from dataclasses import dataclass

from ideogram_pipeline.sandbox.contract import (
    PRICES,
    GenerateImageRequest,
    JobStatus,
    canonical,
)
from ideogram_pipeline.sandbox.core import HOUR_MS, Sandbox, refuse, too_many
from ideogram_pipeline.sandbox.faults import Strike
from ideogram_pipeline.sandbox.jobs import find_job
from ideogram_pipeline.sandbox.uploads import UnknownUploadError, resolve

IDEMPOTENCY_MS = 24 * HOUR_MS
"""How long a key is remembered, from its first use."""

PICKUP_SECONDS = 0.3
"""From submission until a free worker takes the job, at speed 1."""

USUAL_SECONDS = {"turbo": 6.0, "default": 12.0, "quality": 20.0}
"""Time of a job by rendering speed, at speed 1; single jobs spread around it."""

_URL_LATE_SECONDS = 30.0
_FATES: dict[str, tuple[JobStatus, str]] = {
    "job_failed": ("FAILED", "provider_error"),
    "job_refused": ("FAILED", "Provider returned an error: content policy violation"),
    "job_failed_no_refund": ("FAILED", "provider_timeout"),
    "job_cancelled": ("CANCELLED", "Job was cancelled"),
}


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to a submission."""

    job_id: str
    status: JobStatus
    is_new: bool
    """False for a replay."""


@dataclass(frozen=True, slots=True)
class _Life:
    """How a job will go, in real seconds after a worker took it."""

    fate: JobStatus
    error: str | None
    seconds: float
    url_late: float
    refunded: bool


def note_key(sandbox: Sandbox, key: str | None) -> None:
    """Count a submission for the truth, whatever becomes of it."""
    if key is not None:
        sandbox.state.execute(
            "INSERT INTO keys_seen(key, submissions) VALUES (?, 1)"
            " ON CONFLICT (key) DO UPDATE SET submissions = submissions + 1",
            (key,),
        )


def submit(
    sandbox: Sandbox, user: str, request: GenerateImageRequest, key: str | None
) -> Submitted:
    """Accept a checked submission, or give back the job that its key already has.

    Raises:
        Refusal: 402, 409, or 429; then nothing is charged, and the key is as it was.
    """
    with sandbox.state.transaction():
        now = sandbox.now_ms()
        body = hashlib.sha256(canonical(request).encode()).hexdigest()
        original = None
        if key is not None and not sandbox.options.ignore_idempotency_keys:
            original = _original_of(sandbox, user, key, body, now)
        return original or _accept(sandbox, user, request, key, body, now)


def _original_of(sandbox: Sandbox, user: str, key: str, body: str, now: int) -> Submitted | None:
    row = sandbox.state.row(
        "SELECT body, job_id FROM idempotency WHERE user = ? AND key = ? AND created_ms > ?",
        (user, key, now - IDEMPOTENCY_MS),
    )
    if row is None:
        return None
    if row[0] != body:
        raise refuse(409, "Idempotency-Key was already used with a different request body")
    job = find_job(sandbox, row[1])
    return Submitted(job.id, job.status(now), is_new=False) if job else None


def _accept(
    sandbox: Sandbox,
    user: str,
    request: GenerateImageRequest,
    key: str | None,
    body: str,
    now: int,
) -> Submitted:
    state, options = sandbox.state, sandbox.options
    in_flight = state.row("SELECT count(*) FROM jobs WHERE finished_ms > ?", (now,))[0]
    if options.reject_over_limit and in_flight >= options.max_concurrent_jobs:
        free = state.row("SELECT min(finished_ms) FROM jobs WHERE finished_ms > ?", (now,))[0]
        raise too_many("Concurrent job limit reached", (free - now) / 1000)
    price = PRICES[request["ideogramParams"].get("rendering_speed", "default")]
    available = sandbox.balance(now)
    if available < price:
        raise refuse(402, "Insufficient credits", creditsRequired=price, creditsAvailable=available)

    number = state.bump("jobs")
    life, inputs = _decide(sandbox, request, number, now)
    pickup = PICKUP_SECONDS / options.speed if options.latency is None else 0.0
    started = max(now + _ms(pickup), _slot_free_at(sandbox, now))
    finished = started + _ms(life.seconds)
    shape = options.result_shape
    if shape == "mixed":
        shape = "string" if number % 2 else "images"
    job_id = str(uuid.uuid4())
    state.execute(
        f"INSERT INTO jobs VALUES ({', '.join('?' * 18)})",
        (
            job_id,
            user,
            key,
            canonical({k: v for k, v in request.items() if not k.startswith("webhook")}),
            price,
            price if life.refunded else 0,
            life.fate,
            life.error,
            shape,
            now,
            started,
            finished,
            finished + _ms(life.url_late),
            inputs.get("character_reference_image"),
            inputs.get("image"),
            inputs.get("mask"),
            "pending" if "webhookUrl" in request else None,
            0,
        ),
    )
    state.execute(
        "UPDATE account SET charged = charged + ?, peak_in_flight = max(peak_in_flight, ?)",
        (price, in_flight + 1),
    )
    if key is not None:
        state.execute(
            "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?)",
            (user, key, body, job_id, now),
        )
        state.execute("UPDATE keys_seen SET jobs = jobs + 1 WHERE key = ?", (key,))
    return Submitted(job_id, "QUEUED", is_new=True)


def _decide(
    sandbox: Sandbox, request: GenerateImageRequest, number: int, now: int
) -> tuple[_Life, dict[str, str | None]]:
    """How job ``number`` will go, and its uploaded inputs by field."""
    params = request["ideogramParams"]
    options = sandbox.options
    seconds = options.latency
    if seconds is None:
        usual = USUAL_SECONDS[params.get("rendering_speed", "default")] / options.speed
        chance = random.Random(f"{options.seed}/duration/{number}")
        seconds = usual * min(2.5, max(0.6, chance.lognormvariate(0.0, 0.25)))
    try:
        inputs: dict[str, str | None] = {
            field: resolve(sandbox, params[field], field, now)
            for field in ("character_reference_image", "image", "mask")
            if field in params
        }
    except UnknownUploadError as error:
        return _Life("FAILED", str(error), 1.0 / options.speed, 0.0, refunded=True), {}
    strike = sandbox.faults.strike("generate", job=True)
    return _life_after(strike, seconds, options.speed), inputs


def _life_after(strike: Strike | None, seconds: float, speed: float) -> _Life:
    if strike is None:
        return _Life("COMPLETED", None, seconds, 0.0, refunded=False)
    if strike.name == "url_later":
        late = _URL_LATE_SECONDS / speed if strike.seconds is None else strike.seconds
        return _Life("COMPLETED", None, seconds, late, refunded=False)
    fate, error = _FATES[strike.name]
    refunded = strike.name != "job_failed_no_refund"
    return _Life(fate, strike.error or error, 0.6 * seconds, 0.0, refunded)


def _slot_free_at(sandbox: Sandbox, now: int) -> int:
    """When a worker is free. First come, first served: the limit-th last end of all jobs."""
    row = sandbox.state.row(
        "SELECT finished_ms FROM jobs WHERE finished_ms > ? ORDER BY finished_ms DESC"
        " LIMIT 1 OFFSET ?",
        (now, sandbox.options.max_concurrent_jobs - 1),
    )
    return row[0] if row else now


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
