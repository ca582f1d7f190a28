"""Dagster's event log for a process that executes runs: the same SQLite files, fewer openings.

Dagster 1.13 opens a file anew for every event, for one of an asset three times, and to be told a
number of one partition it reads the list of all. Closing a file that nobody else has open moves its
whole log into it. A run over a thousand characters has eight thousand events of assets: at 200 ms a
character they took longer than the pictures.

Here a file stays open for as long as the instance, the list of partitions is read again when
somebody has written to the file, and the events that Dagster has marked as belonging together are
stored in one transaction, as `dagster-postgres` stores them. What is stored is the same, and other
processes may read and write the files meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.events import ASSET_EVENTS
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import SqlEventLogStorageTable, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS

_GROUP_SIZE_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"
_GROUP_SIZE = "100"
"""Events in a transaction. A process that is killed between two leaves as many unrecorded, of
characters whose pictures are on disk and booked: the next run reuses them and records them."""


class GroupedEventLog(SqliteEventLogStorage):
    """Dagster's SQLite event log, with its files kept open."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: dict[str, sa.Engine] = {}
        self._tables: set[str] = set()
        self._partitions: dict[str, tuple[object, dict[str, None]]] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> GroupedEventLog:
        """Make it as the configuration says; Dagster calls this."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        if shard not in self._initialized_dbs:
            with super()._connect(shard):  # makes the file and its tables
                pass
        with self._db_lock:
            if shard not in self._engines:
                self._engines[shard] = sa.create_engine(
                    self.conn_string_for_shard(shard),
                    connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
                )
            with self._engines[shard].begin() as connection:
                yield connection

    def dispose(self) -> None:
        """Close the files."""
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()

    def has_table(self, table_name: str) -> bool:
        """Whether there is such a table; one that was there once stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        """The keys, in the order in which they were added."""
        return list(self._keys(partitions_def_name))

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        """Whether there is such a key."""
        return partition_key in self._keys(partitions_def_name)

    def add_dynamic_partitions(
        self, partitions_def_name: str, partition_keys: Sequence[str]
    ) -> None:
        """Add keys."""
        super().add_dynamic_partitions(partitions_def_name, partition_keys)
        self._partitions.clear()

    def delete_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> None:
        """Delete a key."""
        super().delete_dynamic_partition(partitions_def_name, partition_key)
        self._partitions.clear()

    def _keys(self, partitions_def_name: str) -> dict[str, None]:
        with self.index_connection() as connection:
            # A number that changes, for this connection, with what others commit.
            version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
            state = (connection.connection.dbapi_connection, version)
        known = self._partitions.get(partitions_def_name)
        if known is None or known[0] != state:
            known = (state, dict.fromkeys(super().get_dynamic_partitions(partitions_def_name)))
            self._partitions[partitions_def_name] = known
        return known[1]

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run, those of assets in one transaction for each file."""
        of_assets = [event for event in events if event.dagster_event_type in ASSET_EVENTS]
        if of_assets:
            self._store_asset_events(of_assets)
        for event in events:
            if event.dagster_event_type not in ASSET_EVENTS:
                self.store_event(event)

    def _store_asset_events(self, events: Sequence[EventLogEntry]) -> None:
        insert = self.prepare_insert_event_batch(events)
        with self.run_connection(events[0].run_id) as connection:
            connection.execute(insert)
        with self.index_transaction() as connection:
            # Ids are given in the order of the rows, and told in any.
            ids = sorted(connection.scalars(insert.returning(SqlEventLogStorageTable.c.id)))
            self._store_asset_event_tags(connection, events, ids)
            # The table of assets shows the newest event of each only.
            newest = {
                event.get_dagster_event().asset_key: (event, event_id)
                for event, event_id in zip(events, ids, strict=True)
            }
            for event, event_id in newest.values():
                self._store_asset_event(connection, event, event_id)


@contextmanager
def open_grouped(home: str, overrides: dict[str, Any]) -> Iterator[dg.DagsterInstance]:
    """Open an instance whose event log is written in groups, if it is kept in Dagster's own files.

    Args:
        home: Dagster's folder; where its ``dagster.yaml`` names another storage, that is used.
        overrides: What else is to be different from ``dagster.yaml``.
    """
    ref = InstanceRef.from_dir(home, overrides=overrides)
    usual = InstanceRef.config_defaults(home)
    files = usual["event_log_storage"]
    if files and ref.storage_data == usual["storage"]:
        grouped = {
            "module": GroupedEventLog.__module__,
            "class": GroupedEventLog.__name__,
            "config": dict(files.config_dict),
        }
        ref = InstanceRef.from_dir(home, overrides={**overrides, "event_log_storage": grouped})
    with _in_groups(), dg.DagsterInstance.from_ref(ref) as instance:
        yield instance


@contextmanager
def _in_groups() -> Iterator[None]:
    """Let Dagster gather events; a size that the user has set stays."""
    if _GROUP_SIZE_VARIABLE in os.environ:
        yield
        return
    os.environ[_GROUP_SIZE_VARIABLE] = _GROUP_SIZE
    try:
        yield
    finally:
        os.environ.pop(_GROUP_SIZE_VARIABLE, None)
