"""The judge finds each planted bug, and nothing where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ideogram_pipeline_tests.torture.deep_strace import strace_missing
from ideogram_pipeline_tests.torture.planted import TRIALS, Trial
from ideogram_pipeline_tests.torture.planted_scenarios import PowerCut

each_trial = pytest.mark.parametrize(
    "trial",
    [
        pytest.param(
            trial,
            marks=pytest.mark.skipif(
                isinstance(trial.scenario, PowerCut) and strace_missing() is not None,
                reason=str(strace_missing()),
            ),
        )
        for trial in TRIALS
    ],
    ids=lambda trial: trial.name.replace(" ", "-"),
)


@each_trial
def test_a_planted_bug_is_found(tmp_path: Path, trial: Trial) -> None:
    assert trial.number in trial.scenario.play(tmp_path, trial.bug)


@each_trial
def test_without_the_bug_the_same_scenario_is_clean(tmp_path: Path, trial: Trial) -> None:
    assert trial.scenario.play(tmp_path, None) == {}
