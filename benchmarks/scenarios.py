"""What `python -m benchmarks` measures: each scenario is a function, with its goals beside it.

``quick`` makes each one small: it shows that the measuring works, and no more.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.buyers import DAGSTER_RUN, ENGINE, OP_PER_IMAGE, SCRIPT, VENDOR_STYLE
from benchmarks.environment import COMMAND, PROJECT, empty_environment
from benchmarks.figures import Figure, Goal
from benchmarks.load import Load, Outcome, bear
from benchmarks.planning import planning, ticks, unchanged

Scenario = Callable[[bool], list[Figure]]


def fifty_slots(quick: bool) -> list[Figure]:
    """The usual large account; jobs of 2 s, and the others at the same."""
    load = Load(24, 8, 0.5) if quick else Load(1_000, 50, 2.0)
    name, found = "50 slots", bear(load, ENGINE)
    figures = [
        Figure(name, f"{_of(load)}: time / ideal", found.over_ideal, goal=Goal(1.05)),
        *_beside(name, found),
    ]
    for buyer in (VENDOR_STYLE, SCRIPT):
        other = bear(load, buyer)
        figures.append(Figure(name, f"{buyer.name}: time / ideal", other.over_ideal))
        figures += _beside(name, other, of=f"{buyer.name}: ")
    return figures


def five_hundred_slots(quick: bool) -> list[Figure]:
    """An account so large, and jobs so short, that only our own work is left to wait for."""
    load = Load(24, 24, 0.25) if quick else Load(1_000, 500, 0.5)
    name, found = "500 slots", bear(load, ENGINE)
    return [
        Figure(name, f"{_of(load)}: time / ideal", found.over_ideal, goal=Goal(1.5)),
        Figure(name, "the same: images", found.images_a_second, "/s", Goal(300, at_least=True)),
        *_beside(name, found),
        Figure(name, "CPU an image", _each(found, found.said["cpu"]), "ms"),
        *(
            Figure(name, f"of it {what}", _each(found, found.said[f"cpu of {thread}"]), "ms")
            for thread, what in _THREADS.items()
            if f"cpu of {thread}" in found.said
        ),
        Figure(name, "server: CPU an image", _each(found, found.server_cpu), "ms"),
    ]


_THREADS = {
    "MainThread": "the event loop: requests and answers",
    "journal": "the journal",
    "disk": "files: writing, fsync, rename",
    "asyncio": "decoding",
}
"""What the threads of the engine do, by the beginning of their names."""


def requests(quick: bool) -> list[Figure]:
    """Requests for a picture that takes 25 s, ten times faster.

    The waits between looks are ten times shorter, and the engine's limit on requests a minute, 400
    by default, is ten times higher. Everywhere else the waits are the engine's defaults.
    """
    load = Load(16, 8, 0.5)
    if not quick:
        load = Load(1_000, 50, 2.5, requests_per_minute=4_000, poll_interval=0.3)
    name, found = "requests", bear(load, ENGINE)
    what = f"{_of(load)} (25 s, {load.scale:g} x): requests an image"
    figures = [
        Figure(name, what, found.requests_an_image, goal=Goal(2.2)),
        Figure(name, "of them looks at jobs", found.counts.looks / load.images),
        Figure(name, "time / ideal", found.over_ideal),
    ]
    for buyer in (VENDOR_STYLE, SCRIPT):
        other = bear(load, buyer)
        figures += [
            Figure(name, f"{buyer.name}: requests an image", other.requests_an_image),
            Figure(name, f"{buyer.name}: time / ideal", other.over_ideal),
        ]
    return figures


def refusing_account(quick: bool) -> list[Figure]:
    """An account that does not say how many jobs it takes, and refuses more than 8."""
    load = Load(12, 4, 0.5, limit=8, refuses=True)
    if not quick:
        load = Load(200, 8, 4.0, limit=64, refuses=True)
    name, found = "429", bear(load, ENGINE)
    what = f"{_of(load)}, 429 beyond, user's limit {load.limit}"
    return [
        Figure(name, f"{what}: time / ideal", found.over_ideal, goal=Goal(1.15)),
        Figure(name, "the same: submissions refused", found.share_refused, "%", Goal(3)),
        *_beside(name, found),
    ]


def cpu(quick: bool) -> list[Figure]:
    """What a tiny image costs this machine: the engine's process from plan to report."""
    load = Load(20, 10, 0.2) if quick else Load(1_000, 100, 1.0)
    name, found = "cpu", bear(load, ENGINE)
    return [
        Figure(name, f"{_of(load)}: CPU an image", _each(found, found.said["cpu"]), "ms", Goal(4)),
        Figure(name, "with imports and plan: CPU an image", _each(found, found.buyer_cpu), "ms"),
        Figure(name, "server: CPU an image", _each(found, found.server_cpu), "ms"),
    ]


