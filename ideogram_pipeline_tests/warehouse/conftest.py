from __future__ import annotations

from pathlib import Path

import pytest

from ideogram_pipeline.warehouse.publishing import publish


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A published file without rows; copying it is faster than making one for each test."""
    path = tmp_path_factory.mktemp("empty") / "warehouse.duckdb"
    publish(path, [], complete=True)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, empty_warehouse: bytes) -> Path:
    """A warehouse of this test's own, in an otherwise empty folder."""
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(empty_warehouse)
    return path
