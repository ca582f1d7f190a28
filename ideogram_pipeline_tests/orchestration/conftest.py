"""What the schedules and sensors look at: a catalog that the environment names, and an instance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ideogram_pipeline.orchestration.instance import open_instance
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.orchestration.house import write_catalog


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IDEOGRAM_PIPELINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IDEOGRAM_PIPELINE_CATALOG", str(tmp_path / "catalog"))
    return write_catalog(tmp_path / "catalog", "ann", "bob")


@pytest.fixture
def instance(catalog: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(Settings.load()) as opened:
        yield opened
