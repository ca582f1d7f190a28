"""The event log of our own process holds what Dagster's would, in fewer transactions."""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
import yaml

from ideogram_pipeline.orchestration.event_log import GroupedEventLog, open_grouped
from ideogram_pipeline.orchestration.partitions import (
    CHARACTERS,
    add_characters,
    known_characters,
    partition_tags,
)

RUN_ID = "11111111-2222-4333-8444-555555555555"
NAMES = [f"c{number}" for number in range(7)]


@dg.asset(partitions_def=CHARACTERS, code_version="1")
def plan(context: dg.AssetExecutionContext) -> None:
    for name in NAMES:
        context.add_asset_metadata({"name": name}, partition_key=name)


@dg.asset(partitions_def=CHARACTERS, deps=[plan], code_version="1")
def pictures() -> None:
    pass


@dg.asset_check(asset=plan)
def good() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def execute(instance: dg.DagsterInstance) -> None:
    definitions = dg.Definitions(
        assets=[plan, pictures],
        asset_checks=[good],
        jobs=[dg.define_asset_job("job", selection="*")],
    )
    add_characters(instance, NAMES)
    done = definitions.resolve_job_def("job").execute_in_process(
        instance=instance, run_id=RUN_ID, tags=partition_tags(NAMES)
    )
    assert done.success


def stored(home: Path) -> dict[str, Counter[tuple[object, ...]]]:
    """What tables say of the run, without times and without ids of rows."""
    runs = home / "history" / "runs"
    events = "SELECT dagster_event_type, step_key, asset_key, partition FROM event_logs"
    tags = (
        "SELECT e.partition, t.asset_key, t.key, t.key LIKE '%event_pointer%' OR t.value"
        " FROM asset_event_tags t JOIN event_logs e ON e.id = t.event_id"
    )
    newest = (
        "SELECT a.asset_key, a.last_run_id, e.partition FROM asset_keys a JOIN event_logs e"
        " ON e.id = json_extract(a.last_materialization, '$.storage_id')"
    )
    questions = {
        "run": (runs / f"{RUN_ID}.db", events),
        "index": (runs / "index.db", events),
        "tags": (runs / "index.db", tags),
        "newest": (runs / "index.db", newest),
        "checks": (
            runs / "index.db",
            "SELECT check_name, execution_status FROM asset_check_executions",
        ),
    }
    found = {}
    for name, (file, question) in questions.items():
        with sqlite3.connect(file) as connection:
            found[name] = Counter(connection.execute(question).fetchall())
        connection.close()
    return found


@pytest.fixture
def work() -> Iterator[Counter[str]]:
    """How often a file was opened, and a statement wrote events."""
    done: Counter[str] = Counter()

    def opened(*_: object) -> None:
        done["opened"] += 1

    def executed(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        done["inserts"] += statement.startswith("INSERT INTO event_logs")

    sa.event.listen(sa.Pool, "connect", opened)
    sa.event.listen(sa.Engine, "before_cursor_execute", executed)
    yield done
    sa.event.remove(sa.Pool, "connect", opened)
    sa.event.remove(sa.Engine, "before_cursor_execute", executed)


def test_the_same_is_stored_with_less_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Counter[str]
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "4")
    usual, ours = tmp_path / "usual", tmp_path / "ours"
    usual.mkdir()
    ours.mkdir()
    with dg.DagsterInstance.from_config(str(usual)) as instance:
        execute(instance)
    usually = work.copy()
    work.clear()
    with open_grouped(str(ours), {}) as instance:
        assert isinstance(instance.event_log_storage, GroupedEventLog)
        execute(instance)
    assert stored(ours) == stored(usual)
    assert stored(ours)["index"]["ASSET_MATERIALIZATION", "pictures", '["pictures"]', "c6"] == 1
    assert work["inserts"] < usually["inserts"] / 2
    assert work["opened"] < usually["opened"] / 2


def test_dagster_reads_what_was_stored(tmp_path: Path) -> None:
    with open_grouped(str(tmp_path), {}) as instance:
        execute(instance)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        key = dg.AssetKey("plan")
        records = instance.fetch_materializations(key, limit=100).records
        assert {
            record.partition_key: record.asset_materialization.metadata["name"].value
            for record in records
        } == {name: name for name in NAMES}
        assert instance.get_materialized_partitions(key) == set(NAMES)
        newest = instance.get_latest_materialization_event(key)
        assert newest == records[0].event_log_entry


def test_partitions_of_other_processes_are_seen(tmp_path: Path) -> None:
    with (
        open_grouped(str(tmp_path), {}) as ours,
        dg.DagsterInstance.from_config(str(tmp_path)) as other,
    ):
        assert known_characters(ours) == []
        add_characters(ours, ["ann"])
        assert known_characters(ours) == known_characters(other) == ["ann"]
        add_characters(other, ["bob"])
        assert known_characters(ours) == ["ann", "bob"]
        assert ours.has_dynamic_partition("characters", "bob")
        other.delete_dynamic_partition("characters", "ann")
        assert not ours.has_dynamic_partition("characters", "ann")
        ours.delete_dynamic_partition("characters", "bob")
        assert known_characters(ours) == []


def test_another_storage_of_the_users_is_used(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    config = {"storage": {"sqlite": {"base_dir": str(theirs)}}}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with open_grouped(str(tmp_path), {}) as instance:
        assert not isinstance(instance.event_log_storage, GroupedEventLog)
        add_characters(instance, ["ann"])
    assert (theirs / "history" / "runs" / "index.db").exists()


def test_the_size_of_groups_is_dagsters_variable_and_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
    with open_grouped(str(tmp_path), {}):
        assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == "100"
    assert "DAGSTER_EVENT_BATCH_SIZE" not in os.environ
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "7")
    with open_grouped(str(tmp_path), {}):
        assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == "7"
    assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == "7"
