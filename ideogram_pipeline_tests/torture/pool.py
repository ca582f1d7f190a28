"""Several cases at a time, each in a process of its own that is forked from this one."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path

from ideogram_pipeline_tests.torture.cases import Case
from ideogram_pipeline_tests.torture.chain import Outcome, carry_out
from ideogram_pipeline_tests.torture.verdict import Verdict

_processes = multiprocessing.get_context("fork")


class Pool:
    """Carries out cases; no thread is started, so that this process and those can be forked."""

    def __init__(self, folder: Path, *, at_a_time: int) -> None:
        self._folder = folder
        self._at_a_time = at_a_time
        self._count = 0

    def run(self, source: Callable[[], Case | None]) -> Iterator[Outcome]:
        """Carry out what ``source`` has, until it has nothing more and nothing is under way.

        Args:
            source: Asked for the next case; it may have none now, and one when others are done.

        Yields:
            Each case as it ends.
        """
        under_way: dict[Connection, _Begun] = {}
        while True:
            while len(under_way) < self._at_a_time and (case := source()):
                self._count += 1
                begun = _Begun(case, self._folder / f"{self._count:05d}")
                under_way[begun.answer] = begun
            if not under_way:
                return
            for answer in wait(list(under_way)):
                assert isinstance(answer, Connection)
                yield under_way.pop(answer).end()


class _Begun:
    """A case that is being carried out."""

    def __init__(self, case: Case, folder: Path) -> None:
        self._case = case
        self._folder = folder
        self.answer, teller = _processes.Pipe(duplex=False)
        with teller:
            self._process = _processes.Process(
                target=_work, args=(teller, case, folder), daemon=True
            )
            self._process.start()

    def end(self) -> Outcome:
        """What came of it; to be asked when there is an answer."""
        with self.answer:
            try:
                outcome: Outcome = self.answer.recv()
            except EOFError:
                verdict = Verdict(troubles=["the process of the case died"])
                outcome = Outcome(self._case, self._folder, verdict)
        self._process.join()
        return outcome


def _work(teller: Connection, case: Case, folder: Path) -> None:
    teller.send(carry_out(case, folder))
