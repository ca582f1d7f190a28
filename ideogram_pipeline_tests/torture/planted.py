"""Are the tests tested? Eight bugs are planted, and the judge of the real product must find each.

``python -m ideogram_pipeline_tests.torture.planted`` prints which number of the judge found what,
and the score. Each scenario is played without its bug as well, where every number has to be 0.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ideogram_pipeline_tests.torture import planted_bugs as bugs
from ideogram_pipeline_tests.torture import planted_scenarios as scenarios
from ideogram_pipeline_tests.torture.options import write_json
from ideogram_pipeline_tests.torture.planted_scenarios import Plant, PowerCut, Scenario, Spoiled


@dataclass(frozen=True, slots=True)
class Trial:
    """A bug, the scenario in which it does harm, and the number of the judge that must tell."""

    bug: Plant
    scenario: Scenario | PowerCut
    number: str

    @property
    def name(self) -> str:
        """The bug in words."""
        return self.bug.__name__.replace("_", " ")


TRIALS = (
    Trial(bugs.no_listing, scenarios.KEYS_IGNORED, "paid twice"),
    Trial(bugs.no_age_check, scenarios.LONG_OUTAGE, "paid twice"),
    Trial(bugs.new_key_per_try, scenarios.LOST_ANSWER, "paid twice"),
    Trial(bugs.server_error_is_not_sent, scenarios.ERROR_AFTER, "paid twice"),
    Trial(bugs.download_not_synced, scenarios.POWER_CUT, "stored file wrong"),
    Trial(bugs.stored_before_rename, scenarios.KILLED_MOVE, "lost silently"),
    Trial(bugs.refund_ignored, scenarios.FAILED_JOB, "ledger minus truth"),
    Trial(bugs.adoption_without_constraint, scenarios.SECOND_LOST, "claimed twice"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the judge says with a bug and without it: its numbers that are not 0, by name."""

    planted: Mapping[str, int]
    without: Mapping[str, int]
    found: bool
    """The bug is seen by the number that must tell, and where it is not, nothing is seen."""
    spoiled: str | None = None
    """Why the scenario could not be played."""


def examine(trial: Trial) -> Finding:
    """Play the scenario of a trial with its bug and without it."""
    try:
        planted, without = _harm(trial.scenario, trial.bug), _harm(trial.scenario, None)
    except Spoiled as error:
        return Finding({}, {}, found=False, spoiled=str(error))
    return Finding(planted, without, found=trial.number in planted and not without)


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine every bug; print the table and write it as JSON.

    Returns:
        The exit code: 0 if every bug was found.
    """
    parser = argparse.ArgumentParser(prog="planted", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, default=Path("build/planted.json"), metavar="FILE")
    destination: Path = parser.parse_args(arguments).json
    lines: dict[str, dict[str, object]] = {}
    found = 0
    _show("bug", "scenario", "without it", "found by")
    for trial in TRIALS:
        finding = examine(trial)
        without = finding.spoiled or _words(finding.without) or "clean"
        _show(trial.name, trial.scenario.name, without, _words(finding.planted) or "NOT FOUND")
        lines[trial.name] = {"scenario": trial.scenario.name} | asdict(finding)
        found += finding.found
    print(f"{found} of {len(TRIALS)} planted bugs found")  # noqa: T201
    report = {"planted": len(TRIALS), "found": found, "bugs": lines}
    write_json(destination, report)
    return int(found != len(TRIALS))


def _harm(scenario: Scenario | PowerCut, plant: Plant | None) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        return scenario.play(Path(folder), plant)


def _show(bug: str, scenario: str, without: str, found_by: str) -> None:
    bug_width = max(len(trial.name) for trial in TRIALS)
    scenario_width = max(len(trial.scenario.name) for trial in TRIALS)
    line = f"{bug:<{bug_width}}  {scenario:<{scenario_width}}  {without:<10}  {found_by}"
    print(line, flush=True)  # noqa: T201


def _words(harm: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in harm.items())


if __name__ == "__main__":
    sys.exit(main())
