"""A key spends real credits: what is asked before, and what is never bought."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline_tests.cli.terminal import (
    KEY,
    PROGRAM,
    live,
    process_environment,
    typed,
)
from ideogram_pipeline_tests.powers import drop_powers_over_files
from ideogram_pipeline_tests.support import call, write_catalog

_AT_THE_TERMINAL = """
import fcntl, os, signal, termios
signal.signal(signal.SIGINT, signal.default_int_handler)
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from ideogram_pipeline.cli import main
main()
"""
"""The program as the one that Ctrl-C on its terminal reaches, also where this test runs in the
background of a shell, which has it ignored."""


@pytest.fixture
def catalog(tmp_path: Path) -> str:
    return write_catalog(tmp_path / "catalog", prompts=1)


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    """A provider at which nothing is ever bought."""
    with SandboxServer() as running:
        yield running
        assert known(running)["jobCount"] == 0


def known(server: SandboxServer) -> dict[str, Any]:
    """The provider's own books."""
    books: dict[str, Any] = call(f"{server.url}/sandbox/truth")
    return books


def test_without_a_terminal_it_needs_yes(
    server: SandboxServer, tmp_path: Path, catalog: str
) -> None:
    answer = typed("run", environment=live(server.url, tmp_path / "home", catalog))
    assert answer.code == 1
    assert "Quote: 20 credits" in answer.out
    assert "this would spend 20 of 10,000 credits, and there is no terminal" in answer.err
    assert "Add --yes" in answer.err
    assert "Nothing was bought." in answer.err


def test_a_limit_lowers_what_is_asked_for(
    server: SandboxServer, tmp_path: Path, catalog: str
) -> None:
    environment = live(server.url, tmp_path / "home", catalog)
    answer = typed("run", "--max-credits", "15", environment=environment)
    assert "this would spend 15 of 10,000 credits" in answer.err
    environment["IDEOGRAM_PIPELINE_MAX_CREDITS_PER_RUN"] = "12"
    answer = typed("run", "--max-credits", "15", environment=environment)
    assert "this would spend 12 of 10,000 credits" in answer.err


def test_no_on_the_terminal_buys_nothing(
    server: SandboxServer, tmp_path: Path, catalog: str
) -> None:
    code, said = on_a_terminal(live(server.url, tmp_path / "home", catalog), "n\n")
    assert "Spend 20 of 10,000 credits? [y/N]: " in said
    assert said.rstrip().endswith("Nothing was bought.")
    assert code == 1


def test_ctrl_c_at_the_question_buys_nothing(
    server: SandboxServer, tmp_path: Path, catalog: str
) -> None:
    code, said = on_a_terminal(live(server.url, tmp_path / "home", catalog), "\x03")
    assert "Stopped. Nothing is lost" in said
    assert code == 130


def test_yes_on_the_terminal_buys_and_shows_a_bar(tmp_path: Path, catalog: str) -> None:
    with SandboxServer(SandboxOptions(speed=100, tiny=True)) as server:
        code, said = on_a_terminal(live(server.url, tmp_path / "home", catalog), "y\n")
        assert code == 0, said
        assert known(server)["charges"] == 20
    assert "2/2" in said
    assert "20 of 20 credits" in said
    assert "\x1b[" in said


def test_a_key_that_is_refused(tmp_path: Path, catalog: str) -> None:
    with SandboxServer(SandboxOptions(keys=frozenset({"afk_another"}))) as server:
        answer = typed("run", "--yes", environment=live(server.url, tmp_path / "home", catalog))
        assert known(server)["jobCount"] == 0
    assert answer.code == 1
    assert "The key in APIFRAME_API_KEY is wrong, inactive, or not allowed" in answer.err
    assert "Traceback" not in answer.err


def test_a_server_that_is_down(tmp_path: Path, catalog: str) -> None:
    with SandboxServer() as server:
        gone = server.url
    answer = typed("run", "--yes", environment=live(gone, tmp_path / "home", catalog))
    assert answer.code == 1
    assert answer.err.startswith("Error: ")
    assert gone in answer.err
    assert "Traceback" not in answer.err


def test_a_balance_of_3_credits(tmp_path: Path, catalog: str) -> None:
    with SandboxServer(SandboxOptions(opening_credits=3)) as server:
        environment = live(server.url, tmp_path / "home", catalog)
        answer = typed("run", "--yes", "--character", "ann", environment=environment)
        assert (known(server)["jobCount"], known(server)["balance"]) == (0, 3)
    assert answer.code == 3, answer.said
    assert "The balance of 3 credits does not cover all of it" in answer.err
    assert "deferred: ann-1 variation 1, base (ann): the account has 3 credits left" in answer.err


def test_a_read_only_data_folder(server: SandboxServer, tmp_path: Path, catalog: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o555)
    result = subprocess.run(
        [*PROGRAM, "run", "--yes"],
        env=process_environment(live(server.url, home, catalog)),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        preexec_fn=drop_powers_over_files,
        check=False,
    )
    assert result.returncode == 1
    assert str(home / "live") in result.stderr
    assert "Permission denied" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(home.iterdir()) == []


def on_a_terminal(environment: dict[str, str], keys: str) -> tuple[int, str]:
    """`run` on a terminal of 120 columns; ``keys`` are pressed when it asks."""
    ours, theirs = pty.openpty()
    more = {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    process = subprocess.Popen(
        [sys.executable, "-c", _AT_THE_TERMINAL, "run"],
        env=process_environment(environment | more),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while True:
            if select.select([ours], [], [], 0.5)[0]:
                said += os.read(ours, 65536)
            elif said.endswith(b"[y/N]: "):
                # Pressed when it waits, and again if it missed that: a Ctrl-C that comes just
                # before Python begins to wait for a line is noted only after the line.
                os.write(ours, keys.encode())
    except OSError:
        # Linux's way to say that nobody holds the other end any more.
        code = process.wait(timeout=60)
    finally:
        process.kill()
        os.close(ours)
    text = said.decode()
    assert KEY not in text
    return code, text
