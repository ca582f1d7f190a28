"""One cell of the comparison of `waste.py`: one contestant in one trouble, judged from outside.

Each cell has a sandbox server of its own, with the same seed, and a new folder. The contestant is
started until it says that it is done; what it has paid and made is read from the sandbox's truth
and from the files on the disk, never from what it says.
"""

from __future__ import annotations

import csv
import hashlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contestants import Contestant
from benchmarks.environment import buyers_environment
from benchmarks.sandbox_process import sandbox_process
from ideogram_pipeline.sandbox.contract import PRICES
from ideogram_pipeline_tests.support import call, write_catalog

PRICE = PRICES["turbo"]
"""Credits of a planned picture."""
SPEED = 20.0
"""How many times faster than the real provider the sandbox draws: 0.3 s for a picture."""
MOST_STARTS = 5
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Trouble:
    """What happens to a contestant on its way."""

    name: str
    is_killed: bool = False
    """SIGKILL when the provider has served half of the pictures."""
    faults: tuple[str, ...] = ()
    """Of the sandbox, ``name=probability``."""


@dataclass(frozen=True)
class Cell:
    """How one contestant fared in one trouble."""

    contestant: str
    trouble: str
    extra_credits: int
    """Of each picture what was paid for it, less refunds, beyond its planned price; then summed."""
    extra_percent: float
    """Of the price of the planned pictures."""
    paid_and_missing: int
    """Pictures that are paid, perhaps twice, and not on the disk in the end."""
    missing: int
    """Planned pictures that are not on the disk in the end, paid or not."""
    jobs: int
    starts: int
    answers_lost: int
    polls_refused: int
    seconds: float


def run_cell(
    contestant: Contestant, trouble: Trouble, *, images: int, seed: int, python: str
) -> Cell:
    """Let one contestant buy so many pictures from a new provider.

    Raises:
        RuntimeError: It had ended before it could be killed.
        subprocess.TimeoutExpired: It did not end.
    """
    with (
        tempfile.TemporaryDirectory(prefix="waste-") as place,
        sandbox_process(
            seed=seed, speed=SPEED, opening_credits=100 * PRICE * images, faults=trouble.faults
        ) as url,
    ):
        catalog = write_catalog(Path(place, "catalog"), characters=("ann",), prompts=images)
        folder = Path(place, "home")
        folder.mkdir()
        command = contestant.command(python, catalog, folder, SPEED)
        started = time.monotonic()
        starts = 1
        if trouble.is_killed:
            _start(command, url, catalog, folder, kill_at=images // 2)
            starts += 1
        while (code := _start(command, url, catalog, folder)) != 0 and starts < MOST_STARTS:
            starts += 1
        seconds = time.monotonic() - started
        if code != 0:
            said = Path(place, "log").read_text()[-500:]
            print(f"{contestant.name} still ends with {code}:\n{said}", file=sys.stderr)

        truth = call(f"{url}/sandbox/truth")
        requests = truth["requests"]
        planned = _planned_prompts(catalog)
        paid = paid_by_prompt(truth["jobs"])
        extra = extra_credits(paid, planned)
        kept = _prompts_on_disk(url, truth["jobs"], folder)
        return Cell(
            contestant=contestant.name,
            trouble=trouble.name,
            extra_credits=extra,
            extra_percent=round(100 * extra / (PRICE * images), 1),
            paid_and_missing=sum(paid[prompt] > 0 for prompt in paid.keys() - kept),
            missing=len(planned - kept),
            jobs=truth["jobCount"],
            starts=starts,
            answers_lost=requests["generate"].get("lost", 0),
            polls_refused=sum(requests.get(route, {}).get("429", 0) for route in ("job", "jobs")),
            seconds=round(seconds, 1),
        )


def paid_by_prompt(jobs: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Charges less refunds, in credits, of the truth's jobs."""
    paid: Counter[str] = Counter()
    for job in jobs:
        paid[job["prompt"]] += job["charge"] - job["refund"]
    return paid


def extra_credits(paid: Mapping[str, int], planned: Collection[str]) -> int:
    """What was paid beyond the plan, picture by picture.

    A picture that was never bought saves nothing: its price does not hide another bought twice.
    """
    return sum(max(0, paid[prompt] - PRICE * (prompt in planned)) for prompt in paid)


def _start(
    command: Sequence[str], url: str, catalog: str, folder: Path, *, kill_at: int | None = None
) -> int:
    """Run a contestant to its end, or to the kill; its exit code.

    Args:
        command: What to type.
        url: The provider.
        catalog: What to buy.
        folder: Where it keeps what it has.
        kill_at: Kill it as soon as the provider has served so many pictures.
    """
    log = folder.parent / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=buyers_environment(url, catalog, folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            if kill_at is not None:
                _kill_when_served(process, url, kill_at)
            code = process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
    if kill_at is not None and code != -signal.SIGKILL:
        raise RuntimeError(f"{command} ended with {code} before it was killed:\n{log.read_text()}")
    return code


def _kill_when_served(process: subprocess.Popen[bytes], url: str, pictures: int) -> None:
    while process.poll() is None:
        if call(f"{url}/sandbox/truth?summary=1")["downloads"]["count"] >= pictures:
            process.kill()
            return
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue


def _planned_prompts(catalog: str) -> set[str]:
    with Path(catalog, "prompts.csv").open(newline="") as lines:
        return {row["prompt"] for row in csv.DictReader(lines)}


def _prompts_on_disk(url: str, jobs: Sequence[Mapping[str, Any]], folder: Path) -> set[str]:
    """Find the prompts of which a picture, byte for byte the provider's, is in a folder."""
    kept = {hashlib.sha256(path.read_bytes()).digest() for path in folder.rglob("*.png")}
    found = set()
    for job in jobs:
        if job["status"] == "COMPLETED":
            with urllib.request.urlopen(f"{url}/cdn/images/{job['id']}-0.png") as answer:
                if hashlib.sha256(answer.read()).digest() in kept:
                    found.add(job["prompt"])
    return found
