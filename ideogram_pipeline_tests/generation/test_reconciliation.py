from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ideogram_pipeline.apiframe import client
from ideogram_pipeline.generation.database import Database, journal_path
from ideogram_pipeline.generation.reconciliation import reconcile
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.support import KEY, Bench, bench, write_catalog

FAST = SandboxOptions(speed=500, tiny=True)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, FAST, write_catalog(tmp_path / "catalog", prompts=1)) as made:
        yield made


def tamper(desk: Bench, statement: str) -> None:
    database = Database(journal_path(desk.settings))
    with database.write() as connection:
        connection.exec_driver_sql(statement)
    database.close()


def test_all_is_matched(desk: Bench) -> None:
    desk.run()
    found = reconcile(desk.settings)
    assert (found.jobs_seen, found.matched, found.orphans, found.missing) == (2, 2, (), ())
    assert (found.ledger_net, found.provider_charged, found.drift) == (20, 20, 0)
    assert (found.unknown_credits, found.unresolved, found.balance) == (0, 0, 10_000 - 20)


def buy_by_hand(desk: Bench) -> str:
    """Buy a picture past the pipeline and give its job id."""
    body = {
        "model": "ideogram-character",
        "prompt": "by hand",
        "ideogramParams": {
            "character_reference_image": "https://example.org/a.png",
            "rendering_speed": "quality",
        },
    }
    headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
    address = f"{desk.server.url}/v2/images/generate"
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["jobId"])


def test_a_job_that_nobody_here_asked_for_is_an_orphan(desk: Bench) -> None:
    desk.run()
    job_id = buy_by_hand(desk)
    found = reconcile(desk.settings)
    assert [(orphan.job_id, orphan.credit_cost) for orphan in found.orphans] == [(job_id, 20)]
    assert (found.matched, found.drift) == (2, 0), "it is not ours, so our books are right"


def test_what_the_account_did_before_us_is_not_looked_at(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        buy_by_hand(desk)
    desk.tell("clock", {"advance_seconds": 3600})
    assert reconcile(desk.settings).jobs_seen == 0
    desk.run()
    before = sum(desk.truth()["requests"].get("jobs", {}).values())
    monkeypatch.setattr(client, "JOBS_PAGE_MAX", 1)
    found = reconcile(desk.settings)
    assert (found.jobs_seen, found.matched, found.orphans, found.drift) == (2, 2, (), 0)
    assert sum(desk.truth()["requests"]["jobs"].values()) == before + 3


def test_a_job_of_ours_that_is_not_listed_is_missing(desk: Bench) -> None:
    desk.run()
    tamper(desk, "UPDATE attempts SET job_id = 'elsewhere' WHERE id = 1")
    found = reconcile(desk.settings)
    assert found.missing == ("elsewhere",)
    assert len(found.orphans) == found.matched == 1


def test_a_ledger_that_is_not_the_bill_drifts(desk: Bench) -> None:
    desk.run()
    entry = "attempt_id, entry_type, credits, price_source, booked_at"
    tamper(desk, f"INSERT INTO ledger({entry}) VALUES (1, 'correction', 5, 'x', 'y')")
    assert reconcile(desk.settings).drift == -5


@pytest.mark.parametrize("fault", ["job_failed", "job_failed_no_refund", "job_cancelled"])
def test_failed_jobs_are_right_with_and_without_their_refund(desk: Bench, fault: str) -> None:
    desk.tell("faults", [{"fault": fault}])
    desk.run()
    found = reconcile(desk.settings)
    truth = desk.truth()
    assert found.drift == 0
    assert found.ledger_net == truth["charges"] - truth["refunds"]


def test_what_may_have_been_paid_is_counted_apart(desk: Bench) -> None:
    desk.tell("faults", [{"fault": "unavailable_before", "times": 12}])
    desk.run()
    found = reconcile(desk.settings)
    assert (found.unknown_credits, found.ledger_net, found.unresolved) == (20, 0, 0)
    tamper(desk, "UPDATE attempts SET state = 'unresolved'")
    assert reconcile(desk.settings).unresolved == 2


def test_it_reads_every_page_and_changes_nothing(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    before = desk.truth()["requests"]
    monkeypatch.setattr(client, "JOBS_PAGE_MAX", 1)
    found = reconcile(desk.settings)
    assert (found.jobs_seen, found.matched, found.drift) == (2, 2, 0)
    after = desk.truth()["requests"]
    seen = sum(before.get("jobs", {}).values())
    assert sum(after["jobs"].values()) == seen + 2
    assert after["generate"] == before["generate"]
