from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from ideogram_pipeline.warehouse.changes import Append, Replace
from ideogram_pipeline.warehouse.publishing import Published, publish
from ideogram_pipeline.warehouse.reading import query
from ideogram_pipeline_tests.warehouse.rows import Row, character, entry, planned


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    return query(path, sql).rows


def test_append_books_each_entry_once_and_never_changes_it(path: Path) -> None:
    publish(path, [Append("credit_ledger", [entry("1", 10), entry("2", 20)], "entry_id")])
    again = [entry("2", 99), entry("3", 30), entry("3", 30)]
    publish(path, [Append("credit_ledger", again, "entry_id")])

    ledger = rows(path, "SELECT entry_id, credits FROM credit_ledger ORDER BY entry_id")
    assert ledger == [("1", 10), ("2", 20), ("3", 30)]


def test_changes_that_are_made_on_demand_are_made_once_and_under_the_lock(path: Path) -> None:
    def changes() -> list[Append]:
        made.append(publish(path, [], wait_seconds=0.01).lag)
        return [Append("credit_ledger", [entry("1")], "entry_id")]

    made: list[bool] = []
    assert not publish(path, changes).lag
    assert (made, rows(path, "SELECT count(*) FROM credit_ledger")) == ([True], [(1,)])


def test_replace_touches_only_the_rows_that_it_names(path: Path) -> None:
    publish(path, [Replace("characters", [character("mira"), character("otto")])])
    renamed = [character("mira", name="Mira II")]
    publish(path, [Replace("characters", renamed, {"character_id": ["mira"]})])

    assert rows(path, "SELECT name FROM characters ORDER BY ALL") == [("Mira II",), ("Otto",)]


def test_replace_by_several_columns_needs_all_of_them_to_match(path: Path) -> None:
    plan = [planned("a", "reuse", edition="base"), planned("b", "reuse", edition="2026-11")]
    publish(path, [Replace("generation_plan", plan)])
    where = {"character_id": ["mira", "otto"], "edition": ["base"]}
    publish(path, [Replace("generation_plan", [], where)])

    assert rows(path, "SELECT fingerprint FROM generation_plan") == [("b",)]


def test_replace_without_values_deletes_nothing_and_without_where_everything(path: Path) -> None:
    publish(path, [Replace("characters", [character("mira")])])
    publish(path, [Replace("characters", [], {"character_id": []})])
    assert rows(path, "SELECT count(*) FROM characters") == [(1,)]
    publish(path, [Replace("characters", [])])
    assert rows(path, "SELECT count(*) FROM characters") == [(0,)]


@pytest.mark.parametrize("form", [list, pd.DataFrame])
def test_a_column_of_nothing_but_none_is_null_in_any_type(path: Path, form: type) -> None:
    empty: Row = {"run_id": None, "variation": None, "note": None}
    publish(path, [Append("credit_ledger", form([entry("1", **empty)]), "entry_id")])

    assert rows(path, "SELECT run_id, variation, note FROM credit_ledger") == [(None, None, None)]


def test_columns_go_by_name_and_those_not_given_are_null(path: Path) -> None:
    backwards = dict(reversed(character("mira", prompt_prefix="A fox,").items()))
    publish(path, [Replace("characters", [backwards, character("otto")])])

    ask = "SELECT character_id, name, prompt_prefix FROM characters ORDER BY ALL"
    assert rows(path, ask) == [("mira", "Mira", "A fox,"), ("otto", "Otto", None)]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 22, 23, 30),
        datetime(2026, 11, 22, 23, 30, tzinfo=UTC),
        datetime(2026, 11, 23, 8, 30, tzinfo=timezone(timedelta(hours=9))),
        "2026-11-22T18:30:00.000000-05:00",
    ],
)
@pytest.mark.parametrize("form", [list, pd.DataFrame])
def test_every_moment_is_stored_in_utc(path: Path, moment: object, form: type) -> None:
    publish(path, [Append("credit_ledger", form([entry("1", booked_at=moment)]), "entry_id")])

    assert rows(path, "SELECT booked_at FROM credit_ledger") == [(datetime(2026, 11, 22, 23, 30),)]


