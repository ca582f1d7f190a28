"""What a run has done, in numbers that a person, a script and Dagster all read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Fate = Literal["made", "reused", "deferred", "running", "failed", "blocked"]
"""How a planned image ended in this run.

made: stored in this run (bought now, or paid before and fetched now); reused: on file before;
deferred: not bought because a limit was reached; running: paid and under way at the provider, to be
fetched by the next run; failed: not there, and running again may help; blocked: needs a person.
"""


@dataclass(frozen=True, slots=True)
class NotBegun:
    """Why a wanted picture was not even attempted."""

    fate: Fate
    reason: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """An image that a run did not bring home, and why."""

    character_id: str
    prompt_id: str
    variation: int
    edition: str
    fate: Fate
    reason: str


@dataclass(slots=True)
class CharacterReport:
    """The counts of one character, in images and credits."""

    character_id: str
    fates: dict[Fate, int] = field(default_factory=dict)
    credits: int = 0
    """Net credits of the attempts that this run started: charges less refunds."""
    credits_avoided: int = 0
    """Price of the images that were reused instead of bought again."""
    troubles: list[Trouble] = field(default_factory=list)

    def count(self, fate: Fate) -> int:
        """Number of planned images with this fate."""
        return self.fates.get(fate, 0)

    @property
    def planned(self) -> int:
        """Number of planned images."""
        return sum(self.fates.values())


@dataclass(frozen=True, slots=True)
class RunReport:
    """The outcome of one run of the engine."""

    run_id: str
    provider: str
    characters: Mapping[str, CharacterReport]
    quote: int
    """Credits that the plan announced."""
    unknown_credits: int
    """Price of the attempts that this run started and of which it is not known whether they were
    accepted: spent at most."""
    balance_before: int | None
    balance_after: int | None
    requests: int
    """API requests sent, without downloads."""
    seconds: float
    untouched: frozenset[str] = frozenset()
    """Files that, when the run began, had their size, and that nobody had written to since they
    were stored; paths below the mode's folder."""

    def count(self, fate: Fate) -> int:
        """Number of planned images with this fate, over all characters."""
        return sum(report.count(fate) for report in self.characters.values())

    @property
    def credits(self) -> int:
        """Net credits of the attempts that this run started."""
        return sum(report.credits for report in self.characters.values())

    @property
    def troubles(self) -> list[Trouble]:
        """Every image that was not brought home."""
        return [trouble for report in self.characters.values() for trouble in report.troubles]

    @property
    def exit_code(self) -> int:
        """0 all stored, 3 something deferred or still running, 4 something failed or blocked."""
        if self.count("failed") or self.count("blocked"):
            return 4
        if self.count("deferred") or self.count("running"):
            return 3
        return 0


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a run, for a progress bar."""

    run_id: str
    planned: int
    """Images that this run has to bring home."""
    made: int
    in_flight: int
    failed: int
    deferred: int
    credits_spent: int
    credits_quoted: int
    activity: str
    """What is being waited for, in words."""


ProgressListener = Callable[[Progress], None]
