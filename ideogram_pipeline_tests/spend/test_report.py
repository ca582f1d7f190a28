from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.spend.report import Amount, summarise, write_report
from ideogram_pipeline.warehouse import publish
from ideogram_pipeline.warehouse.changes import Append, Replace

_NOON = datetime(2026, 11, 22, 12)


def _entry(entry_id: str, amount: int, **changes: object) -> dict[str, object]:
    return {
        "provider": "sandbox",
        "entry_id": entry_id,
        "entry_type": "charge" if amount > 0 else "refund",
        "credits": amount,
        "character_id": "mira",
        "rendering_speed": "default",
        "booked_at": _NOON,
    } | changes


def _run(run_id: str, **changes: object) -> dict[str, object]:
    run = {"run_id": run_id, "provider": "sandbox", "started_at": _NOON, "status": "finished"}
    return run | changes


def _warehouse(
    folder: Path, ledger: list[dict[str, object]], runs: list[dict[str, object]]
) -> Path:
    path = folder / "warehouse.duckdb"
    publish(path, [Append("credit_ledger", ledger, "entry_id"), Replace("runs", runs)])
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ledger = [
        _entry("1", 1500, job_id="a", booked_at=datetime(2026, 11, 21, 9)),
        _entry("2", 20, job_id="b", rendering_speed="quality", character_id="otto"),
        _entry("3", -20, job_id="b", rendering_speed="quality", character_id="otto"),
        _entry("4", 15, job_id="c", character_id=None, rendering_speed=None),
    ]
    runs = [
        _run("run-1", started_at=datetime(2026, 11, 21, 9), images_made=1, images_reused=4),
        _run("run-2", status="running"),
    ]
    return _warehouse(tmp_path, ledger, runs)


def test_the_sums_are_those_of_the_ledger(path: Path) -> None:
    (spend,) = summarise(path).providers
    assert spend.provider == "sandbox"
    assert spend.total == Amount("all", charges=1535, refunds=20, net=1515, images=0)
    assert spend.by_character == [
        Amount("mira", 1500, 0, 1500, 0),
        Amount("no character", 15, 0, 15, 0),
        Amount("otto", 20, 20, 0, 0),
    ]
    assert [(tier.label, tier.net) for tier in spend.by_tier] == [
        ("default", 1500),
        ("not known", 15),
        ("quality", 0),
    ]
    assert [(month.label, month.net) for month in spend.by_month] == [("2026-11", 1515)]
    assert [(day.label, day.net) for day in spend.by_day] == [
        ("2026-11-22", 15),
        ("2026-11-21", 1500),
    ]


def test_runs_come_newest_first_and_what_is_not_known_is_not_zero(path: Path) -> None:
    (spend,) = summarise(path).providers
    assert [(run.run_id, run.images_made) for run in spend.last_runs] == [
        ("run-2", None),
        ("run-1", 1),
    ]


def test_reuse_is_counted_apart_where_its_price_is_not_known(path: Path) -> None:
    image = {
        "provider": "sandbox",
        "fingerprint": "f1",
        "character_id": "mira",
        "prompt_id": "mira-hero",
        "variation": 1,
        "edition": "base",
    }
    stored = image | {
        "path": "images/mira/mira-hero/base-v1-a1.png",
        "sha256": "00",
        "bytes": 1,
        "width": 1,
        "height": 1,
        "format": "png",
        "job_id": "a",
        "created_at": _NOON,
    }
    attempt = image | {
        "attempt": 1,
        "idempotency_key": "k",
        "job_id": "a",
        "status": "stored",
        "credits": 1500,
    }
    plan = {
        "planned_at": _NOON,
        "run_id": "run-1",
        "decision": "reuse",
        "reason": "",
        "credits": 0,
        "rendering_speed": "default",
        "seed": 1,
        "prompt": "Mira waves",
        "reproducible": True,
    } | {name: value for name, value in image.items() if name != "provider"}
    publish(
        path,
        [
            Replace("images", [stored]),
            Replace("generations", [attempt]),
            Replace("generation_plan", [plan, plan | {"fingerprint": "f2"}]),
        ],
    )
    summary = summarise(path)
    (spend,) = summary.providers
    assert (spend.images_reused, spend.credits_avoided) == (1, 1500)
    assert summary.images_unpriced == 1


def test_two_providers_are_shown_apart(tmp_path: Path) -> None:
    real = _entry("2", 10, provider="apiframe")
    path = _warehouse(tmp_path, [_entry("1", 15), real], [])
    spends = summarise(path).providers
    assert [(spend.provider, spend.total.net) for spend in spends] == [
        ("apiframe", 10),
        ("sandbox", 15),
    ]


def test_the_page_is_one_file_that_fetches_nothing(path: Path, tmp_path: Path) -> None:
    page = write_report(path, tmp_path / "reports" / "spend.html").read_text(encoding="utf-8")
    assert "1,515" in page
    assert "default-src 'none'" in page
    for reference in ("<script", "<img", "<link", "src=", "href=", "url(", "http:"):
        assert reference not in page


def test_what_people_wrote_is_shown_and_never_run(tmp_path: Path) -> None:
    hostile = """"><script>alert('x')</script>"""
    entry = _entry("1", 15, character_id=hostile, rendering_speed=hostile)
    path = _warehouse(tmp_path, [entry], [_run(hostile, status=hostile)])
    page = write_report(path, tmp_path / "spend.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_empty_books_are_said_to_be_empty(tmp_path: Path) -> None:
    path = _warehouse(tmp_path, [], [])
    page = write_report(path, tmp_path / "spend.html").read_text(encoding="utf-8")
    assert "Nothing is booked yet." in page


def test_a_page_is_replaced_whole(path: Path, tmp_path: Path) -> None:
    destination = tmp_path / "reports" / "spend.html"
    write_report(path, destination)
    write_report(path, destination)
    assert [file.name for file in destination.parent.iterdir()] == ["spend.html"]


def test_a_folder_that_cannot_be_written_is_said(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="could not be written"):
        write_report(path, tmp_path / "file" / "spend.html")


def test_before_the_first_publish_the_message_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nothing was published yet"):
        write_report(tmp_path / "warehouse.duckdb", tmp_path / "spend.html")
