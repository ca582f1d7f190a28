"""A few of the kills and errors of `make torture-deep`, and the eyes of its judge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from ideogram_pipeline_tests.torture.deep_child import Ending
from ideogram_pipeline_tests.torture.deep_strace import strace_missing
from ideogram_pipeline_tests.torture.syscalls import Experiment, Laboratory, laboratory
from ideogram_pipeline_tests.torture.syscalls_injection import Fault, Injection
from ideogram_pipeline_tests.torture.verdict import Verdict

needs_strace = pytest.mark.skipif(strace_missing() is not None, reason=str(strace_missing()))


@dataclass(frozen=True)
class Surveyed:
    lab: Laboratory
    calls: dict[str, list[str]]

    def experiment(self, fault: Fault, call: str) -> Experiment:
        """With the middle one of the calls of a name."""
        return self.lab.experiment(Injection(fault, call, len(self.calls[call]) // 2))


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surveyed]:
    with laboratory(tmp_path_factory.mktemp("laboratory")) as lab:
        yield Surveyed(lab, lab.survey())


@needs_strace
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "sendto", "rename"])
def test_a_kill_costs_nothing_and_loses_nothing(surveyed: Surveyed, call: str) -> None:
    outcome = surveyed.experiment("kill", call)
    assert outcome.struck
    assert outcome.is_good, outcome


@needs_strace
@pytest.mark.parametrize(("fault", "call"), [("EIO", "fsync"), ("full", "pwrite64")])
def test_an_error_of_the_disk_is_told_and_outlived(
    surveyed: Surveyed, fault: Fault, call: str
) -> None:
    outcome = surveyed.experiment(fault, call)
    assert outcome.struck
    assert outcome.ending.how == "refused"
    assert outcome.is_good, outcome


def test_an_injection_is_told_and_read_back() -> None:
    injection = Injection("full", "pwrite64", 17)
    assert injection.option == "inject=pwrite64:error=ENOSPC:when=17+"
    assert Injection.parse(str(injection)) == injection


def test_what_is_wrong_is_seen() -> None:
    fine = Experiment(
        Injection("EIO", "fsync", 1),
        struck=True,
        ending=Ending("refused"),
        recovery=Ending("well"),
        verdict=Verdict(planned=2, stored=2),
    )
    assert fine.is_good
    for wrong in (
        replace(fine, struck=False),
        replace(fine, ending=Ending("broken")),
        replace(fine, ending=Ending("hanging")),
        replace(fine, recovery=Ending("refused")),
        replace(fine, verdict=Verdict(planned=2, paid_twice=1)),
        replace(fine, verdict=Verdict(planned=2, lost_silently=1)),
        replace(fine, verdict=Verdict(planned=2, ledger_minus_truth=3)),
    ):
        assert not wrong.is_good
