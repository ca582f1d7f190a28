"""The remembered catalog is never another one than is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ideogram_pipeline.catalog.remembering import current_catalog
from ideogram_pipeline.errors import CatalogError
from ideogram_pipeline_tests.support import draw_reference, write_catalog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(write_catalog(tmp_path / "catalog", prompts=1))


def test_an_unchanged_catalog_is_not_read_again(folder: Path) -> None:
    first = current_catalog(str(folder))
    (folder / "notes.txt").write_text("nothing of the catalog's")
    (folder / "prompts.csv").touch()
    assert current_catalog(str(folder)) is first


def test_a_changed_cell_is_seen(folder: Path) -> None:
    current_catalog(str(folder))
    prompts = folder / "prompts.csv"
    prompts.write_text(prompts.read_text().replace("beach", "coast"))
    assert "coast" in next(iter(current_catalog(str(folder)).prompts)).prompt


def test_a_changed_picture_is_seen(folder: Path) -> None:
    first = current_catalog(str(folder)).characters["ann"].reference
    draw_reference(folder / "ann.png", "black")
    assert current_catalog(str(folder)).characters["ann"].reference.sha256 != first.sha256


def test_another_source_is_another_catalog(folder: Path, tmp_path: Path) -> None:
    current_catalog(str(folder))
    other = write_catalog(tmp_path / "other", characters=["zoe"])
    assert set(current_catalog(other).characters) == {"zoe"}


def test_what_was_refused_is_looked_at_again(folder: Path) -> None:
    (folder / "ann.png").rename(folder / "away.png")
    assert current_catalog(str(folder)).rejects
    (folder / "away.png").rename(folder / "ann.png")
    assert not current_catalog(str(folder)).rejects


def test_a_catalog_that_is_gone_is_not_remembered(folder: Path) -> None:
    current_catalog(str(folder))
    (folder / "prompts.csv").unlink()
    with pytest.raises(CatalogError, match="There is no"):
        current_catalog(str(folder))
