"""The main job from one command to the next, by what the provider itself has counted.

Each run through Dagster takes seconds, so that one story serves several tests.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ideogram_pipeline.sandbox.core import Sandbox
from ideogram_pipeline.sandbox.embedded import STATE_NAME
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline.sandbox.state import State
from ideogram_pipeline.sandbox.truth import truth
from ideogram_pipeline_tests.cli.terminal import (
    KEY,
    PROGRAM,
    Answer,
    embedded,
    live,
    process_environment,
    spawned,
    typed,
)
from ideogram_pipeline_tests.support import call, write_catalog

QUOTE = 40
"""Two characters with two turbo pictures each."""


@dataclass(frozen=True)
class Story:
    """A demo, and the same again by `run`."""

    environment: dict[str, str]
    quote: int
    first: Answer
    after_first: dict[str, Any]
    second: Answer
    after_second: dict[str, Any]
    requests_elsewhere: dict[str, Any]
    """What a server has received whose key and address were set during the demo."""

    @property
    def home(self) -> Path:
        return Path(self.environment["IDEOGRAM_PIPELINE_HOME"])


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    catalog = write_catalog(folder / "catalog", prompts=2)
    environment = embedded(folder / "home", catalog)
    state = folder / "home" / "sandbox" / STATE_NAME
    with SandboxServer() as server:
        with_key = live(server.url, folder / "home", catalog) | environment
        (folder / ".env").write_text(f"APIFRAME_API_KEY={KEY}\nAPIFRAME_BASE_URL={server.url}\n")
        quote = json.loads(typed("plan", "--json", environment=environment).out)["quote"]
        first = spawned("demo", environment=with_key, cwd=folder)
        after_first = books(state)
        second = typed("run", environment=environment)
        yield Story(
            environment=environment,
            quote=quote,
            first=first,
            after_first=after_first,
            second=second,
            after_second=books(state),
            requests_elsewhere=call(f"{server.url}/sandbox/truth")["requests"],
        )


def books(state: Path) -> dict[str, Any]:
    """The embedded sandbox's own books, read when it is no longer running."""
    with State(state) as opened:
        return truth(Sandbox(SandboxOptions(), opened))


def rows(said: str) -> list[list[str]]:
    """The cells of every table row."""
    lines = [line for line in said.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_the_demo_makes_every_picture_at_the_quoted_price(story: Story) -> None:
    assert story.first.code == 0, story.first.said
    assert ["ann", "2", "0", "20"] in rows(story.first.out)
    assert ["total", "4", "0", "40"] in rows(story.first.out)
    assert "4 new pictures, 0 reused, 40 credits spent." in story.first.out
    assert story.quote == QUOTE
    assert story.after_first["charges"] - story.after_first["refunds"] == QUOTE
    assert len(list((story.home / "sandbox" / "images").rglob("*.png"))) == 4


def test_the_demo_says_where_everything_is(story: Story) -> None:
    said = [line.split(": ", 1) for line in story.first.out.splitlines() if ": " in line]
    places = {name: Path(place.strip()) for name, place in said}
    for name in ("Pictures", "Gallery", "Spend report", "DuckDB file"):
        assert places[name].exists(), name
    assert "Dagster UI:   make dev" in story.first.out


def test_the_demo_looks_at_no_key(story: Story) -> None:
    assert story.requests_elsewhere == {}
    assert not (story.home / "live").exists()


def test_no_key_is_written_anywhere(story: Story) -> None:
    holding = [
        file
        for file in story.home.rglob("*")
        if file.is_file() and KEY.encode() in file.read_bytes()
    ]
    assert holding == []


def test_a_second_run_buys_nothing(story: Story) -> None:
    assert story.second.code == 0, story.second.said
    assert "No APIFRAME_API_KEY: running on the sandbox, nothing is spent." in story.second.out
    assert ["total", "0", "4", "0", "0", "0"] in rows(story.second.out)
    assert "Nothing was bought: 4 pictures reused, 0 credits spent." in story.second.out
    for number in ("jobCount", "charges", "keyCount", "uploads"):
        assert story.after_second[number] == story.after_first[number], number


def test_output_in_a_file_is_plain(story: Story) -> None:
    assert "\x1b" not in story.first.said + story.second.said
    assert "4 of 4 pictures" in story.first.err


def test_tables_and_doctor_agree_with_the_run(story: Story) -> None:
    asked = ("sql", "SELECT sum(credits)::INT FROM credit_ledger", "--format", "csv")
    assert typed(*asked, environment=story.environment).out.splitlines()[1] == str(QUOTE)
    doctor = typed("doctor", environment=story.environment)
    assert doctor.code == 0
    assert "4 attempts, 4 stored, 0 under way" in doctor.out
    assert "all of the journal is in it" in doctor.out
    assert "Nothing to buy" in typed("plan", environment=story.environment).out


def test_a_limit_of_0_defers_everything(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path / "catalog", prompts=1)
    environment = embedded(tmp_path / "home", catalog)
    answer = typed("run", "--max-credits", "0", "--character", "bob", environment=environment)
    assert answer.code == 3, answer.said
    assert ["bob", "0", "0", "1", "0", "0"] in rows(answer.out)
    assert "deferred: bob-1 variation 1, base (bob): the run's limit of 0 credits" in answer.err
    assert "Run the same command again" in answer.err
    assert books(tmp_path / "home" / "sandbox" / STATE_NAME)["jobCount"] == 0


def test_a_question_is_asked_and_changes_no_exit_code(tmp_path: Path) -> None:
    columns = {"seed": "7", "refresh": "weekly"}
    catalog = write_catalog(tmp_path / "c", characters=["ann"], prompts=1, columns=columns)
    environment = embedded(tmp_path / "home", catalog)
    for edition_at in ("2026-11-22", "2026-11-23"):
        answer = typed("run", "--edition-at", edition_at, environment=environment)
        assert answer.code == 0
        assert answer.err.startswith("Is this what you mean? (no error: ")
        assert "line 2, column seed: asks for the same picture in every period" in answer.err
    assert "0 pictures to buy, 0 to fetch, 1 on file" in answer.out


def test_ctrl_c_loses_nothing(tmp_path: Path) -> None:
    catalog = write_catalog(tmp_path / "catalog", characters=["ann"], prompts=3)
    with SandboxServer(SandboxOptions(speed=2, tiny=True, max_concurrent_jobs=1)) as server:
        environment = live(server.url, tmp_path / "home", catalog)
        process = subprocess.Popen(
            [*PROGRAM, "run", "--yes"],
            env=process_environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        try:
            # When it asks for its first job, that job's charge is in the journal.
            until = time.monotonic() + 60
            while not asked_for_jobs(server) and time.monotonic() < until:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=45)
        finally:
            process.kill()
            process.communicate()
        assert process.returncode == 130, out + err
        assert err.splitlines()[-1].startswith("Stopped. Nothing is lost")
        assert KEY not in out + err

        answer = typed("run", "--yes", environment=environment)
        assert answer.code == 0, answer.said
        known = call(f"{server.url}/sandbox/truth")
        assert (known["jobCount"], known["charges"]) == (3, 30)


def asked_for_jobs(server: SandboxServer) -> bool:
    return not {"job", "jobs"}.isdisjoint(call(f"{server.url}/sandbox/truth")["requests"])
