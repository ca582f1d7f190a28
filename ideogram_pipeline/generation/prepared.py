"""Statements of which a picture needs several: SQLAlchemy writes them, the driver carries them out.

SQLAlchemy's own way to the driver takes about ten times as long as such a statement does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.schema import ScalarElementColumnDefault


class Prepared:
    """A statement of Core, written once for each set of values that it is given by name.

    Values go to the driver and come back as they are, so that columns must not need more than that,
    and there can be no list after IN.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = cast(ClauseElement, statement)
        self._written: dict[tuple[str, ...], tuple[str, Sequence[str], Mapping[str, Any]]] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Carry it out; what it selects or returns, to the last row.

        Args:
            connection: Of a transaction that is under way.
            values: By the names of columns to set, and of ``bindparam``.

        Raises:
            DBAPIError: As ``connection.execute`` would.
        """
        names = tuple(values)
        text, order, constants = self._written.get(names) or self._write(connection, names)
        given = {**constants, **values}
        driver = connection.dialect.loaded_dbapi
        cursor = connection.connection.cursor()
        try:
            cursor.execute(text, [given[name] for name in order])
            return list(cursor.fetchall()) if cursor.description else []
        except driver.Error as error:
            raise DBAPIError.instance(
                text, None, error, driver.Error, dialect=connection.dialect
            ) from error
        finally:
            cursor.close()

    def scalar(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The first value of the first row; ``None`` without a row."""
        rows = self.rows(connection, values)
        return rows[0][0] if rows else None

    def _write(
        self, connection: Connection, names: tuple[str, ...]
    ) -> tuple[str, Sequence[str], Mapping[str, Any]]:
        """The text, the names of its question marks, and the values that are always the same."""
        compiled = cast(
            SQLCompiler,
            self._statement.compile(dialect=connection.dialect, column_keys=list(names)),
        )
        constants = compiled.construct_params(dict.fromkeys(names))
        defaults = {
            column.key: cast(ScalarElementColumnDefault, column.default).arg
            for column in compiled.insert_prefetch
        }
        written = compiled.string, compiled.positiontup or (), {**constants, **defaults}
        self._written[names] = written
        return written
