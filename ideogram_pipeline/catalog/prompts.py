"""The fit rows of a catalog: a DuckDB table, since there may be a million of them."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ideogram_pipeline.catalog.model import Character, Picture, Prompt
from ideogram_pipeline.catalog.sql import list_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PROMPT_COLUMNS = {
    "prompt_id": "VARCHAR",
    "character_id": "VARCHAR",
    "prompt": "VARCHAR",
    "aspect_ratio": "VARCHAR",
    "resolution": "VARCHAR",
    "seed": "BIGINT",
    "style_type": "VARCHAR",
    "magic_prompt_option": "VARCHAR",
    "rendering_speed": "VARCHAR",
    "image": "INTEGER",
    "mask": "INTEGER",
    "variations": "INTEGER",
    "refresh": "VARCHAR",
    "enabled": "BOOLEAN",
    "title": "VARCHAR",
    "tags": "VARCHAR[]",
    "line": "BIGINT",
}
"""Table ``prompts``: the fields of a `Prompt`, pictures by ``pictures.picture``; before them
``number``, the place in the catalog."""

_CHARACTER_COLUMNS = {
    "character_id": "VARCHAR",
    "style_type": "VARCHAR",
    "rendering_speed": "VARCHAR",
    "aspect_ratio": "VARCHAR",
    "prompt_prefix": "VARCHAR",
    "prompt_suffix": "VARCHAR",
    "reference_sha256": "VARCHAR",
}
_PICTURE_COLUMNS = {"picture": "INTEGER", "path": "VARCHAR", "sha256": "VARCHAR"}
_BATCH = 10_000
_MEMORY = "1GB"
"""What does not fit goes to the system's folder for temporary files."""


def new_connection() -> DuckDBPyConnection:
    """Open a DuckDB in memory; it reads files, and nothing of the network's or of Python's."""
    # 0.1 s to import, which a command that needs no catalog does not wait for.
    import duckdb

    spill = Path(tempfile.gettempdir()) / f"ideogram-pipeline-{uuid.uuid4().hex}"
    return duckdb.connect(
        config={
            # A variable of ours must not be taken for a table of the user's.
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "memory_limit": _MEMORY,
            "temp_directory": str(spill),
        }
    )


def put_characters(
    connection: DuckDBPyConnection, table: str, characters: Mapping[str, Character]
) -> None:
    """Make ``table`` with what characters add to their prompts."""
    rows = (
        (
            who.character_id,
            who.style_type,
            who.rendering_speed,
            who.aspect_ratio,
            who.prompt_prefix,
            who.prompt_suffix,
            who.reference.sha256,
        )
        for who in characters.values()
    )
    make_table(connection, table, _CHARACTER_COLUMNS, rows)


def make_table(
    connection: DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    rows: Iterable[tuple[Any, ...]] = (),
) -> None:
    """Make a table of columns and their types, with tuples of the columns' values in it."""
    defined = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    connection.execute(f"CREATE TABLE {table} ({defined})")
    insert_rows(connection, table, columns, rows)


def insert_rows(
    connection: DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    rows: Iterable[tuple[Any, ...]],
) -> None:
    """Insert tuples of the columns' values, in their order."""
    names = ", ".join(columns)
    rest = iter(rows)
    while batch := list(islice(rest, _BATCH)):
        by_column = zip(columns.values(), zip(*batch, strict=True), strict=True)
        cells = ", ".join(f"unnest({list_of(values, kind)})" for kind, values in by_column)
        connection.execute(f"INSERT INTO {table} ({names}) SELECT {cells}")


class Prompts:
    """The fit rows of the prompts, in the order of the catalog.

    Iterating makes one `Prompt` after the other; what can be asked in SQL is asked of ``cursor``.
    """

    def __init__(self, connection: DuckDBPyConnection | None = None) -> None:
        self._connection = connection
        self._pictures: list[Picture] = []
        self._waiting: tuple[Prompt, ...] = ()
        if connection is not None:
            _create_pictures(connection)

    @classmethod
    def of(cls, rows: Iterable[Prompt]) -> Prompts:
        """Prompts that are at hand already; DuckDB is made when it is first asked."""
        made = cls()
        made._waiting = tuple(rows)
        return made

    def add(self, rows: Iterable[Prompt]) -> None:
        """Add rows; each ``line`` says where they belong among those of the same table."""
        if self._connection is None:
            self._waiting += tuple(rows)
        else:
            self._insert(self._connection, ((row.line, row) for row in rows))

    @property
    def pictures(self) -> Sequence[Picture]:
        """The pictures that rows name, each once; what ``pictures.picture`` counts from 0."""
        self._connected()
        return self._pictures

    def cursor(self) -> DuckDBPyConnection:
        """A connection of the caller's own to the tables ``prompts`` and ``pictures``."""
        return self._connected().cursor()

    def refreshes(self) -> list[str]:
        """The different refreshes of the enabled rows."""
        found = self.cursor().execute("SELECT DISTINCT refresh FROM prompts WHERE enabled")
        return [refresh for (refresh,) in found.fetchall()]

    def read(self, cells: Sequence[Any]) -> Prompt:
        """Make a prompt of the columns ``PROMPT_COLUMNS`` of a row."""
        values = dict(zip(PROMPT_COLUMNS, cells, strict=True))
        for name in ("image", "mask"):
            if values[name] is not None:
                values[name] = self._pictures[values[name]]
        values["tags"] = tuple(values["tags"])
        return Prompt(**values)

    def __eq__(self, other: object) -> bool:
        """The same rows in the same order."""
        return isinstance(other, Prompts) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        """Number of rows."""
        if self._connection is None:
            return len(self._waiting)
        (count,) = self.cursor().execute("SELECT count(*) FROM prompts").fetchall()[0]
        return int(count)

    def __iter__(self) -> Iterator[Prompt]:
        """Each row in the order of the catalog."""
        if self._connection is None:
            yield from self._waiting
            return
        found = self.cursor().execute(
            f"SELECT {', '.join(PROMPT_COLUMNS)} FROM prompts ORDER BY number"
        )
        while batch := found.fetchmany(_BATCH):
            yield from map(self.read, batch)

    def _connected(self) -> DuckDBPyConnection:
        if self._connection is None:
            connection = new_connection()
            make_table(connection, "prompts", {"number": "BIGINT", **PROMPT_COLUMNS})
            _create_pictures(connection)
            self._insert(connection, enumerate(self._waiting))
            self._connection, self._waiting = connection, ()
        return self._connection

    def _insert(self, connection: DuckDBPyConnection, rows: Iterable[tuple[int, Prompt]]) -> None:
        numbers = {picture: number for number, picture in enumerate(self._pictures)}
        known = len(numbers)

        def cells(number: int, prompt: Prompt) -> tuple[Any, ...]:
            values = {name: getattr(prompt, name) for name in PROMPT_COLUMNS}
            for name in ("image", "mask"):
                if picture := values[name]:
                    values[name] = numbers.setdefault(picture, len(numbers))
            return number, *values.values()

        columns = {"number": "BIGINT", **PROMPT_COLUMNS}
        insert_rows(connection, "prompts", columns, (cells(*row) for row in rows))
        new = list(numbers)[known:]
        found = ((numbers[picture], str(picture.path), picture.sha256) for picture in new)
        insert_rows(connection, "pictures", _PICTURE_COLUMNS, found)
        self._pictures += new


def _create_pictures(connection: DuckDBPyConnection) -> None:
    make_table(connection, "pictures", _PICTURE_COLUMNS)
