"""strace on a process that is waiting for it, as long as a ``with`` block lasts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

_SECONDS_TO_FINISH = 10.0
"""For strace to write its last line, after the last process that it traces has ended."""


class StraceUnusable(Exception):
    """Nothing can be traced here; the text says why and what to do."""


def strace_missing() -> str | None:
    """Why nothing can be traced on this machine and what to do about it; ``None`` if it can."""
    if sys.platform != "linux":
        return "strace exists on Linux only."
    if shutil.which("strace") is None:
        return "strace is missing. Install it: apt install strace (Debian), dnf install strace."
    probe = subprocess.run(
        ["strace", "-o", "/dev/null", "true"], check=False, capture_output=True, text=True
    )
    if probe.returncode:
        return f"strace may not trace here ({probe.stderr.strip()}). Allow ptrace to this user."
    return None


class Strace:
    """strace, attached to a process and to all threads that it will start.

    Raises:
        StraceUnusable: It is not installed, or may not trace that process.
    """

    def __init__(self, pid: int, options: Sequence[str]) -> None:
        self._command = ["strace", "-f", *options, "-p", str(pid)]

    def __enter__(self) -> Self:
        try:
            self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        except FileNotFoundError:
            raise StraceUnusable(strace_missing()) from None
        assert self._process.stderr is not None
        # Its first line says that it is attached; the traced process waits for us until then.
        said = self._process.stderr.readline()
        if "attached" not in said:
            self._end()
            raise StraceUnusable(f"strace cannot trace a run of this user: {said.strip()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        """Wait until the trace is whole, which it is soon after the end of the traced process."""
        try:
            self._process.communicate(timeout=_SECONDS_TO_FINISH)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
