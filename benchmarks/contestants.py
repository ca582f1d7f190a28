"""Who takes part in the comparison of `waste.py`, and how each is started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environment import COMMAND

POLL_SECONDS = 2.0
"""Between two looks of a script at a job, at speed 1."""

_LOOK = """\
import sys
from importlib.util import find_spec
sys.exit(not all(map(find_spec, sys.argv[1:])))
"""


@dataclass(frozen=True)
class Contestant:
    """A program that makes a catalog's pictures, and goes on when it is started again."""

    name: str
    script: str | None = None
    """Its module in this folder; none: the pipeline itself."""
    needs: tuple[str, ...] = ()
    """Packages that the project does not have."""
    options: tuple[str, ...] = ()

    def is_installed(self, python: str) -> bool:
        """Whether the interpreter ``python`` has what it needs besides the project's packages."""
        looked = subprocess.run([python, "-c", _LOOK, *self.needs], check=False)
        return looked.returncode == 0

    def command(self, python: str, catalog: str, folder: Path, speed: float) -> Sequence[str]:
        """What to type; ``python`` is for those who need more than the project has."""
        if self.script is None:
            return [str(COMMAND), "run", "--yes"]
        interpreter = python if self.needs else sys.executable
        # By import, since Pixeltable takes its functions from modules only.
        start = f"from benchmarks.{self.script} import main; main()"
        poll = f"--poll={POLL_SECONDS / speed}"
        return [interpreter, "-c", start, catalog, str(folder), poll, *self.options]


CONTESTANTS = (
    Contestant("ideogram-pipeline"),
    Contestant("script", "naive_script"),
    Contestant("script with keys", "naive_script", options=("--keys",)),
    Contestant("DBOS", "dbos_script", ("dbos", "httpx")),
    Contestant("DBOS with keys", "dbos_script", ("dbos", "httpx"), ("--keys",)),
    Contestant("Pixeltable", "pixeltable_script", ("pixeltable", "httpx")),
    Contestant("Pixeltable with keys", "pixeltable_script", ("pixeltable", "httpx"), ("--keys",)),
)
