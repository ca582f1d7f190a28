from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.generation.owners import Owner, is_alive

HOLD = """
import sys
from pathlib import Path
from ideogram_pipeline.generation.owners import Owner
with Owner(Path(sys.argv[1]), "run-1"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_an_owner_is_alive_as_long_as_its_block_lasts(tmp_path: Path) -> None:
    assert not is_alive(tmp_path, "run-1")
    with Owner(tmp_path, "run-1"):
        assert is_alive(tmp_path, "run-1")
        assert not is_alive(tmp_path, "run-2")
    assert not is_alive(tmp_path, "run-1")
    assert list(tmp_path.iterdir()) == []


def test_two_cannot_be_one_run(tmp_path: Path) -> None:
    with Owner(tmp_path, "run-1"), pytest.raises(StorageError, match="already at work"):
        Owner(tmp_path, "run-1").__enter__()
    with Owner(tmp_path, "run-1"):
        pass


def test_the_kernel_tells_of_a_death_that_nobody_announced(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        assert is_alive(tmp_path, "run-1")
        process.kill()
        process.wait()
        assert not is_alive(tmp_path, "run-1")
        assert list(tmp_path.iterdir()) == [], "looking leaves nothing behind"