def test_lists_and_json_keep_their_form(path: Path) -> None:
    plan = [
        planned("a", "reuse", tags=("fox", "it's"), request={"prompt": 'ü "x"'}),
        planned("b", "reuse", tags=[], request='{"seed": 7}'),
        planned("c", "reuse", tags=None, request=None),
    ]
    publish(path, [Replace("generation_plan", plan)])

    ask = (
        "SELECT tags, request->>'prompt', CAST(request->>'seed' AS INTEGER)"
        " FROM generation_plan ORDER BY fingerprint"
    )
    assert rows(path, ask) == [(["fox", "it's"], 'ü "x"', None), ([], None, 7), (None, None, None)]


def test_what_was_read_as_a_frame_can_be_published_as_one(path: Path) -> None:
    from ideogram_pipeline.warehouse.reading import frame

    publish(path, [Replace("characters", [character("mira", monthly_credit_budget=500)])])
    before = rows(path, "FROM characters")
    publish(path, [Replace("characters", frame(path, "characters"))])

    assert rows(path, "FROM characters") == before


@pytest.mark.parametrize(
    "change",
    [
        Replace("characters", [character("mira", nmae="typo")]),
        Replace("characters", [], {"charcter_id": ["mira"]}),
        Append("credit_ledger", [entry("1")], "entry"),
        Replace("charakters", []),
    ],
)
def test_a_name_that_does_not_exist_is_a_mistake_of_the_caller(
    path: Path, change: Replace | Append
) -> None:
    publish(path, [Replace("characters", [character("otto")])])
    with pytest.raises(ValueError, match=r"no column|not a table"):
        publish(path, [Replace("characters", []), change])
    assert rows(path, "SELECT character_id FROM characters") == [("otto",)]


def test_all_changes_or_none(path: Path) -> None:
    publish(path, [Append("credit_ledger", [entry("1")], "entry_id")])
    not_a_kind = [entry("3", entry_type="gift")]
    with pytest.raises(duckdb.ConstraintException):
        publish(
            path,
            [
                Append("credit_ledger", [entry("2")], "entry_id"),
                Append("credit_ledger", not_a_kind, "entry_id"),
            ],
        )
    assert rows(path, "SELECT entry_id FROM credit_ledger") == [("1",)]


def test_rebuilt_is_said_until_everything_was_published_once(tmp_path: Path) -> None:
    path = tmp_path / "sandbox" / "warehouse.duckdb"
    first = publish(path, [])
    assert first.rebuilt and "there was none" in first.reason
    # A process that died before it could publish everything must not leave the rest in the dark.
    assert publish(path, []) == Published(rebuilt=True)
    assert publish(path, [], complete=True) == Published()
    assert publish(path, []) == Published()


def test_the_books_of_another_journal_are_never_added_to_these(path: Path) -> None:
    publish(path, [Append("credit_ledger", [entry("1")], "entry_id")], journal_id="journal-1")
    published = publish(path, [], complete=True, journal_id="journal-2")
    assert "another journal" in published.reason
    assert rows(path, "FROM credit_ledger") == []
    assert rows(path.with_suffix(".old.duckdb"), "SELECT entry_id FROM credit_ledger") == [("1",)]


def test_the_file_says_which_journal_it_came_from(path: Path) -> None:
    publish(path, [], journal_id="journal-1")
    publish(path, [])
    assert rows(path, "SELECT journal_id, schema_version FROM warehouse_meta") == [("journal-1", 1)]


def test_publishing_again_and_again_does_not_make_the_file_grow(path: Path) -> None:
    many = [character(f"c{number}") for number in range(2_000)]
    sizes = []
    for _ in range(8):
        publish(path, [Replace("characters", many)])
        sizes.append(path.stat().st_size)
    assert max(sizes[4:]) <= max(sizes[:4])
