from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from ideogram_pipeline.apiframe import client
from ideogram_pipeline.apiframe.clock import ProviderClock
from ideogram_pipeline.apiframe.model import Account, Job, JobPage
from ideogram_pipeline.errors import ConfigurationError
from ideogram_pipeline.generation import reconciliation, schema
from ideogram_pipeline.generation.adopting import Adoption
from ideogram_pipeline.generation.database import Database, journal_path, open_journal
from ideogram_pipeline.generation.owners import is_alive
from ideogram_pipeline.generation.reconciliation import Reconciliation, reconcile
from ideogram_pipeline.generation.settled import put_settled_point, settled_point
from ideogram_pipeline.generation.totals import COUNTED_ANEW
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.generation.judging import assert_books_right, paid, requests
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
    found = reconcile(desk.settings, whole=True)
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
    found = reconcile(desk.settings, whole=True)
    assert [(orphan.job_id, orphan.credit_cost) for orphan in found.orphans] == [(job_id, 20)]
    assert (found.matched, found.drift) == (2, 0), "it is not ours, so our books are right"


def test_what_the_account_did_before_us_is_not_looked_at(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        buy_by_hand(desk)
    desk.tell("clock", {"advance_seconds": 3600})
    assert reconcile(desk.settings, whole=True).jobs_seen == 0
    desk.run()
    before = sum(desk.truth()["requests"].get("jobs", {}).values())
    monkeypatch.setattr(client, "JOBS_PAGE_MAX", 1)
    found = reconcile(desk.settings, whole=True)
    assert (found.jobs_seen, found.matched, found.orphans, found.drift) == (2, 2, (), 0)
    assert sum(desk.truth()["requests"]["jobs"].values()) == before + 3


def test_a_job_of_ours_that_is_not_listed_is_missing(desk: Bench) -> None:
    desk.run()
    tamper(desk, "UPDATE attempts SET job_id = 'elsewhere' WHERE id = 1")
    found = reconcile(desk.settings, whole=True)
    assert found.missing == ("elsewhere",)
    assert len(found.orphans) == found.matched == 1


def test_a_ledger_that_is_not_the_bill_drifts(desk: Bench) -> None:
    desk.run()
    entry = "attempt_id, entry_type, credits, price_source, booked_at"
    tamper(desk, f"INSERT INTO ledger({entry}) VALUES (1, 'correction', 5, 'x', 'y')")
    assert reconcile(desk.settings, whole=True).drift == -5


@pytest.mark.parametrize("fault", ["job_failed", "job_failed_no_refund", "job_cancelled"])
def test_failed_jobs_are_right_with_and_without_their_refund(desk: Bench, fault: str) -> None:
    desk.tell("faults", [{"fault": fault}])
    desk.run()
    found = reconcile(desk.settings, whole=True)
    truth = desk.truth()
    assert found.drift == 0
    assert found.ledger_net == truth["charges"] - truth["refunds"]


def test_what_may_have_been_paid_is_counted_apart(desk: Bench) -> None:
    desk.tell("faults", [{"fault": "unavailable_before", "times": 12}])
    desk.run()
    found = reconcile(desk.settings, whole=True)
    assert (found.unknown_credits, found.ledger_net, found.unresolved) == (20, 0, 0)
    tamper(desk, "UPDATE attempts SET state = 'unresolved'")
    assert reconcile(desk.settings, whole=True).unresolved == 2


def test_it_reads_every_page_and_changes_nothing(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    before = desk.truth()["requests"]
    monkeypatch.setattr(client, "JOBS_PAGE_MAX", 1)
    found = reconcile(desk.settings, whole=True)
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
    found = reconcile(desk.settings, desk.catalog(), whole=True)
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


def use_another_team(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the provider say that the key is of another team."""
    told = client.ApiframeClient.account

    async def account(self: client.ApiframeClient) -> Account:
        return replace(await told(self), team_id="another")

    monkeypatch.setattr(client.ApiframeClient, "account", account)


def test_another_teams_key_is_refused_while_work_is_open(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_in_doubt(desk)
    use_another_team(monkeypatch)
    with pytest.raises(ConfigurationError, match="team another"):
        reconcile(desk.settings, desk.catalog(), whole=True)


def list_jobs_as(monkeypatch: pytest.MonkeyPatch, change: Callable[[Job], Job]) -> None:
    """Have the provider list each job otherwise than it is."""
    listed = client.ApiframeClient.jobs

    async def jobs(self: client.ApiframeClient, **about: str | None) -> JobPage:
        page = await listed(self, **about)
        return replace(page, jobs=tuple(map(change, page.jobs)))

    monkeypatch.setattr(client.ApiframeClient, "jobs", jobs)


@pytest.mark.parametrize("cost", [0, None])
def test_a_picture_without_a_cost_leaves_the_difference_unknown(
    desk: Bench, monkeypatch: pytest.MonkeyPatch, cost: int | None
) -> None:
    desk.run()
    list_jobs_as(monkeypatch, lambda job: replace(job, credit_cost=cost))
    found = reconcile(desk.settings, whole=True)
    assert (found.matched, found.provider_charged, found.drift) == (2, None, None)


def test_a_failed_job_that_was_not_charged_is_no_orphan(desk: Bench) -> None:
    desk.run()
    desk.tell("faults", [{"fault": "job_failed"}])
    buy_by_hand(desk)
    desk.tell("clock", {"advance_seconds": 600})
    found = reconcile(desk.settings, whole=True)
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
        reconcile(desk.settings, desk.catalog(), whole=True)
    assert alive == [True], "a run that begins now must not take it for dead"
    assert runs(desk) == ["finished", "stopped"]


def test_the_account_is_listed_once(desk: Bench) -> None:
    desk.run()
    lose_attempt(desk)
    before = sum(desk.truth()["requests"].get("jobs", {}).values())
    found = reconcile(desk.settings, desk.catalog(), whole=True)
    assert (len(found.adopted), found.orphans) == (1, ())
    assert sum(desk.truth()["requests"]["jobs"].values()) == before + 1
    assert runs(desk) == ["finished", "finished"]


HOUR = {"advance_seconds": 3600}
"""Longer than the clocks of two servers may be apart."""
EIGHT_DAYS = {"advance_seconds": 8 * 24 * 3600}


def look(desk: Bench) -> Reconciliation:
    """An hour later, look back to the settled point."""
    desk.tell("clock", HOUR)
    return reconcile(desk.settings, whole=False)


def point(desk: Bench) -> datetime | None:
    with open_journal(desk.settings) as journal, journal.read() as connection:
        return settled_point(connection)


def test_what_is_settled_is_not_looked_at_again(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    first = look(desk)
    assert (first.matched, first.drift) == (2, 0)
    before = requests(desk, "jobs")
    monkeypatch.setattr(client, "JOBS_PAGE_MAX", 1)
    found = look(desk)
    assert requests(desk, "jobs") == before + 1
    assert (found.jobs_seen, found.missing, found.drift, found.ledger_net) == (0, (), 0, 20)
    assert first.since
    assert found.since
    assert first.settled
    assert first.since < found.since < first.settled
    assert point(desk) == found.settled


def test_what_was_bought_since_is_compared(desk: Bench) -> None:
    desk.run()
    look(desk)
    write_catalog(Path(desk.settings.catalog), prompts=2)
    desk.tell("clock", HOUR)
    desk.run()
    tamper(desk, "UPDATE attempts SET job_id = 'elsewhere' WHERE id = 3")
    for _ in range(2):
        found = look(desk)
        assert (found.jobs_seen, found.matched, found.missing) == (2, 1, ("elsewhere",))
        assert len(found.orphans) == 1


def test_an_orphan_is_seen_until_it_is_adopted(desk: Bench) -> None:
    desk.run()
    look(desk)
    desk.tell("clock", HOUR)
    job_id = buy_by_hand(desk)
    for _ in range(2):
        assert [orphan.job_id for orphan in look(desk).orphans] == [job_id]
    lose_attempt(desk)
    found = reconcile(desk.settings, desk.catalog(), whole=True)
    assert (len(found.adopted), len(found.orphans)) == (1, 1)
    assert look(desk).jobs_seen == 3, "what is adopted is open, and older than the orphan"


def test_a_job_that_has_not_ended_is_looked_at_again(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    with monkeypatch.context() as patched:
        list_jobs_as(patched, lambda job: replace(job, status="PROCESSING"))
        assert look(desk).drift is not None
    assert look(desk).jobs_seen == 2
    assert look(desk).jobs_seen == 0


@pytest.mark.parametrize("state", [schema.SUBMITTED, schema.UNRESOLVED])
def test_an_attempt_that_is_open_keeps_the_point_back(desk: Bench, state: str) -> None:
    desk.run()
    tamper(desk, f"UPDATE attempts SET state = '{state}'")
    look(desk)
    assert look(desk).jobs_seen == 2
    tamper(desk, f"UPDATE attempts SET state = '{schema.STORED}'")
    look(desk)
    assert look(desk).jobs_seen == 0


def test_a_failed_job_that_is_still_charged_is_looked_at_for_a_week(desk: Bench) -> None:
    desk.tell("faults", [{"fault": "job_failed_no_refund", "times": 99}])
    desk.run()
    seen = look(desk).jobs_seen
    assert seen >= 2
    assert look(desk).jobs_seen == seen
    desk.tell("clock", EIGHT_DAYS)
    assert look(desk).jobs_seen == seen
    assert look(desk).jobs_seen == 0


def test_a_whole_look_sees_what_has_changed_since_and_sets_the_point_back(desk: Bench) -> None:
    desk.run()
    look(desk)
    entry = "attempt_id, entry_type, credits, price_source, booked_at"
    tamper(desk, f"INSERT INTO ledger({entry}) VALUES (1, 'correction', 5, 'x', 'y')")
    assert look(desk).drift == 0
    assert reconcile(desk.settings, whole=True).drift == -5
    for _ in range(2):
        assert look(desk).drift == -5, "from now on it is in view"


def test_a_job_without_a_date_settles_nothing(desk: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run()
    list_jobs_as(monkeypatch, lambda job: replace(job, created_at=None))
    for _ in range(2):
        found = look(desk)
        assert (found.jobs_seen, found.settled, point(desk)) == (2, None, None)


def test_without_the_providers_time_everything_is_compared(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    settled = look(desk).settled
    monkeypatch.setattr(ProviderClock, "observe", lambda *_: None)
    found = look(desk)
    assert (found.jobs_seen, found.settled, point(desk)) == (2, None, settled)


def test_a_point_in_the_future_is_not_believed(desk: Bench) -> None:
    desk.run()
    with open_journal(desk.settings) as journal, journal.write() as connection:
        put_settled_point(connection, datetime(2100, 1, 1, tzinfo=UTC), instead_of=None)
    found = look(desk)
    assert (found.jobs_seen, point(desk)) == (2, found.settled)


def test_a_point_that_was_moved_during_the_look_stays(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    known = look(desk).settled
    moved = datetime(2020, 1, 1, tzinfo=UTC)

    def move(job: Job) -> Job:
        with open_journal(desk.settings) as journal, journal.write() as connection:
            put_settled_point(connection, moved, instead_of=known)
        return job

    list_jobs_as(monkeypatch, move)
    assert look(desk).settled != moved
    assert point(desk) == moved


def test_another_teams_key_does_not_use_the_point(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    look(desk)
    use_another_team(monkeypatch)
    assert look(desk).jobs_seen == 2


def test_a_journal_that_was_put_back_has_no_point(desk: Bench, tmp_path: Path) -> None:
    desk.run()
    look(desk)
    backup = tmp_path / "backup.sqlite"
    shutil.copy(journal_path(desk.settings), backup)
    write_catalog(Path(desk.settings.catalog), prompts=2)
    desk.run()
    for path in desk.settings.folder.glob("journal.sqlite*"):
        path.unlink()
    shutil.copy(backup, journal_path(desk.settings))
    assert point(desk) is None
    for _ in range(2):
        found = look(desk)
        assert (found.jobs_seen, found.since, found.settled) == (4, None, None)


def test_a_look_that_is_not_whole_never_sets_the_point_back(desk: Bench) -> None:
    desk.run()
    desk.tell("clock", {"advance_seconds": 60})
    settled = reconcile(desk.settings, whole=True).settled
    entry = "attempt_id, entry_type, credits, price_source, booked_at"
    tamper(desk, f"INSERT INTO ledger({entry}) VALUES (1, 'correction', 5, 'x', 'y')")
    for _ in range(2):
        found = look(desk)
        assert (found.drift, found.settled) == (-5, settled), "just before the point, and in view"


def test_what_ends_while_the_account_is_listed_is_not_settled(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    tamper(desk, f"UPDATE attempts SET state = '{schema.COMPLETED}'")

    def end(job: Job) -> Job:
        tamper(desk, f"UPDATE attempts SET state = '{schema.STORED}'")
        return job

    list_jobs_as(monkeypatch, end)
    look(desk)
    assert look(desk).jobs_seen == 2
    assert look(desk).jobs_seen == 0


def test_a_list_that_is_cut_short_settles_nothing(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.run()
    monkeypatch.setattr(client, "JOBS_PAGE_MAX", 1)
    listed = client.ApiframeClient.jobs

    async def first_page(self: client.ApiframeClient, **_: str | None) -> JobPage:
        return await listed(self)

    monkeypatch.setattr(client.ApiframeClient, "jobs", first_page)
    found = look(desk)
    assert (found.jobs_seen, len(found.missing), found.settled) == (1, 1, None)
