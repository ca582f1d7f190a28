"""A case of the crash matrix: a chain of kills, the provider that it meets, and its weather."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal, Self

from ideogram_pipeline_tests.torture.points import Mine

Group = Literal["named", "random", "faults", "engine"]
Mode = Literal["honoured", "hidden", "ignored", "outage"]
Weather = Literal["calm", "unlucky", "storm"]

GROUPS: dict[Group, str] = {
    "named": "named points",
    "random": "random instants",
    "faults": "both, with faults",
    "engine": "both, engine alone",
}
"""The last is on request: a process that does what the command does without Dagster around it
(plan, generate, publish the books), and so is killed within the protocol nearly every time."""
USUAL_GROUPS: tuple[Group, ...] = ("named", "random", "faults")
"""All of the real command."""
MODES: dict[Mode, str] = {
    "honoured": "keys honoured",
    "hidden": "input hidden",
    "ignored": "keys ignored",
    "outage": "25 h outage",
}
"""What saves the money. A provider that ignores keys leaves only the look at its jobs; one that
hides what they were asked for, only the same key once more; and after a long pause between a kill
and the next run, it knows keys and files no longer."""

OUTAGE_SECONDS = 25 * 3600.0
"""Longer than the provider keeps a key or a file, and than we replay a request."""
FIRST_IMAGES = 3
MORE_IMAGES = 2
"""Planned images of a case's first run, and how many the catalog has more at each later one, so
that every run of a chain has something to buy besides what it has to bring home."""


@dataclass(frozen=True, slots=True)
class Timer:
    """A kill by the clock, whatever the process is at."""

    since: Literal["start", "engine"]
    """The process's start, or the moment at which its engine takes up work."""
    seconds: float

    def __str__(self) -> str:
        return f"{self.since} + {self.seconds:.3f} s"


Kill = Mine | Timer


def parse_kill(text: str) -> Kill:
    """Read what ``str`` has made of a kill."""
    since, plus, rest = text.partition(" + ")
    if not plus:
        return Mine.parse(text)
    return Timer("engine" if since == "engine" else "start", float(rest.removesuffix(" s")))


@dataclass(frozen=True, slots=True)
class Case:
    """A chain: for each kill a run that dies by it, then whole runs until all is settled."""

    group: Group
    mode: Mode
    weather: Weather
    seed: int
    """Of the sandbox and its faults."""
    kills: tuple[Kill, ...]

    def images(self, run: int) -> int:
        """Planned images in the catalog of the ``run``-th run, from 0."""
        return FIRST_IMAGES + MORE_IMAGES * run

    def as_text(self) -> str:
        """All of it, in one line that ``--case`` takes."""
        return json.dumps(
            {
                "group": self.group,
                "mode": self.mode,
                "weather": self.weather,
                "seed": self.seed,
                "kills": [str(kill) for kill in self.kills],
            }
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``as_text`` has written."""
        said = json.loads(text)
        kills = tuple(map(parse_kill, said["kills"]))
        return cls(said["group"], said["mode"], said["weather"], said["seed"], kills)
