"""Power cuts: a run's system calls replayed onto a disk that loses what was not synced.

SIGKILL leaves the page cache whole, so that no number of kills tells whether a commit or a picture
was really on the disk. Here a run is recorded, call by call; at many instants the disks are made
that may be found if the power went there, and the pipeline has to find on each what was promised.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.support import bench, write_catalog
from ideogram_pipeline_tests.torture.deep_child import carry_out
from ideogram_pipeline_tests.torture.powercut_disk import Disk, Kept
from ideogram_pipeline_tests.torture.powercut_judge import (
    DRAFT,
    MAPPED,
    Examiner,
    Journal,
    Promises,
)
from ideogram_pipeline_tests.torture.powercut_notes import Note, noted_run
from ideogram_pipeline_tests.torture.powercut_replay import Replay
from ideogram_pipeline_tests.torture.powercut_trace import (
    Call,
    NotFollowed,
    read_calls,
    trace_options,
)
from ideogram_pipeline_tests.torture.syscalls_injection import Injection
from ideogram_pipeline_tests.torture.weather import UNLUCKY

KEPT: tuple[tuple[Kept, Kept], ...] = (
    ("none", "none"),
    ("none", "all"),
    ("all", "none"),
    ("some", "some"),
    ("some", "some"),
    ("all", "all"),
)
"""The disks that are made at one instant: what they have of the data and of the names that were
not synced."""

KINDS = ("unopened", "lost_commits", "broken_files", "broken_warehouses")
"""The names of what can be wrong, see ``PowerCuts``."""


@dataclass(frozen=True, slots=True)
class PowerCuts:
    """What was found; all numbers but the first count different disk images."""

    cuts: int
    """Instants at which the power went."""
    images: int
    unopened: int
    """The journal does not open, fails its check, or holds what was never committed."""
    lost_commits: int
    """The journal lacks a transaction that had returned, or on which a request relied."""
    broken_files: int
    """A picture that the journal calls stored is missing or differs."""
    broken_warehouses: int
    """The warehouse does not open, or is older than the last that was published."""
    troubles: tuple[str, ...]
    """For each kind the first that was found: where the power went, and what is wrong."""

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.troubles


@dataclass(frozen=True, slots=True)
class Recording:
    """A run, or two of which the first was killed, call by call."""

    folder: Path
    settings: Settings
    steps: tuple[Call | Note | None, ...]
    """Calls and promises in their order; ``None`` where another process begins."""

    def cut(self, *, seed: int, cuts: int | None = None) -> PowerCuts:
        """Let the power go at many instants, and look at what is on the disk.

        Args:
            seed: Of the instants, and of what is kept where some is.
            cuts: Most instants; ``None``: after every call and promise (of the last run).

        Raises:
            NotFollowed: The replay has not made of the calls what they made of the real disk.
        """
        chance = random.Random(seed)
        newest = max(number for number, step in enumerate(self.steps) if step is None)
        instants = range(newest, len(self.steps))
        if cuts is not None and cuts < len(instants):
            chosen = set(chance.sample(instants, cuts))
        else:
            chosen = set(instants)
        examiner = Examiner(self.settings, self.folder / "image")
        promises = self._no_promises(examiner)
        wrong: dict[str, set[bytes]] = {kind: set() for kind in KINDS}
        images: set[bytes] = set()
        troubles: dict[str, str] = {}
        for number, disk in self._replay(promises):
            if number == newest:
                promises.tolerate(examiner.examine(disk.image("all", "all", chance)))
            for data, names in KEPT if number in chosen else ():
                found = examiner.examine(disk.image(data, names, chance))
                images.add(found.image)
                for kind, reason in promises.broken_by(found).items():
                    wrong[kind].add(found.image)
                    where = f"after step {number} of {len(self.steps)}, {self.steps[number]}"
                    kept = f"kept: {data} of the unsynced data, {names} of the unsynced names"
                    troubles.setdefault(kind, f"{kind}: {reason} ({where}; {kept}; seed {seed})")
        return PowerCuts(
            cuts=len(chosen),
            images=len(images),
            **{kind: len(broken) for kind, broken in wrong.items()},
            troubles=tuple(troubles.values()),
        )

    def kills(self) -> list[Injection]:
        """Kills as each folder or file of the home is about to be synced; drafts are not.

        A run after such a kill finds in its place what is not on the disk.
        """
        draft = self.settings.folder / DRAFT
        numbers: Counter[str] = Counter()
        found: list[Injection] = []
        for step in self.steps:
            if isinstance(step, Call):
                numbers[step.name] += 1
                if step.name in ("fsync", "fdatasync") and not step.concerns(draft):
                    found.append(Injection("kill", step.name, numbers[step.name]))
        return found

    def _replay(self, promises: Promises) -> Iterator[tuple[int, Disk]]:
        """The disk after each step, whose promise is given by then."""
        disk = Disk()
        replay = Replay(disk, self.settings.home)
        for number, step in enumerate(self.steps):
            match step:
                case Call():
                    replay.do(step)
                case Note():
                    promises.give(step)
                case None:
                    replay = Replay(disk, self.settings.home)
            yield number, disk
        _check_replay(disk, self.settings.home)

    def _no_promises(self, examiner: Examiner) -> Promises:
        new_journal = examiner.examine({}).journal
        assert isinstance(new_journal, Journal), new_journal
        notes = [step for step in self.steps if isinstance(step, Note)]
        return Promises.none(
            commits=[new_journal.digest, *(n.what for n in notes if n.kind == "committed")],
            editions=["", *(n.what for n in notes if n.kind == "published")],
        )


def power_cuts(
    folder: Path,
    *,
    plant: Callable[[], None] | None = None,
    seed: int = 0,
    cuts: int | None = None,
) -> PowerCuts:
    """Record a run and let the power go at many of its instants.

    Args:
        folder: Empty or missing; everything is written below it.
        plant: Called in the recorded process before the pipeline; a function of a module.
        seed: Of the instants, and of what is kept where some is.
        cuts: Number of instants; ``None``: after every call.

    Raises:
        StraceUnusable: There is no strace, or it may not trace.
        NotFollowed: The run has done something to its files that cannot be replayed.
    """
    return record(folder, plant=plant).cut(seed=seed, cuts=cuts)


class NotStruck(Exception):
    """What runs share a batch differs from run to run, and so does how many calls they make."""


def record(
    folder: Path, *, plant: Callable[[], None] | None = None, killed_at: Injection | None = None
) -> Recording:
    """Record a run under strace, on a home of its own and against a sandbox of its own.

    Args:
        folder: Empty or missing; everything is written below it.
        plant: Called in the recorded process before the pipeline; a function of a module.
        killed_at: The run is killed there, and then another one goes on to the end.

    Raises:
        StraceUnusable: There is no strace, or it may not trace.
        NotStruck: The run has ended before the call at which it was to be killed.
        RuntimeError: A run has not ended as it was to.
    """
    source = write_catalog(folder / "catalog", characters=["ann"], prompts=2)
    notes = folder / "notes"
    steps: list[Call | Note | None] = []
    options = SandboxOptions(speed=5000, tiny=True)
    with bench(folder, options, source, poll_interval=0.05) as desk:
        settings = desk.settings
        settings.home.mkdir()
        desk.tell("faults", UNLUCKY)
        for injection in (killed_at, None) if killed_at else (None,):
            trace = folder / "trace"
            strace = trace_options(trace) + (["-e", injection.option] if injection else [])
            ending = carry_out(partial(noted_run, settings, notes, plant), strace)
            if injection and ending.how == "well":
                raise NotStruck(f"the run has ended before {injection}")
            if ending.how != ("killed" if injection else "well"):
                raise RuntimeError(f"the recorded run was {ending.how}: {ending.message}")
            steps += [None, *_steps(trace, settings.home, notes)]
    return Recording(folder, settings, tuple(steps))


def _steps(trace: Path, home: Path, notes: Path) -> Iterator[Call | Note]:
    for call in read_calls(trace, [home, notes]):
        if not call.concerns(notes):
            yield call
        elif call.name == "write":
            yield Note(*json.loads(call.data))


def _check_replay(disk: Disk, home: Path) -> None:
    """With all that was written, the replayed disk is the real one."""
    replayed = disk.image("all", "all", random.Random(0))
    for path, content in replayed.items():
        if not path.name.endswith(MAPPED) and (home / path).read_bytes() != content:
            raise NotFollowed(f"{path} was not replayed as it was written")
    on_disk = {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}
    if on_disk != {str(path) for path in replayed}:
        raise NotFollowed(f"other files than in {home} were replayed")
