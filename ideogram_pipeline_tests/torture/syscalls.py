"""A kill, or an error of the disk, at one system call of a run; then a healthy run to the end.

strace lets the n-th call of a name fail, or kills the process as it enters it. What came of it is
judged after the healthy run, by the provider's truth and the files.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ideogram_pipeline.generation.publication import publish_catalog
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.support import Bench, bench, write_catalog
from ideogram_pipeline_tests.torture.books import read_books
from ideogram_pipeline_tests.torture.deep_child import Ending, buy_and_publish, carry_out
from ideogram_pipeline_tests.torture.syscalls_injection import Fault, Injection
from ideogram_pipeline_tests.torture.verdict import Verdict, judge
from ideogram_pipeline_tests.torture.weather import UNLUCKY

CHARACTER = "ann"
PROMPTS = {f"{CHARACTER}-{number}": f"scene {number} at the beach" for number in (1, 2)}

_TAKES_ROOM = "write,pwrite64,writev,pwritev,fsync,fdatasync"
_TO_DISK = f"{_TAKES_ROOM},openat,open,creat,ftruncate,truncate,fallocate,rename,renameat,renameat2"
"""Calls that an ailing disk lets fail, and a full one; a full one goes on with the former."""
_OF_EFFECT = (
    f"{_TO_DISK},unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat,flock,fcntl,"
    "connect,sendto,sendmsg,recvfrom,recvmsg,shutdown"
)
"""Calls by which a process changes a disk, a lock or the provider, or learns from it. A kill
between two of them finds the world as a kill on entering the second does."""

TRIES = 10
"""Runs that may pass before a fault strikes: how many calls a run makes depends on who shares a
batch with whom, and on how the network has cut what has arrived."""

_CALL = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<arguments>.*)")


@dataclass(frozen=True, slots=True)
class Experiment:
    """What came of one experiment."""

    injection: Injection
    struck: bool
    """The run got as far as that call."""
    ending: Ending
    """Of the run with the fault."""
    recovery: Ending
    """Of the healthy run after it."""
    verdict: Verdict

    @property
    def hung(self) -> bool:
        """Whether one of the runs did not end."""
        return "hanging" in (self.ending.how, self.recovery.how)

    @property
    def wrong_end(self) -> str:
        """What a run ended by and should not have; empty if all is well.

        Runs make almost the same calls, so a fault that has not struck in any of some tries means
        that the experiment was not made.
        """
        if self.ending.how in ("broken", "hanging"):
            return f"{self.ending.how}: {self.ending.message}"
        if not self.struck:
            return f"the fault has not struck; the run ended {self.ending.how}"
        if self.recovery.how != "well":
            return f"then {self.recovery.how}: {self.recovery.message}"
        return ""

    @property
    def is_good(self) -> bool:
        """Whether all is right: the verdict, and both ends."""
        return self.verdict.is_clean() and not self.wrong_end


class Laboratory:
    """Experiments, each with a new home and a new account.

    One of its jobs will fail, one answer will be lost, and one download will break off.
    """

    def __init__(self, desk: Bench, folder: Path) -> None:
        self._desk = desk
        self._home = desk.settings.home
        self._fresh_home = folder / "fresh-home"
        self._log = folder / "calls"
        self._work = partial(buy_and_publish, desk.settings)
        publish_catalog(desk.settings, desk.catalog())
        self._home.rename(self._fresh_home)

    def survey(self) -> dict[str, list[str]]:
        """What a run without faults calls: the arguments of each call by name, in order.

        Raises:
            RuntimeError: It does not end well, or not all of it is done by one thread, so that
                calls cannot be counted.
        """
        self._begin_anew()
        trace = ["-y", "-o", str(self._log), "-e", "signal=none"]
        ending = carry_out(self._work, [*trace, "-e", f"trace={_OF_EFFECT}"])
        found = [call for line in self._lines() if (call := _CALL.match(line))]
        if ending.how != "well" or len({call["thread"] for call in found}) != 1:
            raise RuntimeError(f"the run cannot be surveyed; it was {ending.how}: {ending.message}")
        calls: dict[str, list[str]] = {}
        for call in found:
            calls.setdefault(call["name"], []).append(call["arguments"])
        return calls

    def injections(self, faults: tuple[Fault, ...]) -> list[Injection]:
        """Every injection of these faults, at all calls where they are worth it."""
        surveyed = self.survey().items()
        return [
            Injection(fault, name, number)
            for fault in faults
            for name, calls in surveyed
            for number, arguments in enumerate(calls, 1)
            if self._is_worth_it(fault, name, arguments)
        ]

    def experiment(self, injection: Injection) -> Experiment:
        """A run with a fault, then one without; what the truth says in the end."""
        for _ in range(TRIES):
            ending = self._strike(injection)
            if struck := self._has_struck(injection, ending):
                break
        recovery = carry_out(self._work)
        return Experiment(injection, struck, ending, recovery, self._judge())

    def _strike(self, injection: Injection) -> Ending:
        self._begin_anew()
        trace = ["-y", "-o", str(self._log), "-e", "signal=none"]
        return carry_out(
            self._work, [*trace, "-e", f"trace={injection.call}", "-e", injection.option]
        )

    def _has_struck(self, injection: Injection, ending: Ending) -> bool:
        if injection.fault == "kill":
            return ending.how == "killed"
        return any("(INJECTED)" in line for line in self._lines())

    def _is_worth_it(self, fault: Fault, name: str, arguments: str) -> bool:
        only = {"openat": "O_CREAT", "fcntl": "F_SETLK"}.get(name, "")
        if only not in arguments:
            return False
        if fault == "kill":
            # One that failed has changed nothing; a connection is always made in the background.
            return " = -1 " not in arguments or "EINPROGRESS" in arguments
        if fault == "full" and name not in _TAKES_ROOM.split(","):
            return False
        return name in _TO_DISK.split(",") and str(self._home) in arguments

    def _begin_anew(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.copytree(self._fresh_home, self._home)
        self._desk.tell("reset", {})
        self._desk.tell("faults", UNLUCKY)

    def _lines(self) -> list[str]:
        return self._log.read_text(errors="replace").splitlines()

    def _judge(self) -> Verdict:
        try:
            books = read_books(self._desk.settings.folder)
        except Exception as error:
            return Verdict(len(PROMPTS), troubles=[f"the books cannot be read: {error}"])
        reference = (Path(self._desk.settings.catalog) / f"{CHARACTER}.png").read_bytes()
        return judge(PROMPTS, books, self._desk.truth(), reference)


@contextmanager
def laboratory(folder: Path) -> Iterator[Laboratory]:
    """A laboratory in an empty folder, with a sandbox server of its own."""
    source = write_catalog(folder / "catalog", characters=[CHARACTER], prompts=len(PROMPTS))
    options = SandboxOptions(speed=5000, tiny=True)
    with bench(folder, options, source, poll_interval=0.05) as desk:
        yield Laboratory(desk, folder)
