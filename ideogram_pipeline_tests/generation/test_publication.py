"""The warehouse is made from the journal, and can be made again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest
from filelock import FileLock
from sqlalchemy import select, update

from ideogram_pipeline import warehouse
from ideogram_pipeline.generation import publication, schema
from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.generation.publication import publish_books, publish_catalog, publish_plan
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.warehouse import publishing
from ideogram_pipeline_tests.support import AT, Bench, bench, write_catalog

UNLUCKY = [{"fault": "job_failed"}, {"fault": "job_refused"}]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A run with a failed, repeated job and a refused one."""
    folder = tmp_path_factory.mktemp("publication")
    source = write_catalog(folder / "catalog", prompts=2)
    with bench(folder, SandboxOptions(speed=500, tiny=True), source) as made:
        made.tell("faults", UNLUCKY)
        assert made.run().exit_code == 4
        yield made


def rows(desk: Bench, sql: str) -> list[tuple[object, ...]]:
    return warehouse.query(desk.settings.warehouse_path, sql).rows


def journal(desk: Bench, query: Any) -> list[tuple[object, ...]]:
    with open_journal(desk.settings) as opened, opened.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def everything(desk: Bench) -> dict[str, list[tuple[object, ...]]]:
    tables = ("generations", "images", "credit_ledger", "runs")
    return {table: rows(desk, f"SELECT * FROM {table} ORDER BY ALL") for table in tables}


def test_its_rows_are_the_journals(desk: Bench) -> None:
    publish_books(desk.settings)
    of = schema.attempts.c
    columns = (of.fingerprint, of.number, of.idempotency_key, of.state, of.job_id, of.credits)
    assert rows(
        desk,
        "SELECT fingerprint, attempt, idempotency_key, status, job_id, expected_credits"
        " FROM generations ORDER BY idempotency_key",
    ) == journal(desk, select(*columns).order_by(of.idempotency_key))
    images = select(of.path, of.sha256, of.bytes, of.job_id).where(of.state == "stored")
    assert rows(desk, "SELECT path, sha256, bytes, job_id FROM images ORDER BY path") == journal(
        desk, images.order_by(of.path)
    )
    entries = select(of.job_id, schema.ledger.c.entry_type, schema.ledger.c.credits)
    joined = entries.join(schema.ledger, schema.ledger.c.attempt_id == of.id)
    assert rows(
        desk, "SELECT job_id, entry_type, credits FROM credit_ledger ORDER BY entry_id"
    ) == journal(desk, joined.order_by(schema.ledger.c.entry_id))


def test_the_ledger_is_the_providers_bill(desk: Bench) -> None:
    publish_books(desk.settings)
    truth = desk.truth()
    sums = "SELECT entry_type, sum(credits)::BIGINT FROM credit_ledger GROUP BY ALL ORDER BY ALL"
    assert rows(desk, sums) == [("charge", truth["charges"]), ("refund", -truth["refunds"])]
    assert truth["refunds"] == 20
    jobs = {job["id"]: job["charge"] - job["refund"] for job in truth["jobs"]}
    assert dict(rows(desk, "SELECT job_id, credits FROM generations")) == jobs  # type: ignore[arg-type]


def test_the_request_is_kept_as_it_was_sent(desk: Bench) -> None:
    publish_books(desk.settings)
    sent = {job["id"]: job["input"] for job in desk.truth()["jobs"]}
    found = rows(desk, "SELECT job_id, request FROM generations")
    assert {job_id: json.loads(str(body)) for job_id, body in found} == sent


def test_a_run_has_its_sums(desk: Bench) -> None:
    publish_books(desk.settings)
    columns = "status, characters, images_planned, images_made, images_failed"
    sums = "credits_quoted, credits_charged, credits_refunded"
    ((*counts, quoted, charged, refunded),) = rows(desk, f"SELECT {columns}, {sums} FROM runs")
    assert counts == ["finished", 2, 4, 3, 1]
    assert (quoted, charged, refunded) == (40, 50, 20)


def test_what_is_not_known_is_not_0(desk: Bench) -> None:
    move = "UPDATE attempts SET state = '{}' WHERE state = '{}' AND NOT retriable"
    with open_journal(desk.settings) as opened:
        with opened.write() as connection:
            connection.exec_driver_sql(move.format("unresolved", "failed"))
        publish_books(desk.settings)
        unknown = rows(desk, "SELECT credits FROM generations WHERE status = 'unresolved'")
        assert unknown == [(None,)]
        with opened.write() as connection:
            connection.exec_driver_sql(move.format("failed", "unresolved"))


@pytest.mark.parametrize("characters", [None, ["ann"]])
def test_a_deleted_warehouse_is_rebuilt_whole(desk: Bench, characters: list[str] | None) -> None:
    publish_books(desk.settings)
    before = everything(desk)
    desk.settings.warehouse_path.unlink()
    assert not publish_books(desk.settings, characters=characters).rebuilt
    assert everything(desk) == before


def test_publishing_again_changes_nothing_and_writes_once(desk: Bench) -> None:
    publish_books(desk.settings)
    before = everything(desk)
    assert not publish_books(desk.settings, characters=["ann"]).rebuilt
    assert everything(desk) == before


