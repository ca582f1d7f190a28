"""Which runs are asked for: few, exact where that is cheap, and each under a key of its own."""

from __future__ import annotations

import random

import pytest

from ideogram_pipeline.orchestration.asking import (
    MOST_CHARACTERS,
    MOST_RUNS,
    SINGLY,
    put_together,
    run_request,
)

KEYS = [f"c{number:05}" for number in range(3_000)]


def unasked() -> set[str]:
    raise AssertionError("nobody needed to know who is idle")


def test_a_few_get_a_run_each_in_the_order_of_their_keys() -> None:
    wanted = [KEYS[number] for number in (2_000, 7, 8, 9, 100)]
    assert len(wanted) == SINGLY
    assert put_together(KEYS, wanted, unasked) == [[key] for key in sorted(wanted)]


def test_none_get_none() -> None:
    assert put_together(KEYS, [], unasked) == []


def test_a_thousand_that_stand_together_are_one_run() -> None:
    assert put_together(KEYS, KEYS[500:1_500], unasked) == [KEYS[500:1_500]]


def test_more_than_one_run_can_hold_are_split() -> None:
    together = put_together(KEYS, KEYS, unasked)
    assert [len(keys) for keys in together] == [MOST_CHARACTERS] * 3
    assert [key for keys in together for key in keys] == KEYS


def test_gaps_of_idle_characters_are_closed_the_smallest_first() -> None:
    wanted = KEYS[:1_000:2]
    idle = set(KEYS) - set(wanted)
    together = put_together(KEYS, wanted, lambda: idle)
    assert len(together) == MOST_RUNS
    spanned = [key for keys in together for key in keys]
    assert spanned == sorted(spanned)
    assert set(wanted) <= set(spanned)
    assert len(spanned) == 500 + 500 - MOST_RUNS


def test_a_character_for_which_something_would_be_bought_is_never_spanned() -> None:
    draw = random.Random(5)
    for _ in range(50):
        wanted = {key for key in KEYS[:300] if draw.random() < 0.5}
        idle = {key for key in KEYS[:300] if key not in wanted and draw.random() < 0.9}
        together = put_together(KEYS, wanted, lambda idle=idle: idle)
        spanned = [key for keys in together for key in keys]
        assert wanted <= set(spanned) <= wanted | idle
        assert len(set(spanned)) == len(spanned)
        for keys in together:
            first = KEYS.index(keys[0])
            assert keys == KEYS[first : first + len(keys)], "Dagster has no gaps in a run"


def test_a_run_of_one_names_its_partition_and_what_it_is_for() -> None:
    request = run_request(["ann"], reasons={"ann": "2026-W47"}, terms={"max_credits": 5})
    assert request.partition_key == "ann"
    assert request.run_key == "ann:2026-W47"
    assert request.run_config == {"resources": {"pipeline": {"config": {"max_credits": 5}}}}


def test_a_run_of_many_has_a_key_that_tells_who_and_what_for() -> None:
    keys = KEYS[:100]
    weekly = dict.fromkeys(keys, "2026-W47")
    request = run_request(keys, reasons=weekly, tags={"why": "due"})
    assert request.partition_key is None
    assert request.tags["dagster/asset_partition_range_start"] == keys[0]
    assert request.tags["dagster/asset_partition_range_end"] == keys[-1]
    assert request.tags["why"] == "due"
    assert request.run_key is not None
    assert request.run_key.startswith("c00000..c00099:2026-W47:")
    again = run_request(keys, reasons=dict(reversed(weekly.items())))
    assert again.run_key == request.run_key
    for other in (
        weekly | {keys[50]: "2026-W48"},
        {k: v for k, v in weekly.items() if k != "c00050"},
    ):
        assert run_request(keys, reasons=other).run_key != request.run_key


@pytest.mark.parametrize("keys", [["ann"], ["ann", "bob"]])
def test_without_reasons_there_is_no_key(keys: list[str]) -> None:
    assert run_request(keys).run_key is None
    assert run_request(keys).run_config == {}