def memory(quick: bool) -> list[Figure]:
    """Ten times as many images in the same memory, but for their rows."""
    few = Load(10, 10, 0.2) if quick else Load(1_000, 200, 1.0)
    many = Load(40, 10, 0.2) if quick else Load(10_000, 200, 1.0)
    peaks = [bear(load, ENGINE).said["peak_mb"] for load in (few, many)]
    more = f"{many.images:,} images against {few.images:,}: peak of memory"
    return [
        Figure("memory", more, peaks[1] - peaks[0], "MB more", Goal(30)),
        Figure("memory", f"{few.images:,} images: peak of memory", peaks[0], "MB"),
        Figure("memory", f"{many.images:,} images: peak of memory", peaks[1], "MB"),
    ]


def full_size(quick: bool) -> list[Figure]:
    """Pictures of a megapixel, which the server has to draw and the engine to decode."""
    load = Load(8, 4, 1.0, tiny=False) if quick else Load(80, 8, 6.0, tiny=False)
    name, found = "full size", bear(load, ENGINE)
    return [
        Figure(name, f"{_of(load)}, 1 megapixel: time / ideal", found.over_ideal, goal=Goal(1.05)),
        *_beside(name, found),
        Figure(name, "CPU an image", _each(found, found.said["cpu"]), "ms"),
    ]


def op_per_image(quick: bool) -> list[Figure]:
    """The way that Dagster's documents suggest for many things at a time."""
    load = Load(2, 2, 0.5) if quick else Load(16, 8, 2.0)
    figures = []
    for buyer in (ENGINE, OP_PER_IMAGE):
        found = bear(load, buyer)
        figures += [
            Figure("op", f"{_of(load)}, {buyer.name}: time / ideal", found.over_ideal),
            Figure("op", f"{buyer.name}: CPU an image", _each(found, found.buyer_cpu), "ms"),
        ]
    return figures


def many_characters(quick: bool) -> list[Figure]:
    """One run of the job `refresh` over a range of characters, an image for each."""
    images = 5 if quick else 1_000
    found = bear(Load(images, images // 5, 0.2, characters=images), DAGSTER_RUN).said
    each = {name: 1000 * found[name] / images for name in ("run", "other_rooms", "engine")}
    what = f"{images:,} characters in one run: Dagster's overhead for each"
    return [
        Figure("characters", what, each["run"] - each["other_rooms"], "ms", Goal(30)),
        Figure("characters", "all of the run for each", each["run"], "ms"),
        Figure("characters", "of it the engine", each["engine"], "ms"),
        Figure(
            "characters",
            "of it plan, books, recipes, gallery",
            each["other_rooms"] - each["engine"],
            "ms",
        ),
    ]


def start(quick: bool) -> list[Figure]:
    """Seconds until anything happens; the middle one of some tries."""
    load = "import dagster as dg, ideogram_pipeline.definitions as d; "
    load += "dg.Definitions.validate_loadable(d.defs)"
    tries = 1 if quick else 5
    with TemporaryDirectory() as home:
        loading = median(
            _seconds([sys.executable, "-W", "ignore", "-c", load], home) for _ in range(tries)
        )
        helping = median(_seconds([str(COMMAND), "--help"], home) for _ in range(tries))
    return [
        Figure("start", "Dagster's definitions load", loading, "s", Goal(2.5)),
        Figure("start", "ideogram-pipeline --help", helping, "s", Goal(0.4)),
    ]


SCENARIOS: Mapping[str, Scenario] = {
    "fifty-slots": fifty_slots,
    "five-hundred-slots": five_hundred_slots,
    "requests": requests,
    "refusing-account": refusing_account,
    "cpu": cpu,
    "memory": memory,
    "full-size": full_size,
    "op-per-image": op_per_image,
    "many-characters": many_characters,
    "start": start,
    "planning": planning,
    "unchanged": unchanged,
    "ticks": ticks,
}


def _of(load: Load) -> str:
    return f"{load.images:,} images, {load.slots} slots, {load.latency:g} s"


def _each(found: Outcome, seconds: float) -> float:
    """Milliseconds for each image."""
    return 1000 * seconds / found.load.images


def _beside(name: str, found: Outcome, of: str = "") -> list[Figure]:
    return [
        Figure(name, f"{of}most in flight", found.counts.most_in_flight),
        Figure(name, f"{of}requests an image", found.requests_an_image),
        Figure(name, f"{of}from the last picture served to the end", found.closing, "s"),
    ]


def _seconds(command: list[str], home: str) -> float:
    started = time.monotonic()
    environment = empty_environment(Path(home)) | {"PYTHONPATH": str(PROJECT)}
    subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, check=True)
    return time.monotonic() - started
