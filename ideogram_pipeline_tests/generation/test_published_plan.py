"""A plan with nothing to do is read back as it was published, and as nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import update

from ideogram_pipeline import warehouse
from ideogram_pipeline.catalog import remembering
from ideogram_pipeline.catalog.remembering import current_catalog
from ideogram_pipeline.generation import plans, schema
from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.generation.publication import publish_books, publish_catalog, publish_plan
from ideogram_pipeline.planning.plan import Plan
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.support import AT, Bench, bench, draw_reference, write_catalog

BOTH = ["ann", "bob"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Bench]:
    """Everything bought and published, and a new process."""
    source = write_catalog(tmp_path / "catalog", characters=BOTH, prompts=3)
    with bench(tmp_path, SandboxOptions(speed=500, tiny=True), source) as made:
        assert made.run().exit_code == 0
        publish_books(made.settings)
        publish_catalog(made.settings, current_catalog(source))
        publish(made, plan_of(made))
        forget()
        yield made


def forget() -> None:
    """What another process does not know."""
    plans._last = remembering._last = None


def plan_of(house: Bench, characters: list[str] | None = BOTH, **terms: Any) -> Plan:
    catalog = current_catalog(house.settings.catalog)
    return make_plan(house.settings, catalog, characters=characters, **({"at": AT} | terms))


def publish(house: Bench, plan: Plan, characters: list[str] = BOTH) -> None:
    publish_plan(house.settings, plan, run_id="run-2", characters=characters)


@pytest.fixture
def decisions(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans that were not read back."""
    made: list[Plan] = []
    decide = plans.decide

    def deciding(*arguments: Any) -> Plan:
        made.append(decide(*arguments))
        return made[-1]

    monkeypatch.setattr(plans, "decide", deciding)
    return made


def test_it_is_the_plan_that_would_be_made(house: Bench, decisions: list[Plan]) -> None:
    read = plan_of(house)
    assert not decisions
    catalog = current_catalog(house.settings.catalog)
    plans._last = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "published_plan", lambda *_: None)
        made = make_plan(house.settings, catalog, at=AT, characters=BOTH)
    assert decisions == [made]
    assert (len(read), read.quote, read.stamp, read.shares) == (6, 0, made.stamp, made.shares)
    assert list(read.entries()) == list(made.entries())
    assert list(read.images()) == list(made.images())
    assert sorted(read.fingerprints("reuse")) == sorted(made.fingerprints("reuse"))
    assert read.kept([]) == made.kept([])
    texts = [
        plan.cursor()
        .execute(f"SELECT request, sent FROM ({plan.with_requests()}) ORDER BY number, variation")
        .fetchall()
        for plan in (read, made)
    ]
    assert texts[0] == texts[1]


def test_it_is_not_published_again(house: Bench) -> None:
    before = house.settings.warehouse_path.stat()
    publish(house, plan_of(house))
    after = house.settings.warehouse_path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def reword(house: Bench) -> None:
    file = Path(house.settings.catalog, "prompts.csv")
    file.write_text(file.read_text().replace("scene 2", "scene two"))


def redraw(house: Bench) -> None:
    for file in Path(house.settings.catalog).glob("*.png"):
        draw_reference(file, "orange")


def remark(house: Bench) -> None:
    with open_journal(house.settings) as database, database.write() as connection:
        connection.execute(update(schema.attempts).values(error="a remark"))


def lose_a_row(house: Bench) -> None:
    with duckdb.connect(house.settings.warehouse_path) as connection:
        connection.execute("DELETE FROM generation_plan WHERE prompt_id = 'bob-2'")


def damage_the_plan(house: Bench) -> None:
    with duckdb.connect(house.settings.warehouse_path) as connection:
        connection.execute("ALTER TABLE generation_plan DROP COLUMN seed")


def plan_another_edition(house: Bench) -> None:
    """As a program that does not know of stamps would."""
    with duckdb.connect(house.settings.warehouse_path) as connection:
        connection.execute(
            "UPDATE generation_plan SET edition = '2026-12', decision = 'generate', credits = 15"
            " WHERE prompt_id = 'bob-2'"
        )


def lose_the_warehouse(house: Bench) -> None:
    house.settings.warehouse_path.unlink()


CHANGES = [reword, redraw, remark, lose_a_row, plan_another_edition]


@pytest.mark.parametrize("change", [*CHANGES, damage_the_plan, lose_the_warehouse])
def test_whatever_changes_is_planned_anew(house: Bench, decisions: list[Plan], change: Any) -> None:
    change(house)
    plan = plan_of(house)
    assert decisions == [plan]
    bought = {"reword": 2, "redraw": 6}.get(change.__name__, 0)
    assert plan.count("generate") == bought


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_published_is_mended(house: Bench, decisions: list[Plan], change: Any) -> None:
    change(house)
    publish(house, plan_of(house))
    asked = "SELECT count(*), count(DISTINCT edition) FROM generation_plan"
    assert warehouse.query(house.settings.warehouse_path, asked).rows == [(6, 1)]
    forget()
    plan_of(house)
    assert len(decisions) == (2 if change in (reword, redraw) else 1)


def test_other_characters_and_editions_are_other_plans(house: Bench, decisions: list[Plan]) -> None:
    plan_of(house, ["ann"])
    plan_of(house, None)
    assert len(decisions) == 2
    plan_of(house, at=AT + timedelta(days=40))
    assert len(decisions) == 2, "no row is refreshed"


def test_another_edition_is_another_plan(house: Bench, decisions: list[Plan]) -> None:
    file = Path(house.settings.catalog, "prompts.csv")
    head, *rows = file.read_text().splitlines()
    file.write_text("\n".join([f"{head},refresh", *(f"{row},daily" for row in rows)]) + "\n")
    assert house.run(at=AT).exit_code == 0
    publish(house, plan_of(house))
    forget()
    decisions.clear()
    assert plan_of(house, at=AT + timedelta(hours=1)).count("reuse") == 6
    assert not decisions
    assert plan_of(house, at=AT + timedelta(days=1)).count("generate") == 6
    assert len(decisions) == 1


def test_a_plan_with_something_to_do_has_no_stamp(house: Bench, decisions: list[Plan]) -> None:
    reword(house)
    plan = plan_of(house)
    assert (plan.stamp, plan.is_done) == (None, False)
    publish(house, plan)
    asked = "SELECT count(*) FROM stamps WHERE stamp <> ''"
    assert warehouse.query(house.settings.warehouse_path, asked).rows == [(0,)]
    # What was published before was edited back, and would still have its old stamp.
    file = Path(house.settings.catalog, "prompts.csv")
    file.write_text(file.read_text().replace("scene two", "scene 2"))
    assert plan_of(house).count("reuse") == 6
    assert len(decisions) == 2


def test_a_plan_of_some_takes_the_stamp_of_all_away(house: Bench, decisions: list[Plan]) -> None:
    publish(house, plan_of(house, ["ann"]), ["ann"])
    plan_of(house)
    assert len(decisions) == 2


def test_a_catalog_with_refused_rows_is_planned_each_time(
    house: Bench, decisions: list[Plan]
) -> None:
    file = Path(house.settings.catalog, "prompts.csv")
    file.write_text(file.read_text() + "bad id,ann,at sea\n")
    for _ in range(2):
        plan = plan_of(house)
        publish(house, plan)
        forget()
    assert len(decisions) == 2
    assert plan.stamp is None
