"""Several runs on one machine share the account."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from ideogram_pipeline.generation import run_records
from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.owners import Owner
from ideogram_pipeline.generation.pacing import RequestRate, Slots
from ideogram_pipeline.generation.sharing import Share
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.support import bench, write_catalog


@pytest.mark.parametrize(("total", "runs"), [(8, 1), (8, 3), (50, 7), (3, 3)])
def test_the_parts_make_up_the_whole(total: int, runs: int) -> None:
    names = [f"run-{number}" for number in range(runs)]
    parts = []
    for name in names:
        slots = Slots(total, total)
        Share(slots, RequestRate(400), run_id=name, alive=lambda: names).take()
        parts.append(slots.limit)
    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1
    assert parts == sorted(parts, reverse=True)


def test_nobody_is_left_with_nothing() -> None:
    slots = Slots(2, 2)
    Share(slots, RequestRate(400), run_id="z", alive=lambda: "abcd").take()
    assert slots.limit == 1


def test_when_another_run_ends_all_is_ours() -> None:
    alive = ["a", "b"]
    slots = Slots(8, 8)
    share = Share(slots, RequestRate(400), run_id="a", alive=lambda: alive)
    share.take()
    assert slots.limit == 4
    alive.clear()
    share.take()
    assert slots.limit == 8


@pytest.mark.parametrize(("lives", "most"), [(True, 3), (False, 6)])
def test_a_run_leaves_the_half_to_another_that_lives(
    tmp_path: Path, lives: bool, most: int
) -> None:
    source = write_catalog(tmp_path / "catalog", prompts=6)
    options = SandboxOptions(speed=60, tiny=True, max_concurrent_jobs=6)
    with bench(tmp_path, options, source) as desk, open_journal(desk.settings) as database:
        counts = {"credits_quoted": 0, "images_planned": 0, "images_reused": 0}
        run_records.open_run(
            database, "another", provider=desk.settings.provider, characters=(), **counts
        )
        with ExitStack() as stack:
            if lives:
                stack.enter_context(Owner(database.locks, "another"))
            assert desk.run().exit_code == 0
        assert desk.truth()["peakInFlight"] == most
