"""What one exchange with the provider means: for the money of a submit, or for a question asked.

Pure functions over what came back; the network part is in ``client``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import httpx

from ideogram_pipeline.apiframe import decoding
from ideogram_pipeline.apiframe.errors import (
    KeyRefused,
    NotFound,
    ProviderError,
    Transient,
    Unreachable,
)
from ideogram_pipeline.apiframe.model import (
    Accepted,
    Conflict,
    NotSent,
    OutOfCredits,
    Refused,
    Rejected,
    SubmitOutcome,
    Throttled,
    Unknown,
)
from ideogram_pipeline.apiframe.retry_after import retry_after

_GIVEN_UP_ON: Final = frozenset((408, 425, 460, 499))
"""4xx by which a server or a proxy before it says "not in time": the request may have gone on.
460 and 499 are those of AWS load balancers and of nginx."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of which at least the status line and the headers arrived."""

    status: int
    headers: httpx.Headers
    body: bytes | None
    """``None`` where the body broke off; ``trouble`` then says how."""
    now: datetime
    """The provider's time when it arrived, for a ``Retry-After`` date without ``Date``."""
    trouble: str = ""

    @property
    def request_id(self) -> str | None:
        """The provider's name of this request, where it gives one."""
        return decoding.one_line(self.headers.get("x-request-id", ""))[:100] or None

    @property
    def retry_after(self) -> float | None:
        """Seconds that the provider asks to wait."""
        return retry_after(self.headers, now=self.now)

    @property
    def message(self) -> str:
        """Status and what the body says about it, on one line."""
        said = decoding.error_message(self.body) or self.trouble
        return f"HTTP {self.status}: {said}" if said else f"HTTP {self.status}"

    def json(self) -> Any:
        """The body's JSON.

        Raises:
            ValueError: If the body broke off or is not JSON.
        """
        if self.body is None:
            raise ValueError(self.trouble)
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Not even a status line arrived."""

    reason: str
    never_left: bool
    """It is certain that nothing was sent."""


def outcome(exchange: Answer | NoAnswer) -> SubmitOutcome:
    """What is known about the money after a submit; in doubt, ``Unknown``."""
    if isinstance(exchange, NoAnswer):
        if exchange.never_left:
            return NotSent(exchange.reason)
        return Unknown(exchange.reason)
    status, message = exchange.status, _with_request_id(exchange)
    if 200 <= status < 300:
        return _accepted(exchange) or Unknown(
            f"{message} (no readable jobId)", exchange.retry_after
        )
    if status in (401, 403):
        return Refused(message)
    if status == 402:
        return OutOfCredits(f"{message}{_amounts(exchange)}")
    if status == 409:
        return Conflict(message)
    if status == 429:
        return Throttled(exchange.retry_after)
    if 400 <= status < 500 and status not in _GIVEN_UP_ON:
        return Rejected(message)
    return Unknown(message, exchange.retry_after)


def error(exchange: Answer | NoAnswer, *, base_url: str) -> ProviderError:
    """The error of a question that was not answered with a readable 2xx."""
    if isinstance(exchange, NoAnswer):
        if exchange.never_left:
            return Unreachable(
                f"Cannot reach {base_url}: {exchange.reason}. "
                "Check the network, APIFRAME_BASE_URL, and that a server runs there."
            )
        return Transient(f"No answer from {base_url}: {exchange.reason}")
    status = exchange.status
    kind: type[ProviderError] = ProviderError
    message = exchange.message
    if 200 <= status < 300:
        kind, message = Transient, f"HTTP {status} with a body that is not whole JSON"
        message += f" ({exchange.trouble})" if exchange.trouble else ""
    elif status in (401, 403):
        kind = KeyRefused
        message += ". The key in APIFRAME_API_KEY is wrong, inactive, or not allowed to do this."
    elif status == 404:
        kind = NotFound
    elif status == 429 or status >= 500 or status in _GIVEN_UP_ON:
        kind = Transient
    elif 300 <= status < 400:
        message = (
            f"HTTP {status}: the provider redirects elsewhere, which is not followed because the "
            f"key would travel along. Check APIFRAME_BASE_URL (now {base_url})."
        )
    return kind(message, request_id=exchange.request_id, retry_after=exchange.retry_after)


def _accepted(answer: Answer) -> Accepted | None:
    try:
        data = answer.json()
    except ValueError:
        return None
    identity = decoding.job_id(data.get("jobId")) if isinstance(data, dict) else None
    return Accepted(identity) if identity else None


def _amounts(answer: Answer) -> str:
    """What a 402 says of the amounts, where it names them."""
    try:
        data = answer.json()
    except ValueError:
        return ""
    fields = data if isinstance(data, dict) else {}
    required = decoding.whole(fields.get("creditsRequired"))
    available = decoding.whole(fields.get("creditsAvailable"))
    if required is None or available is None:
        return ""
    return f" ({required:,} credits needed, {available:,} left)"


def _with_request_id(answer: Answer) -> str:
    name = answer.request_id
    return f"{answer.message} [request {name}]" if name else answer.message
