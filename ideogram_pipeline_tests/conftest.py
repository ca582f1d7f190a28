"""No test sees the environment of the person who runs it, or a ``.env`` file of theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Minutes instead of seconds: pytest --hypothesis-profile=deep .../test_model.py
settings.register_profile("deep", max_examples=120, stateful_step_count=40)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean_environment(monkeypatch, tmp_path)


def clean_environment(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Hide the person's variables, and work in ``folder``."""
    for name in list(os.environ):
        if name.startswith(("APIFRAME_", "IDEOGRAM_PIPELINE_", "DAGSTER_")):
            patch.delenv(name)
    patch.chdir(folder)
