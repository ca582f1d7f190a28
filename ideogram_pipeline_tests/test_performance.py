"""The measuring of `make bench` counts right; how fast anything is, is no matter here."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.__main__ import main
from benchmarks.buyers import ENGINE, SCRIPT, VENDOR_STYLE
from benchmarks.environment import PROJECT
from benchmarks.figures import Figure, Goal, page
from benchmarks.load import Counts, Load, Outcome, bear
from benchmarks.thread_times import ThreadTimes


def test_the_ideal_counts_the_last_wave() -> None:
    assert Load(1_000, 50, 2.0).ideal == 40
    assert Load(1_001, 50, 2.0).ideal == 42
    assert Load(3, 500, 0.5).ideal == 0.5


def test_the_engine_is_judged_by_the_server() -> None:
    load = Load(6, 3, 0.3)
    found = bear(load, ENGINE)
    counts = found.counts
    assert (counts.pictures, counts.served, counts.submits, counts.downloads) == (6, 6, 6, 6)
    assert (counts.refused, counts.uploads, counts.most_in_flight) == (0, 1, 3)
    assert 1 <= found.over_ideal == pytest.approx(counts.seconds / 0.6)
    assert found.requests_an_image == (12 + counts.looks + counts.others) / 6
    assert counts.others >= 1
    assert 0 < found.closing < 60
    assert 0 < found.said["cpu"] < found.buyer_cpu
    assert 10 < found.said["peak_mb"] < 500
    assert found.server_cpu > 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_the_cpu_of_threads_that_come_and_go_is_told_by_name() -> None:
    def burn() -> None:
        while time.thread_time() < 0.2:
            pass

    with ThreadTimes() as times:
        for number in range(2):
            thread = threading.Thread(target=burn, name=f"busy_{number}")
            thread.start()
            thread.join()
    assert 0.2 <= times.seconds()["busy"] <= 0.45


def test_each_look_of_a_client_that_polls_is_counted() -> None:
    found = bear(Load(3, 3, 0.5), VENDOR_STYLE)
    # At 0, 2, 5, 9.5, 14.5, 19.5, 24.5 and 29.5 of the real seconds, fewer on a busy machine.
    assert 3 * 2 <= found.counts.looks <= 3 * 8
    assert found.requests_an_image == 2 + found.counts.looks / 3


def test_refusals_are_counted_and_the_limit_is_not_told() -> None:
    found = bear(Load(4, 2, 0.3, limit=4, refuses=True), SCRIPT)
    assert found.counts.most_in_flight == 2
    assert found.counts.refused >= 1
    assert found.counts.submits == 4 + found.counts.refused
    assert found.share_refused == 100 * found.counts.refused / found.counts.submits


def test_who_leaves_pictures_behind_is_not_measured() -> None:
    with pytest.raises(RuntimeError, match="ended with 1"):
        bear(Load(1, 1, 0.1), VENDOR_STYLE_THAT_FAILS)


VENDOR_STYLE_THAT_FAILS = type(VENDOR_STYLE)("broken", "no_such_module")


def test_a_call_within_a_call_is_its_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import many_characters

    clock = many_characters.Clock()
    inner = clock.timed(lambda: None)

    def outer() -> None:
        inner()

    moments = iter([1.0, 3.5, 10, 10.5])
    told = SimpleNamespace(perf_counter=lambda: next(moments))
    monkeypatch.setattr(many_characters, "time", told)
    clock.timed(outer)()
    inner()
    assert clock.seconds == {"outer": 2.5, "<lambda>": 0.5}


def test_figures_are_held_against_their_goals() -> None:
    figures = [
        Figure("one", "time / ideal", 1.0499, goal=Goal(1.05)),
        Figure("one", "images", 299.0, "/s", Goal(300, at_least=True)),
        Figure("one", "another: time / ideal", 1234.5),
    ]
    around = {"machine": "m", "system": "s", "python": "p", "date": "d", "load": 0, "command": "c"}
    _, _, _, head, *lines = page(figures, around).splitlines()
    assert head.split() == ["figure", "goal", "measured", "met"]
    assert lines[0].split() == ["time", "/", "ideal", "at", "most", "1.05", "1.05", "yes"]
    assert lines[1].split() == ["images", "at", "least", "300", "299", "/s", "NO"]
    assert lines[2].split() == ["another:", "time", "/", "ideal", "1,234"]
    assert [figure.is_met for figure in figures] == [True, False, None]


def test_a_page_is_printed_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = Counts(0.6, 4, 4, 4, 0, 7, 4, 1, 1, 2)
    found = Outcome(Load(4, 2, 0.25), counts, 2.0, 1.0, {"cpu": 0.5})
    monkeypatch.setattr("benchmarks.scenarios.bear", lambda load, buyer: found)
    kept = tmp_path / "build" / "performance.json"
    assert main(["--quick", "--only", "five-hundred-slots", "--json", str(kept)]) == 1
    shown = capsys.readouterr().out
    assert "--quick --only five-hundred-slots" in shown
    stored = json.loads(kept.read_text())
    measured = {figure["figure"]: figure["measured"] for figure in stored["figures"]}
    assert measured["24 images, 24 slots, 0.25 s: time / ideal"] == 0.6 / 0.5
    assert measured["the same: images"] == pytest.approx(4 / 0.6)
    assert measured["server: CPU an image"] == 250
    assert stored["figures"][1]["met"] is False


def test_other_rooms_are_timed_wherever_they_are_imported() -> None:
    look = (
        "from benchmarks.many_characters import Clock\n"
        "Clock().watch_other_rooms()\n"
        "from ideogram_pipeline.generation.run import generate\n"
        "from ideogram_pipeline.orchestration import checks\n"
        "from ideogram_pipeline.orchestration.metadata import of_plan\n"
        "assert generate.__wrapped__ and checks.query.__wrapped__\n"
        "assert not hasattr(of_plan, '__wrapped__')\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", look], cwd=PROJECT, check=True)


def test_who_lets_jobs_queue_at_the_provider_is_not_measured() -> None:
    with pytest.raises(RuntimeError, match="more jobs than slots"):
        bear(Load(4, 1, 0.1, limit=4), SCRIPT)


def test_pictures_must_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "rglob", lambda *_: iter(()))
    with pytest.raises(RuntimeError, match="0 kept"):
        bear(Load(1, 1, 0.1), SCRIPT)


def test_the_engine_is_measured_at_its_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    environments: list[dict[str, str]] = []

    def run(*_: object, env: dict[str, str], **__: object) -> SimpleNamespace:
        environments.append(env)
        return SimpleNamespace(returncode=1, stderr="")

    monkeypatch.setattr("benchmarks.load.subprocess.run", run)
    for load in (Load(1, 1, 0.1), Load(1, 1, 0.1, poll_interval=0.3)):
        with pytest.raises(RuntimeError):
            bear(load, ENGINE)
    name = "IDEOGRAM_PIPELINE_POLL_INTERVAL"
    assert [environment.get(name) for environment in environments] == [None, "0.3"]
