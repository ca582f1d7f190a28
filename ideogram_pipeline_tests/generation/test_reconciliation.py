from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from ideogram_pipeline.apiframe import client
from ideogram_pipeline.apiframe.model import Account, JobPage
from ideogram_pipeline.errors import ConfigurationError
from ideogram_pipeline.generation import reconciliation, schema
from ideogram_pipeline.generation.adopting import Adoption
from ideogram_pipeline.generation.database import Database, journal_path, open_journal
from ideogram_pipeline.generation.owners import is_alive
from ideogram_pipeline.generation.reconciliation import reconcile
from ideogram_pipeline.generation.totals import COUNTED_ANEW
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.generation.judging import assert_books_right, paid
from ideogram_pipeline_tests.support import KEY, Bench, bench, draw_reference, write_catalog

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


def leave_in_doubt(desk: Bench) -> None:
    """The answer to one paid request is lost, and the run ends before it could look."""
    desk.tell("faults", [{"fault": "lost_after"}])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ideogram_pipeline.generation.submitting.UNKNOWN_TRIES", 1)
        desk.run()


def test_a_job_in_doubt_is_not_given_to_another_picture(desk: Bench) -> None:
    leave_in_doubt(desk)
    draw_reference(Path(desk.settings.catalog) / "ann.png", "black")
    draw_reference(Path(desk.settings.catalog) / "bob.png", "white")
    found = reconcile(desk.settings, desk.catalog())
    assert (found.adopted, found.orphans, found.unknown_credits) == ((), (), 10)
    ((job_id, attempt),) = ((job.job_id, job.attempt) for job in found.in_doubt)
    assert desk.run().exit_code == 0
    with open_journal(desk.settings) as journal, journal.read() as connection:
        of_job = schema.attempts.c.job_id == job_id
        assert connection.execute(schema.attempts.select().where(of_job)).one().id == attempt
    assert len(paid(desk)) == 4
    assert_books_right(desk, 4)


def lose_attempt(desk: Bench) -> None:
    """Forget the first attempt, so that its job is an orphan."""
    with open_journal(desk.settings) as journal, journal.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_no_delete")
        connection.exec_driver_sql("DELETE FROM ledger WHERE attempt_id = 1")
        connection.exec_driver_sql("DELETE FROM attempts WHERE id = 1")
        for statement in COUNTED_ANEW:
            connection.exec_driver_sql(statement)


def test_another_teams_key_is_refused_while_work_is_open(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_in_doubt(desk)
    other = Account(5, None, None, None, team_id="another")

    async def account(_: object) -> Account:
        return other

    monkeypatch.setattr(client.ApiframeClient, "account", account)
    with pytest.raises(ConfigurationError, match="team another"):
        reconcile(desk.settings, desk.catalog())


def state_costs(monkeypatch: pytest.MonkeyPatch, cost: int | None) -> None:
    """Have the provider state a cost for each job of the list."""
    listed = client.ApiframeClient.jobs

    async def jobs(self: client.ApiframeClient, **about: str | None) -> JobPage:
        page = await listed(self, **about)
        return replace(page, jobs=tuple(replace(job, credit_cost=cost) for job in page.jobs))

    monkeypatch.setattr(client.ApiframeClient, "jobs", jobs)


@pytest.mark.parametrize("cost", [0, None])
def test_a_picture_without_a_cost_leaves_the_difference_unknown(
    desk: Bench, monkeypatch: pytest.MonkeyPatch, cost: int | None
) -> None:
    desk.run()
    state_costs(monkeypatch, cost)
    found = reconcile(desk.settings)
    assert (found.matched, found.provider_charged, found.drift) == (2, None, None)


def test_a_failed_job_that_was_not_charged_is_no_orphan(desk: Bench) -> None:
    desk.run()
    desk.tell("faults", [{"fault": "job_failed"}])
    buy_by_hand(desk)
    desk.tell("clock", {"advance_seconds": 600})
    found = reconcile(desk.settings)
    assert (found.jobs_seen, found.matched, found.orphans) == (3, 2, ())


def runs(desk: Bench) -> list[str]:
    """How each run has ended."""
    with open_journal(desk.settings) as journal, journal.read() as connection:
        return list(connection.scalars(select(schema.runs.c.status)))


def test_the_run_of_an_adoption_lives_as_long_as_its_process(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    lose_attempt(desk)
    alive: list[bool] = []

    def killed(*_: object, run_id: str, **__: object) -> Adoption:
        with open_journal(desk.settings) as journal:
            alive.append(is_alive(journal.locks, run_id))
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(reconciliation, "adopt", killed)
        reconcile(desk.settings, desk.catalog())
    assert alive == [True], "a run that begins now must not take it for dead"
    assert runs(desk) == ["finished", "stopped"]


def test_the_account_is_listed_once(desk: Bench) -> None:
    desk.run()
    lose_attempt(desk)
    before = sum(desk.truth()["requests"].get("jobs", {}).values())
    found = reconcile(desk.settings, desk.catalog())
    assert (len(found.adopted), found.orphans) == (1, ())
    assert sum(desk.truth()["requests"]["jobs"].values()) == before + 1
    assert runs(desk) == ["finished", "finished"]
