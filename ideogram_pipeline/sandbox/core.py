"""The sandbox as one thing: its options, its state, its faults and its clock."""

from __future__ import annotations

import math
import time
from functools import lru_cache

from ideogram_pipeline.sandbox.faults import FaultPlan
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.state import State

HOUR_MS = 3_600_000


class Sandbox:
    """What every part of the sandbox works on."""

    def __init__(self, options: SandboxOptions, state: State) -> None:
        self.options = options
        self.state = state
        self.faults = FaultPlan(state, options.faults, options.seed)
        self.open_account()

    def open_account(self) -> None:
        """Give a new state its opening credits; an old one keeps what it has."""
        self.state.execute(
            "INSERT OR IGNORE INTO account(only, opening) VALUES (1, ?)",
            (self.options.opening_credits,),
        )

    def now_ms(self) -> int:
        """The sandbox's time: UTC in milliseconds since 1970, advanced as tests asked for."""
        offset: int = self.state.row("SELECT clock_offset_ms FROM account")[0]
        return int(self.options.clock() * 1000) + offset

    def balance(self, now: int) -> int:
        """Credits that the team can spend at ``now``; refunds are in it once their job failed."""
        left: int = self.state.row(
            "SELECT opening + purchased - charged + (SELECT coalesce(sum(refund), 0) FROM jobs"
            " WHERE refund > 0 AND finished_ms <= ?) FROM account",
            (now,),
        )[0]
        return left


class Refusal(Exception):
    """An answer other than success, as the provider would give it.

    ``content`` is the JSON body, or a page of HTML.
    """

    def __init__(
        self, status: int, content: dict[str, object] | str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, content)
        self.status = status
        self.content = content
        self.headers = headers


def refuse(status: int, error: str, **more: object) -> Refusal:
    """A refusal with the provider's usual body."""
    return Refusal(status, {"error": error, **more})


def too_many(error: str, seconds: float) -> Refusal:
    """A 429 with its `Retry-After`, in whole seconds, at least 1."""
    return Refusal(429, {"error": error}, {"Retry-After": str(max(1, math.ceil(seconds)))})


def timestamp(milliseconds: int) -> str:
    """ISO 8601 in UTC with milliseconds, as the provider writes it."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
