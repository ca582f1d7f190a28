"""The system calls on some files, read from what strace has written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_REPLAYED = (
    "openat,read,lseek,write,pwrite64,writev,ftruncate,fsync,fdatasync,"
    "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat"
)
_NOT_REPLAYED = (
    "open,creat,truncate,pwritev,pwritev2,fallocate,sync_file_range,sync,syncfs,msync,"
    "link,linkat,symlink,symlinkat,sendfile,copy_file_range,splice,io_uring_enter"
)
"""What changes a disk too, and is not made use of; to meet it is an error."""

_LONGEST_STRING = 1 << 26
"""Bytes of one write that strace is to show; the longest of the pipeline has a megabyte."""

_HEX = r'[^">]*'
_LINE = re.compile(r"\d+ +(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+|\?)")
_HANDLE = re.compile(r"\d+")
_STRING = re.compile(f'"({_HEX})"')
_OPENED = re.compile(f"\\d+<({_HEX})>")
_PATH = re.compile(f'(?:(?:\\d+|AT_FDCWD)<({_HEX})>, )?"({_HEX})"')


class NotFollowed(Exception):
    """The trace holds something that cannot be replayed."""


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that succeeded."""

    name: str
    arguments: str
    """As strace writes them, all strings in hexadecimal."""
    result: int

    def __str__(self) -> str:
        where = [Path(_bytes(text).decode()) for text in _OPENED.findall(self.arguments)]
        return f"{self.name} {'/'.join((where or self.paths)[-1].parts[-3:])}"

    @property
    def handle(self) -> int:
        """The first argument, an open file."""
        found = _HANDLE.match(self.arguments)
        assert found, self.arguments
        return int(found.group())

    @property
    def data(self) -> bytes:
        """The bytes of all buffers together, as many as were taken."""
        return b"".join(map(_bytes, _STRING.findall(self.arguments)))[: self.result]

    @property
    def paths(self) -> list[Path]:
        """The arguments that name files."""
        found = _PATH.findall(self.arguments)
        return [Path(_bytes(folder).decode(), _bytes(path).decode()) for folder, path in found]

    def concerns(self, path: Path) -> bool:
        """Whether an argument names a file, or is open on it."""
        return _hexadecimal(path) in self.arguments

    @property
    def last_number(self) -> int:
        """The last argument."""
        return int(self.arguments.rpartition(" ")[2])


def trace_options(trace: Path) -> list[str]:
    """With these, strace writes what ``read_calls`` reads."""
    shown = ["-y", "-xx", "-s", str(_LONGEST_STRING), "-e", "signal=none"]
    return [*shown, "-e", f"trace={_REPLAYED},{_NOT_REPLAYED}", "-o", str(trace)]


def read_calls(trace: Path, places: Sequence[Path]) -> Iterator[Call]:
    """The calls on files at or below some places, in their order, without those that did nothing.

    Raises:
        NotFollowed: A call that cannot be replayed.
    """
    sought = [_hexadecimal(place) for place in places]
    with trace.open(encoding="ascii") as lines:
        for line in lines:
            if not any(place in line for place in sought):
                continue
            found = _LINE.match(line)
            if not found:
                # Two threads at work at a time: their order is not known.
                raise NotFollowed(line[:200])
            if found["result"].startswith(("-", "?")):
                continue  # It failed, or the process was killed as it entered the call.
            call = Call(found["name"], found["arguments"], int(found["result"]))
            if call.name not in _REPLAYED.split(","):
                raise NotFollowed(line[:200])
            yield call


def _hexadecimal(path: Path) -> str:
    return "".join(f"\\x{byte:02x}" for byte in str(path).encode())


def _bytes(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal.replace("\\x", ""))
