"""Statements that go to the driver themselves come out as SQLAlchemy's way would have them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from ideogram_pipeline.generation.prepared import Prepared

_pets = Table(
    "pets",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String, unique=True),
    Column("legs", Integer, nullable=False, default=4),
)
_ADD = Prepared(insert(_pets).returning(_pets.c.id, _pets.c.name, _pets.c.legs))


@pytest.fixture
def connection() -> Iterator[Connection]:
    """Of a database in memory."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        _pets.create(connection)
        yield connection
    engine.dispose()


def test_defaults_are_filled_in_unless_given(connection: Connection) -> None:
    assert _ADD.rows(connection, {"name": "Rex"}) == [(1, "Rex", 4)]
    assert _ADD.rows(connection, {"legs": 2, "name": "Kiki"}) == [(2, "Kiki", 2)]


def test_what_is_constant_in_a_statement_stays(connection: Connection) -> None:
    _ADD.rows(connection, {"name": "Rex"})
    _ADD.rows(connection, {"name": "Kiki", "legs": 2})
    walkers = Prepared(
        select(_pets.c.name).where(_pets.c.legs == 4, _pets.c.id >= bindparam("first"))
    )
    assert walkers.scalar(connection, {"first": 1}) == "Rex"
    assert walkers.scalar(connection, {"first": 2}) is None


def test_an_update_says_what_it_changed(connection: Connection) -> None:
    _ADD.rows(connection, {"name": "Rex"})
    rename = Prepared(update(_pets).where(_pets.c.id == bindparam("of_id")).returning(_pets.c.name))
    assert rename.rows(connection, {"of_id": 1, "name": "Max"}) == [("Max",)]
    assert rename.rows(connection, {"of_id": 2, "name": "Ann"}) == []


def test_errors_are_those_of_sqlalchemy(connection: Connection) -> None:
    _ADD.rows(connection, {"name": "Rex"})
    with pytest.raises(IntegrityError, match=r"pets\.name"):
        _ADD.rows(connection, {"name": "Rex"})
