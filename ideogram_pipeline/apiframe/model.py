"""The API's answers as types. Where sources disagree on a form, all forms are accepted.

A submit has an outcome, not an exception: what is known about the money afterwards is what
counts, and each class below says exactly that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

MODEL = "ideogram-character"

INPUT_PARAMS = ("character_reference_image", "image", "mask")
"""The parameters that carry the address of an input picture."""

RenderingSpeed = Literal["turbo", "default", "quality"]
"""The tier of a submission; it alone decides the price."""


@dataclass(frozen=True, slots=True)
class Job:
    """The provider's record of one paid submission, as last seen."""

    id: str
    status: str
    """QUEUED, PROCESSING, COMPLETED, FAILED, CANCELLED, or a word that we do not know yet."""
    model: str
    created_at: datetime | None
    completed_at: datetime | None = None
    result_urls: tuple[str, ...] = ()
    """Addresses found in ``result``, whatever its shape; empty when there is none yet."""
    credit_cost: int | None = None
    """Credits as the provider states them; 0 or ``None`` prove nothing."""
    error: str | None = None
    expired: bool = False
    """The provider has purged the files of this completed job."""
    input: Mapping[str, Any] | None = None
    """The submitted body as the provider echoes it; absent in lists."""
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_completed(self) -> bool:
        """The picture was made."""
        return self.status == "COMPLETED"

    @property
    def is_failed(self) -> bool:
        """The job ended without a picture."""
        return self.status in ("FAILED", "CANCELLED")

    @property
    def is_final(self) -> bool:
        """The status will not change any more."""
        return self.is_completed or self.is_failed


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of the account's jobs, newest first."""

    jobs: tuple[Job, ...]
    next_cursor: str | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class Account:
    """Who the key belongs to and what is left; credits are the whole team's."""

    credits: int | None
    """Balance in credits; ``None`` when the account has no team or hides it."""
    plan: str | None
    team_name: str | None
    team_id: str | None = field(default=None, kw_only=True)
    """Whose jobs and credits these are; ``None`` when the provider does not say."""
    max_concurrent_jobs: int | None
    """Jobs the account may have under way; ``None`` when the provider does not say."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An input picture at the provider; it lives for an hour or two."""

    url: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """202 with a job id: the job exists and its credits are taken."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """400 (or another definite 4xx): no job, nothing charged; the same body will never do."""

    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """401 or 403: the key may not; nothing charged; no other submit will fare better."""

    message: str


@dataclass(frozen=True, slots=True)
class OutOfCredits:
    """402: nothing charged."""

    message: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """429: nothing charged; come back after ``retry_after`` seconds (``None``: not said)."""

    retry_after: float | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """409: this key was used with another body before; a job for it exists or existed."""

    message: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """No connection was made, so nothing can have been charged."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have left and no readable answer came: a job may exist and be paid.

    Timeouts and resets after connecting, every 5xx, and a 2xx without a readable job id.
    """

    reason: str
    retry_after: float | None = None
    """Seconds that the answer asks to wait, where there was one."""


SubmitOutcome = (
    Accepted | Rejected | Refused | OutOfCredits | Throttled | Conflict | NotSent | Unknown
)
