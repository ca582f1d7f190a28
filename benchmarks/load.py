"""One measurement of `python -m benchmarks`: a buyer, a provider, and the provider's own counts.

Both are processes of their own. What a buyer says of itself is not believed, except for what only
it can know: the CPU and the memory that it needs.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.buyers import Buyer
from benchmarks.environment import buyers_environment
from benchmarks.places import new_place
from benchmarks.sandbox_process import sandbox_process
from ideogram_pipeline.sandbox.contract import PRICES
from ideogram_pipeline_tests.support import call, write_catalog

PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Load:
    """What is to be made, and what the account is like."""

    images: int
    slots: int
    """Jobs that the account works on at a time."""
    latency: float
    """Seconds of every job; no chance, so that the ideal is known."""
    characters: int = 1
    tiny: bool = True
    limit: int | None = None
    """The user's own limit; none: the account's."""
    refuses: bool = False
    """The account answers 429 beyond its slots, and does not say how many it has."""
    requests_per_minute: int = 100_000
    """The limit that the engine keeps; out of the way where nothing else is said."""
    poll_interval: float | None = None
    """Seconds between the engine's looks, at most; none: its default."""

    @property
    def ideal(self) -> float:
        """Seconds that nobody can beat: as many waves as the slots need, the last one included."""
        return math.ceil(self.images / self.slots) * self.latency

    @property
    def scale(self) -> float:
        """How many times faster jobs are than the real ones, which take about 25 s.

        The intervals at which the others look at jobs are shorter by as much, so that they are late
        by the share of a job's time by which they are at real speed.
        """
        return 25.0 / self.latency


@dataclass(frozen=True)
class Counts:
    """What the server has counted."""

    seconds: float
    """From the first accepted submission to the last picture served, by the server's clock."""
    pictures: int
    """Jobs that were completed."""
    served: int
    """Pictures that were served whole."""
    submits: int
    refused: int
    """Submissions answered with 429."""
    looks: int
    downloads: int
    uploads: int
    others: int
    """Questions about the account."""
    most_in_flight: int

    @classmethod
    def of(cls, truth: Mapping[str, Any]) -> Counts:
        """Read the sandbox's books."""
        requests: dict[str, dict[str, int]] = truth["requests"]

        def number(*routes: str) -> int:
            return sum(sum(requests.get(route, {}).values()) for route in routes)

        return cls(
            seconds=_seconds_between(truth["firstJobAt"], truth["downloads"]["lastAt"]),
            pictures=truth["jobsByStatus"].get("COMPLETED", 0),
            served=truth["downloads"]["count"],
            submits=number("generate"),
            refused=requests.get("generate", {}).get("429", 0),
            looks=number("job", "jobs"),
            downloads=number("picture"),
            uploads=number("uploads"),
            others=number("me"),
            most_in_flight=truth["peakInFlight"],
        )


@dataclass(frozen=True)
class Outcome:
    """How a load was borne."""

    load: Load
    counts: Counts
    buyer_cpu: float
    """Seconds of CPU of the buyer's processes, from their start to their end."""
    server_cpu: float
    said: Mapping[str, float]
    """What the buyer has noted of itself: of the engine's process, see ``engine_process``."""
    closing: float = 0.0
    """Seconds from the last picture served to the end of the buyer's process."""

    @property
    def over_ideal(self) -> float:
        """Time / ideal."""
        return self.counts.seconds / self.load.ideal

    @property
    def images_a_second(self) -> float:
        """Pictures bought and served in a second."""
        return self.load.images / self.counts.seconds

    @property
    def requests_an_image(self) -> float:
        """All but uploads, whatever was answered."""
        found = self.counts
        asked = found.submits + found.looks + found.downloads + found.others
        return asked / self.load.images

    @property
    def share_refused(self) -> float:
        """Share of the submissions that were answered with 429, in percent."""
        return 100 * self.counts.refused / self.counts.submits


def bear(load: Load, buyer: Buyer) -> Outcome:
    """Let a buyer make all pictures of a load, from a new provider and in a new folder.

    Raises:
        RuntimeError: It did not end well, did not fetch exactly the pictures of the load, does not
            have them, or let more jobs than the account's slots wait at the provider, which would
            hide that it is slow.
    """
    place = new_place()
    names = [f"c{number}" for number in range(load.characters)]
    rows = load.images // load.characters
    catalog = write_catalog(Path(place, "catalog"), characters=names, prompts=rows)
    home = Path(place, "home")
    home.mkdir()
    before = _children_cpu()
    with sandbox_process(
        opening_credits=2 * PRICES["turbo"] * load.images,
        tiny=load.tiny,
        more=_account(load),
    ) as url:
        said, cpu = _buy(load, buyer, url, catalog, home)
        ended = datetime.now(UTC)
        truth = call(f"{url}/sandbox/truth?summary=1")
        counts = Counts.of(truth)
    server_cpu = _children_cpu() - before - cpu
    kept = sum(1 for _ in home.rglob("*.png"))
    if (counts.pictures, counts.served) != (load.images, load.images) or kept < load.images:
        raise RuntimeError(f"{buyer.name}: {counts} of {load}, {kept} kept")
    if counts.most_in_flight > load.slots:
        raise RuntimeError(f"{buyer.name}: more jobs than slots: {counts} of {load}")
    closing = (ended - datetime.fromisoformat(truth["downloads"]["lastAt"])).total_seconds()
    return Outcome(load, counts, cpu, server_cpu, said, closing)


def _account(load: Load) -> list[str]:
    words = [f"--latency={load.latency}", f"--max-concurrent={load.slots}"]
    return [*words, "--reject-over-limit", "--hide-max-concurrent"] if load.refuses else words


def _buy(
    load: Load, buyer: Buyer, url: str, catalog: str, home: Path
) -> tuple[dict[str, float], float]:
    noted = home.with_name("said.json")
    environment = buyers_environment(url, catalog, home) | {
        "IDEOGRAM_PIPELINE_MAX_IN_FLIGHT": str(load.limit or load.slots),
        "IDEOGRAM_PIPELINE_REQUESTS_PER_MINUTE": str(load.requests_per_minute),
    }
    if load.poll_interval is not None:
        environment["IDEOGRAM_PIPELINE_POLL_INTERVAL"] = str(load.poll_interval)
    before = _children_cpu()
    ended = subprocess.run(
        buyer.command(catalog, home, noted, at_a_time=load.limit or load.slots, scale=load.scale),
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    if ended.returncode != 0:
        raise RuntimeError(f"{buyer.name} ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
    cpu = _children_cpu() - before
    return json.loads(noted.read_text()) if noted.exists() else {}, cpu


def _children_cpu() -> float:
    """Seconds of CPU of all processes that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seconds_between(first: str, last: str) -> float:
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