def test_the_plan_and_the_catalog_of_today_take_the_place_of_the_older(desk: Bench) -> None:
    plan = desk.plan()
    for _ in range(2):
        publish_catalog(desk.settings, desk.catalog())
        publish_plan(desk.settings, plan, run_id="run-1", characters=["ann", "bob"])
    decided = rows(desk, "SELECT decision, count(*) FROM generation_plan GROUP BY ALL ORDER BY ALL")
    assert decided == [("blocked", 1), ("reuse", 3)]
    assert rows(desk, "SELECT sum(credits)::BIGINT FROM generation_plan") == [(plan.quote,)]
    assert rows(desk, "SELECT count(*) FROM characters") == [(2,)]
    assert rows(desk, "SELECT count(*) FROM prompt_catalog") == [(4,)]


def test_a_plan_is_dated_when_it_was_made(desk: Bench) -> None:
    nothing = make_plan(desk.settings, desk.catalog(), at=AT, characters=["nobody"])
    publish_plan(desk.settings, nothing, run_id="run-0", characters=["ann", "bob"])
    before = datetime.now(UTC).replace(tzinfo=None)
    publish_plan(desk.settings, desk.plan(AT), run_id="run-1", characters=["ann", "bob"])
    after = datetime.now(UTC).replace(tzinfo=None)
    ((planned_at,),) = rows(desk, "SELECT DISTINCT planned_at FROM generation_plan")
    assert before <= planned_at <= after  # type: ignore[operator]


def test_a_character_without_prompts_loses_its_old_plan(desk: Bench) -> None:
    publish_plan(desk.settings, desk.plan(), run_id="run-1", characters=["ann", "bob"])
    nothing = make_plan(desk.settings, desk.catalog(), at=AT, characters=["nobody"])
    publish_plan(desk.settings, nothing, run_id="run-1", characters=["ann"])
    left = rows(desk, "SELECT DISTINCT character_id FROM generation_plan")
    assert left == [("bob",)]


def test_a_journal_without_a_run_publishes_empty_tables(tmp_path: Path) -> None:
    with bench(tmp_path, SandboxOptions(speed=500, tiny=True)) as fresh:
        assert not publish_books(fresh.settings).rebuilt
        assert not any(everything(fresh).values())


def another_buys(desk: Bench) -> None:
    """Somebody adds a character, buys its pictures and publishes the books."""
    folder = Path(desk.settings.catalog)
    write_catalog(folder, characters=("ann", "bob", "cid"), prompts=2)
    assert desk.run().exit_code == 0
    publish_books(desk.settings)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Bench]:
    source = write_catalog(tmp_path / "catalog", prompts=2)
    with bench(tmp_path, SandboxOptions(speed=500, tiny=True), source) as made:
        made.run()
        publish_books(made.settings)
        yield made


HOMELESS = "SELECT count(*) FROM credit_ledger ANTI JOIN generations USING (job_id)"


def test_who_waited_for_another_publishes_what_is_true_by_then(
    small: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Queue(FileLock):
        def __enter__(self) -> Self:
            monkeypatch.undo()
            another_buys(small)
            return super().__enter__()

    monkeypatch.setattr(publishing, "FileLock", Queue)
    publish_books(small.settings)
    assert rows(small, "SELECT count(*) FROM generations") == [(6,)]
    assert rows(small, HOMELESS) == [(0,)]


def test_what_is_booked_meanwhile_is_published_next_time(
    small: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the ledger would have entries of attempts that are not in the other tables."""
    original = publication._ledger_entries
    small.settings.warehouse_path.unlink()

    def entries(*arguments: Any) -> list[dict[str, Any]]:
        monkeypatch.undo()
        write_catalog(Path(small.settings.catalog), characters=("ann", "bob", "cid"), prompts=2)
        assert small.run().exit_code == 0
        return original(*arguments)

    monkeypatch.setattr(publication, "_ledger_entries", entries)
    publish_books(small.settings)
    assert rows(small, HOMELESS) == [(0,)]
    publish_books(small.settings)
    assert rows(small, "SELECT count(*) FROM credit_ledger") == [(6,)]


def test_only_what_has_changed_is_published(tmp_path: Path) -> None:
    source = write_catalog(tmp_path / "catalog", prompts=1)
    with bench(tmp_path, SandboxOptions(speed=500, tiny=True), source) as own:
        both = ["ann", "bob"]
        own.run()
        publish_books(own.settings, characters=both)
        before = everything(own)
        with open_journal(own.settings) as database, database.write() as connection:
            connection.execute(
                update(schema.attempts)
                .where(schema.attempts.c.character_id == "bob")
                .values(error="a remark")
            )
        publish_books(own.settings, characters=["ann"])
        assert everything(own) == before
        publish_books(own.settings, characters=both)
        assert rows(own, "SELECT character_id FROM generations WHERE error = 'a remark'") == [
            ("bob",)
        ]


def test_an_unchanged_catalog_and_plan_leave_the_file_alone(tmp_path: Path) -> None:
    source = write_catalog(tmp_path / "catalog", prompts=1)
    with bench(tmp_path, SandboxOptions(speed=500, tiny=True), source) as own:
        publish_books(own.settings)

        def publish() -> int:
            publish_catalog(own.settings, own.catalog())
            publish_plan(own.settings, own.plan(), run_id="run-1", characters=["ann", "bob"])
            return own.settings.warehouse_path.stat().st_mtime_ns

        first = publish()
        assert publish() == first
        prompts = Path(source, "prompts.csv")
        head, *lines = prompts.read_text().splitlines()
        prompts.write_text("\n".join([head, *reversed(lines)]) + "\n")
        second = publish()
        assert second != first, "the order of the rows is the order in which they are shown"
        publish_plan(own.settings, own.plan(), run_id="run-2", characters=["ann", "bob"])
        assert rows(own, "SELECT DISTINCT run_id FROM generation_plan") == [("run-1",)]
