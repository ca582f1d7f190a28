"""What is forced to the disk, and what is renamed, in its order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

Step = tuple[str, Path]
"""``forced`` or ``named``, and the path: of a file that was renamed the new one."""


class DiskSteps(list[Step]):
    """The steps since it was made; those of a test that has ended are not noted any more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.broken: set[Path] = set()
        """What the disk does not take."""
        opened: dict[int, Path] = {}
        really_open, really_force, really_name = os.open, os.fsync, os.replace

        def noted_open(path: Any, *args: Any, **kwargs: Any) -> int:
            handle = really_open(path, *args, **kwargs)
            opened[handle] = Path(path)
            return handle

        def noted_force(handle: int) -> None:
            self.append(("forced", opened[handle]))
            if opened[handle] in self.broken:
                raise OSError(5, "Input/output error")
            really_force(handle)

        def noted_name(source: Any, target: Any) -> None:
            really_name(source, target)
            self.append(("named", Path(target)))

        monkeypatch.setattr(os, "open", noted_open)
        monkeypatch.setattr(os, "fsync", noted_force)
        monkeypatch.setattr(os, "replace", noted_name)

    @property
    def forced(self) -> list[Path]:
        """What was forced to the disk."""
        return [path for kind, path in self if kind == "forced"]
