"""The benchmarks run, with tiny numbers, and their tables say what was found."""

from __future__ import annotations

import sys
from dataclasses import replace

from benchmarks import naive_script, recovery, rival
from benchmarks.contest import PRICE, Cell, Trouble, extra_credits, paid_by_prompt, run_cell
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.planning import planning
from benchmarks.waste import BUSY, LOST, SEED, TROUBLES, tables

PIPELINE, SCRIPT, SCRIPT_WITH_KEYS = CONTESTANTS[:3]
PICTURES = 6
LOST_ANSWERS = 2
"""Of so many pictures: the third and the sixth answer, with the usual seed."""


def run(contestant: Contestant, trouble: Trouble) -> Cell:
    return run_cell(contestant, trouble, images=PICTURES, seed=SEED, python=sys.executable)


def test_a_script_pays_again_for_lost_answers() -> None:
    found = run(SCRIPT, Trouble("lost", faults=(LOST,)))
    assert (found.answers_lost, found.jobs) == (LOST_ANSWERS, PICTURES + LOST_ANSWERS)
    assert (found.extra_credits, found.extra_percent) == (LOST_ANSWERS * PRICE, 33.3)
    assert (found.paid_and_missing, found.missing, found.starts) == (0, 0, 1)


def test_a_picture_never_bought_does_not_hide_one_bought_twice() -> None:
    bought = [("twice", 0), ("twice", 0), ("refunded", PRICE), ("unplanned", 0)]
    jobs = [{"prompt": prompt, "charge": PRICE, "refund": back} for prompt, back in bought]
    paid = paid_by_prompt(jobs)
    assert paid == {"twice": 2 * PRICE, "refunded": 0, "unplanned": PRICE}
    assert extra_credits(paid, {"twice", "refunded", "never"}) == 2 * PRICE


def test_the_rivals_have_the_terms_of_the_script() -> None:
    for name in ("MODEL", "AT_A_TIME", "TRIES"):
        assert getattr(rival, name) == getattr(naive_script, name)


def test_keys_save_the_money_of_a_killed_script_but_not_its_pictures() -> None:
    found = run(SCRIPT_WITH_KEYS, Trouble("killed", is_killed=True))
    assert (found.jobs, found.extra_credits) == (PICTURES, 0)
    assert found.paid_and_missing == found.missing > 0
    assert found.starts > 2


def test_the_pipeline_wastes_and_misses_nothing() -> None:
    found = run(PIPELINE, Trouble("faults", faults=(LOST, BUSY)))
    assert found.answers_lost == LOST_ANSWERS
    assert (found.jobs, found.extra_credits, found.missing) == (PICTURES, 0, 0)


def test_who_is_not_installed_has_no_numbers() -> None:
    assert PIPELINE.is_installed(sys.executable)
    assert not replace(SCRIPT, needs=("no_such_package",)).is_installed(sys.executable)

    found = Cell(SCRIPT.name, TROUBLES[1].name, 80, 13.3, 1, 2, 68, 2, 0, 0, 4.7)
    heading, *parts = tables([found], images=60, seed=7).split("\n\n")
    assert heading == "60 pictures planned for 600 credits, sandbox seed 7."
    for part, shown in zip(parts, ["80 (13.3 %)", "1", "68", "2"], strict=True):
        _, _, *lines = part.splitlines()
        assert [line.count("not installed") for line in lines] == [5, 4, 5, 5, 5, 5, 5]
        assert lines[1].replace("not installed", "-").split(maxsplit=2)[2].startswith(shown)


def test_recovery_brings_everything_home_and_is_timed() -> None:
    [found] = recovery.measure(finished=3, in_flight=8, trials={"engine": 1})
    assert 0 < found.imported < found.first_useful < found.done
    text = recovery.table([found], finished=3, in_flight=8)
    assert f"{found.after_imports:.2f}" in text
    assert "3 pictures stored, 8 paid and not stored" in text


def test_planning_is_measured_against_books_of_the_past() -> None:
    seconds, reading, memory = planning(quick=True)
    assert "3,000 rows, 10 characters, 300 of them new" in seconds.what
    assert 0 < reading.measured < seconds.measured
    assert memory.measured > 20
