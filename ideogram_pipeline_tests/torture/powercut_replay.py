"""From the system calls of a run to what they have done to a disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ideogram_pipeline_tests.torture.powercut_disk import Disk, Node
from ideogram_pipeline_tests.torture.powercut_trace import Call, NotFollowed


@dataclass(slots=True)
class _Open:
    node: Node
    appends: bool
    position: int = 0


class Replay:
    """The calls of one process, done to a disk; the next process is another one."""

    def __init__(self, disk: Disk, root: Path) -> None:
        self._disk = disk
        self._root = root
        self._open: dict[int, _Open] = {}

    def do(self, call: Call) -> None:
        """Do to the disk what a call has done.

        Raises:
            NotFollowed: It is about a file outside, or was opened by other means.
        """
        disk = self._disk
        match call.name:
            case "openat":
                self._do_open(call)
            case "mkdir" | "mkdirat":
                disk.make(self._inside(call.paths[0]), folder=True)
            case "unlink" | "unlinkat" | "rmdir":
                disk.remove(self._inside(call.paths[0]))
            case "rename" | "renameat" | "renameat2":
                old, new = map(self._inside, call.paths)
                disk.rename(old, new)
            case _:
                self._do_with_handle(call)

    def _do_open(self, call: Call) -> None:
        path = self._inside(call.paths[0])
        node = self._disk.find(path)
        if node is None:
            if "O_CREAT" not in call.arguments:
                raise NotFollowed(f"{path} was opened and never made")
            node = self._disk.make(path)
        if "O_TRUNC" in call.arguments:
            self._disk.cut(node, 0)
        self._open[call.result] = _Open(node, appends="O_APPEND" in call.arguments)

    def _do_with_handle(self, call: Call) -> None:
        opened = self._open.get(call.handle)
        if opened is None:
            if call.name in ("read", "lseek"):
                return  # Of a duplicate, by which a folder is listed.
            raise NotFollowed(f"{call} on a handle that was not opened")
        disk, node = self._disk, opened.node
        match call.name:
            case "read":
                opened.position += call.result
            case "lseek":
                opened.position = call.result
            case "write" | "writev":
                offset = node.length if opened.appends else opened.position
                disk.write(node, offset, call.data)
                opened.position = offset + call.result
            case "pwrite64":
                disk.write(node, call.last_number, call.data)
            case "ftruncate":
                disk.cut(node, call.last_number)
            case "fsync" | "fdatasync":
                disk.sync(node)

    def _inside(self, path: Path) -> PurePosixPath:
        if not path.is_relative_to(self._root):
            raise NotFollowed(f"{path} is not below {self._root}")
        return PurePosixPath(path.relative_to(self._root))
