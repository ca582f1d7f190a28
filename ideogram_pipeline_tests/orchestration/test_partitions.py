"""Partition keys follow the catalog, and runs hold as many of them as they can."""

import dagster as dg
import pytest

from ideogram_pipeline.orchestration.partitions import (
    CHARACTERS,
    add_characters,
    characters_of_run,
    contiguous_ranges,
    known_characters,
    partition_tags,
)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("abcd", [["a", "b", "c", "d"]]),
        ("dcba", [["a", "b", "c", "d"]]),
        ("acd", [["a"], ["c", "d"]]),
        ("d", [["d"]]),
        ("", []),
        ("xb", [["b"]]),
    ],
)
def test_gaps_split_a_choice_into_ranges(chosen: str, expected: list[list[str]]) -> None:
    assert contiguous_ranges("abcd", chosen) == expected


def test_new_characters_are_added_and_none_is_removed() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert add_characters(instance, ["zoe", "ann"]) == ["zoe", "ann"]
        assert add_characters(instance, ["bob", "ann"]) == ["bob"]
        assert known_characters(instance) == ["zoe", "ann", "bob"]


def test_a_range_in_the_wrong_order_is_an_error() -> None:
    @dg.asset(partitions_def=CHARACTERS)
    def nothing(context: dg.AssetExecutionContext) -> None:
        characters_of_run(context)

    job = dg.Definitions(
        assets=[nothing], jobs=[dg.define_asset_job("job", selection="*")]
    ).resolve_job_def("job")
    with dg.DagsterInstance.ephemeral() as instance:
        add_characters(instance, ["ann", "bob"])
        for keys, success in ((["ann", "bob"], True), (["bob", "ann"], False)):
            result = job.execute_in_process(
                instance=instance, tags=partition_tags(keys), raise_on_error=False
            )
            assert result.success is success
