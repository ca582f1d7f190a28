"""docs/operations.md says what is so."""

from __future__ import annotations

import configparser
import re
import sys
from pathlib import Path

import pytest

from ideogram_pipeline.orchestration.assets.generation import POOL
from ideogram_pipeline.orchestration.outcome import CREDITS_TAG, IMAGES_TAG, NOT_HOME_TAG
from ideogram_pipeline.orchestration.project import build_definitions
from ideogram_pipeline.settings import Settings

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|.*\| (.*?) \| (on|off) \|$", PAGE, re.MULTILINE)


def test_everything_that_ticks_is_on_the_page_with_what_it_may_do() -> None:
    definitions = build_definitions(Settings.load())
    told = {
        name: (spends, at_first)
        for names, spends, at_first in ROWS
        for name in names[1:-1].split("`, `")
    }
    assert told.keys() == {found.name for found in (*definitions.schedules, *definitions.sensors)}
    for found in (*definitions.schedules, *definitions.sensors):
        spends, at_first = told[found.name]
        assert (at_first == "on") == ("RUNNING" in str(found.default_status))
        assert (at_first == "on") == (spends == "no"), "what spends is off until somebody wants it"


@pytest.mark.parametrize("unit", re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL))
def test_a_unit_starts_a_command_that_is_installed(unit: str) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(unit)
    service = parser["Service"]
    command, *arguments = service["ExecStart"].split()
    home = Path(service["WorkingDirectory"])
    assert (Path(sys.executable).parent / Path(command).name).exists()
    assert Path(command).relative_to(home).parts[0] == ".venv"
    assert arguments[arguments.index("-w") + 1] == "workspace.yaml"
    assert "127.0.0.1" in arguments or "webserver" not in command


def test_the_page_names_the_pool_and_the_tags_as_they_are() -> None:
    assert f"concurrency set {POOL} " in PAGE
    for tag in (IMAGES_TAG, CREDITS_TAG, NOT_HOME_TAG):
        assert f"`{tag}`" in PAGE


@pytest.mark.parametrize("link", re.findall(r"\]\(([\w.]+\.md)?(#[\w-]+)?\)", PAGE))
def test_links_lead_somewhere(link: tuple[str, str]) -> None:
    file, anchor = link
    page = (PROJECT / "docs" / (file or "operations.md")).read_text(encoding="utf-8")
    headings = {
        "#" + re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    }
    assert not anchor or anchor in headings
