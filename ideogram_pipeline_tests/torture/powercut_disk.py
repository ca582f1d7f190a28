"""A disk that may lose power: which names and which bytes it can hold afterwards.

What was synced is there. Of the rest each write may be there, in part or not at all, and each
change of a folder too: to sync a file keeps its content and not its name, to sync a folder keeps
the names in it and not its own (fsync(2)). What is relied on beyond that: a sector is written
whole, a rename happens or does not, and the changes of one folder happen in their order.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""

Kept = Literal["none", "some", "all"]
"""How much the disk has of what was not synced."""

_NO_CHANCE = random.Random(0)
"""For what leaves nothing to it."""


@dataclass(eq=False, slots=True)
class Node:
    """A file or a folder, whatever its names are."""

    is_folder: bool = False
    synced: bytes = b""
    """Of the content, what is on the disk for sure."""
    unsynced: list[_Write | _Cut] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Bytes of the file, as running programs see it."""
        return len(self.content("all", _NO_CHANCE))

    def content(self, kept: Kept, chance: random.Random) -> bytes:
        """What the disk may hold of the content; all of it is what running programs see."""
        if not self.unsynced or kept == "none":
            return self.synced
        content = bytearray(self.synced)
        share = chance.random()
        for change in self.unsynced:
            for part in change.parts(whole=kept == "all"):
                if kept == "all" or chance.random() < share:
                    part.apply(content)
        return bytes(content)


@dataclass(frozen=True, slots=True)
class _Write:
    offset: int
    data: bytes

    def parts(self, *, whole: bool) -> Iterator[_Write]:
        if whole:
            yield self
            return
        start, end = self.offset, self.offset + len(self.data)
        while start < end:
            border = min(end, (start // SECTOR + 1) * SECTOR)
            yield _Write(start, self.data[start - self.offset : border - self.offset])
            start = border

    def apply(self, content: bytearray) -> None:
        _Cut(max(len(content), self.offset)).apply(content)
        content[self.offset : self.offset + len(self.data)] = self.data


@dataclass(frozen=True, slots=True)
class _Cut:
    length: int

    def parts(self, *, whole: bool) -> Iterator[_Cut]:
        yield self

    def apply(self, content: bytearray) -> None:
        del content[self.length :]
        content.extend(bytes(self.length - len(content)))


_Name = tuple[Node, str]
"""A folder, and a name in it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """A change of one folder, or of two by a rename."""

    node: Node
    gone: _Name | None = None
    new: _Name | None = None

    @property
    def folders(self) -> set[Node]:
        return {name[0] for name in (self.gone, self.new) if name}

    @property
    def tied(self) -> set[Node]:
        """No earlier change of one of these is missing where this one has happened."""
        return self.folders if self.node.is_folder else self.folders | {self.node}

    def apply(self, names: dict[_Name, Node]) -> None:
        if self.gone and names.get(self.gone) is self.node:
            del names[self.gone]
        if self.new:
            names[self.new] = self.node


class Disk:
    """One folder: as running programs see it, and what the disk has of it for sure."""

    def __init__(self) -> None:
        self.root = Node(is_folder=True)
        self._names: dict[_Name, Node] = {}
        self._synced: dict[_Name, Node] = {}
        self._unsynced: list[_Change] = []

    def find(self, path: PurePosixPath) -> Node | None:
        """The file or folder that running programs see at a path below the root."""
        node: Node | None = self.root
        for name in path.parts:
            node = self._names.get((node, name)) if node else None
        return node

    def make(self, path: PurePosixPath, *, folder: bool = False) -> Node:
        """Make an empty file or folder."""
        node = Node(is_folder=folder)
        self._do(_Change(node, new=self._name(path)))
        return node

    def remove(self, path: PurePosixPath) -> None:
        """Take a name away."""
        name = self._name(path)
        self._do(_Change(self._names[name], gone=name))

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Give a file another name, over what had that name."""
        gone = self._name(old)
        self._do(_Change(self._names[gone], gone=gone, new=self._name(new)))

    def write(self, node: Node, offset: int, data: bytes) -> None:
        """Write into a file."""
        node.unsynced.append(_Write(offset, data))

    def cut(self, node: Node, length: int) -> None:
        """Give a file a length, in bytes."""
        node.unsynced.append(_Cut(length))

    def sync(self, node: Node) -> None:
        """Bring the content of a file, or the names in a folder, to the disk for sure."""
        if not node.is_folder:
            node.synced = node.content("all", _NO_CHANCE)
            node.unsynced.clear()
            return
        tied = {node}
        happened: list[_Change] = []
        for change in reversed(self._unsynced):
            if not tied.isdisjoint(change.tied):
                tied |= change.tied
                happened.append(change)
        for change in reversed(happened):
            change.apply(self._synced)
            self._unsynced.remove(change)

    def image(self, data: Kept, names: Kept, chance: random.Random) -> dict[PurePosixPath, bytes]:
        """The files that may be found when the power is back.

        Args:
            data: How much there is of the content that was not synced.
            names: How much there is of the changes of folders that were not synced.
            chance: Decides which are there, where it is some.
        """
        found = dict(self._synced)
        missing: set[Node] = set()
        share = chance.random()
        for change in self._unsynced:
            happens = names == "all" or (names == "some" and chance.random() < share)
            if happens and missing.isdisjoint(change.tied):
                change.apply(found)
            else:
                missing |= change.tied
        below: dict[Node, list[tuple[str, Node]]] = {}
        for (folder, name), node in found.items():
            below.setdefault(folder, []).append((name, node))
        return {
            path: node.content(data, chance)
            for path, node in _walk(below, self.root, PurePosixPath())
        }

    def _name(self, path: PurePosixPath) -> _Name:
        folder = self.find(path.parent)
        assert folder is not None, f"{path} has no folder"
        return folder, path.name

    def _do(self, change: _Change) -> None:
        change.apply(self._names)
        self._unsynced.append(change)


def _walk(
    below: dict[Node, list[tuple[str, Node]]], folder: Node, path: PurePosixPath
) -> Iterator[tuple[PurePosixPath, Node]]:
    for name, node in below.get(folder, ()):
        if node.is_folder:
            yield from _walk(below, node, path / name)
        else:
            yield path / name, node
