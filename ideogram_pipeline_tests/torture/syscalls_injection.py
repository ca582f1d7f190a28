"""What strace is told to do to one call of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

Fault = Literal["kill", "EIO", "ENOSPC", "full"]
FAULTS: dict[Fault, str] = {
    "kill": "SIGKILL",
    "EIO": "EIO",
    "ENOSPC": "ENOSPC, once",
    "full": "ENOSPC from then on",
}
"""What may happen at a call, and its name for people; the last goes on at all later such calls."""


@dataclass(frozen=True, slots=True)
class Injection:
    """What happens at one call of a run."""

    fault: Fault
    call: str
    number: int
    """Of the calls with this name, from 1."""

    def __str__(self) -> str:
        return f"{self.fault} {self.call} {self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` has made."""
        fault, call, number = text.split()
        found: dict[str, Fault] = {name: name for name in FAULTS}
        return cls(found[fault], call, int(number))

    @property
    def option(self) -> str:
        """For strace."""
        what = {"kill": "signal=SIGKILL", "EIO": "error=EIO"}.get(self.fault, "error=ENOSPC")
        when = f"{self.number}+" if self.fault == "full" else str(self.number)
        return f"inject={self.call}:{what}:when={when}"
