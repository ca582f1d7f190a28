"""What can be chosen when a sandbox is started."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ideogram_pipeline.sandbox.faults import Faults

ResultShape = Literal["images", "string", "mixed"]
NO_FAULTS = Faults()

WebhookSignature = Literal["raw", "hex"]


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """The choices; the defaults are an account in good standing at a provider without faults."""

    opening_credits: int = 10_000
    """Balance of a new state, in credits."""
    speed: float = 1.0
    """How many times faster than the real provider jobs are done."""
    latency: float | None = None
    """Seconds from a free worker to the end of a job, the same for all and whatever the speed;
    none: by tier, speed and chance."""
    seed: int = 0
    """Chance (durations, faults) is drawn from this seed, so that runs repeat."""
    max_concurrent_jobs: int = 10
    """Jobs of the team that are worked on at a time; the others queue."""
    tell_max_concurrent: bool = True
    """Whether `/v2/me` names the limit."""
    reject_over_limit: bool = False
    """Answer 429 to a submission over the limit instead of queueing it."""
    keys: frozenset[str] = frozenset()
    """The only API keys that are let in; none named: every `afk_...` key."""
    result_shape: ResultShape = "images"
    """`{"images": [url]}`, a bare URL string, or one or the other by job."""
    hide_input: bool = False
    """Leave `input` out of jobs."""
    ignore_idempotency_keys: bool = False
    """Make and charge a new job for every submission, as if no key had been sent."""
    webhook_signature: WebhookSignature = "raw"
    """HMAC key of webhooks: the 32 raw bytes of SHA-256(API key), or its 64 hex characters."""
    tiny: bool = False
    """Draw pictures of few pixels, for load tests."""
    model_version: str = "1"
    """Another version draws other pictures for the same requests, as a model update would."""
    slow_seconds: float = 5.0
    """Delay of the fault `slow`, in real seconds."""
    faults: Faults = NO_FAULTS
    """Probabilities of faults."""
    clock: Callable[[], float] = time.time
    """UTC as seconds since 1970; the whole sandbox, its `Date` headers too, follows it."""
