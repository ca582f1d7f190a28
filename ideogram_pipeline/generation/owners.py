"""Who is alive: each run holds a lock on a file of its own, which the kernel frees at its death.

No clock is asked, so no jump of a clock and no stopped process can make a living run look dead.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from ideogram_pipeline.errors import StorageError


class Owner:
    """A run that is at work, as long as the ``with`` block lasts."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self.run_id = run_id
        self._path = _lock_path(folder, run_id)
        self._lock = FileLock(self._path)

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise StorageError(
                f"Run {self.run_id} is already at work in another process."
            ) from None
        except OSError as error:
            raise StorageError(
                f"{self._path} cannot be made: {error.strerror or error}. By it other runs see "
                "that this one lives. Nothing was bought; mend the folder or the disk, run again."
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Removed while still held: whoever looks finds either a held lock or none.
        self._path.unlink(missing_ok=True)
        self._lock.release()


def is_alive(folder: Path, run_id: str) -> bool:
    """Tell whether the process of ``run_id`` still holds its lock."""
    path = _lock_path(folder, run_id)
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    path.unlink(missing_ok=True)
    lock.release()
    return False


def _lock_path(folder: Path, run_id: str) -> Path:
    return folder / f"{run_id}.lock"
