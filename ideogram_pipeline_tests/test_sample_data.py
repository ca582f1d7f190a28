"""The catalog that a fresh clone begins with: valid, varied, and drawn by the project itself."""

from __future__ import annotations

import csv
import runpy
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image

from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.planning.expansion import expand

DATA = Path(__file__).parents[1] / "data"
RATIOS = {"1:3", "3:1", "9:16", "16:9", "10:16", "16:10", "2:3", "3:2", "3:4", "4:3", "1:1"}


def _column(file: str, name: str) -> list[str]:
    with (DATA / "catalog" / file).open(encoding="utf-8", newline="") as lines:
        return [row[name] for row in csv.DictReader(lines)]


def test_the_drawing_script_makes_the_committed_pictures() -> None:
    script = runpy.run_path(str(DATA / "references" / "draw.py"))
    for path, drawn in script["PICTURES"].items():
        picture = drawn()
        with Image.open(path) as committed:
            # Pixels, not bytes: another zlib packs the same pixels otherwise.
            assert committed.mode == picture.mode
            assert committed.tobytes() == picture.tobytes(), path.name
        assert path.stat().st_size < 60_000
    assert set(DATA.glob("*/*.png")) == set(script["PICTURES"])


def test_every_row_is_accepted() -> None:
    catalog = read_catalog(str(DATA / "catalog"))
    assert (catalog.rejects, catalog.questions) == ((), ())
    assert len(catalog.characters) >= 5
    assert len(catalog.prompts) >= 30


def test_the_files_are_plain_utf8_with_unix_line_ends() -> None:
    for path in (DATA / "catalog").iterdir():
        content = path.read_bytes()
        assert content.decode("utf-8").endswith("\n")
        assert b"\r" not in content
        assert not content.startswith(b"\xef\xbb\xbf")


def test_the_rows_use_everything_a_row_can_say() -> None:
    ratios = {*_column("prompts.csv", "aspect_ratio"), *_column("characters.csv", "aspect_ratio")}
    assert ratios - {""} == RATIOS
    assert {"turbo", "default", "quality", ""} == set(_column("prompts.csv", "rendering_speed"))
    assert {"Fiction", "Realistic", "Auto", ""} == set(_column("prompts.csv", "style_type"))
    assert {"Off", "Auto", ""} == set(_column("prompts.csv", "magic_prompt_option"))
    assert {"never", "daily", "weekly", "monthly", ""} == set(_column("prompts.csv", "refresh"))
    assert {"2", "3", ""} == set(_column("prompts.csv", "variations"))
    assert Counter(_column("prompts.csv", "enabled"))["false"] == 1
    seeds = _column("prompts.csv", "seed")
    assert "" in seeds
    assert sum(seed != "" for seed in seeds) >= 10
    for name in ("resolution", "image", "mask", "title", "tags"):
        assert any(_column("prompts.csv", name)), name
    for name in ("style_type", "rendering_speed", "aspect_ratio", "prompt_prefix", "prompt_suffix",
                 "monthly_credit_budget"):  # fmt: skip
        assert any(_column("characters.csv", name)), name


def test_every_character_has_work_and_nothing_is_planned_twice() -> None:
    catalog = read_catalog(str(DATA / "catalog"))
    planned = list(expand(catalog, at=datetime(2026, 11, 22, tzinfo=UTC), zone=ZoneInfo("UTC")))
    assert {image.character_id for image in planned} == set(catalog.characters)
    assert len({image.fingerprint for image in planned}) == len(planned) == 45
