"""What the provider's own truth says about a run and its books."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, select

from ideogram_pipeline.generation import schema
from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.reconciliation import reconcile
from ideogram_pipeline.generation.totals import COUNTED_ANEW
from ideogram_pipeline_tests.support import Bench


def paid(desk: Bench) -> list[dict[str, Any]]:
    """The jobs that were paid and not given back."""
    return [job for job in desk.truth()["jobs"] if job["charge"] > job["refund"]]


def requests(desk: Bench, route: str) -> int:
    """Requests on a route that the provider has seen."""
    return sum(desk.truth()["requests"].get(route, {}).values())


def stored(desk: Bench) -> list[tuple[str, str, str]]:
    """Path, digest and job of each picture, by the journal."""
    table = schema.attempts.c
    query = select(table.path, table.sha256, table.job_id).where(table.state == schema.STORED)
    with open_journal(desk.settings) as journal, journal.read() as connection:
        return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(table.path))]


def assert_totals_right(connection: Connection) -> None:
    """The running totals are what they are the sums of."""
    tables = ("spent_by_run", "spent_by_month", "committed_by_hundred")
    kept, counted = [], []
    for totals in (kept, counted):
        for table in tables:
            # A total of 0 may have a row or none.
            query = f"SELECT * FROM {table} WHERE credits <> 0 ORDER BY 1, 2"
            totals.append(connection.exec_driver_sql(query).all())
        for statement in COUNTED_ANEW:
            connection.exec_driver_sql(statement)
    assert kept == counted


def assert_books_right(desk: Bench, pictures: int) -> None:
    """So many pictures, each of a paid job of its own, whole on the disk; books to the credit."""
    truth = desk.truth()
    images = stored(desk)
    assert len(images) == len({job_id for _, _, job_id in images}) == pictures
    assert {job_id for _, _, job_id in images} <= {job["id"] for job in paid(desk)}
    for path, digest, _ in images:
        content = (desk.settings.folder / path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
    with open_journal(desk.settings) as journal, journal.write() as connection:
        assert_totals_right(connection)
    checked = reconcile(desk.settings, whole=True)
    assert checked.ledger_net == truth["charges"] - truth["refunds"]
    assert (checked.drift, checked.orphans, checked.missing) == (0, (), ())
    assert checked.balance == truth["balance"]
