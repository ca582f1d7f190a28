"""Typing what only a person can decide: settle, reconcile, publish."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.model import Account
from ideogram_pipeline.generation import publication, schema
from ideogram_pipeline.generation.database import journal_path, open_journal
from ideogram_pipeline.generation.publication import publish_books
from ideogram_pipeline.generation.reconciliation import reconcile
from ideogram_pipeline.generation.totals import COUNTED_ANEW
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.warehouse import Published
from ideogram_pipeline_tests.cli.terminal import Answer, live, typed
from ideogram_pipeline_tests.generation.judging import assert_books_right, paid
from ideogram_pipeline_tests.support import KEY, Bench, bench, write_catalog

A_DAY_AND_AN_HOUR = {"advance_seconds": 25 * 3600}
HELD = Published(lag=True, reason="Close it there.")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Bench]:
    source = write_catalog(tmp_path / "catalog", characters=("ann",), prompts=2)
    with bench(tmp_path, SandboxOptions(speed=500, tiny=True), source) as made:
        yield made


def typed_at(desk: Bench, *words: str) -> Answer:
    environment = live(desk.server.url, desk.settings.home, desk.settings.catalog)
    return typed(*words, environment=environment | {"APIFRAME_API_KEY": KEY})


def leave_unresolved(desk: Bench, fault: str) -> str:
    """An answer is lost, and nothing tells what became of it; the number of the attempt."""
    desk.tell("faults", [{"fault": fault}])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ideogram_pipeline.generation.submitting.UNKNOWN_TRIES", 1)
        desk.run()
    doubtful = schema.attempts.c.state == schema.SUBMITTING
    with open_journal(desk.settings) as journal, journal.write() as connection:
        connection.execute(update(schema.attempts).where(doubtful).values(state="unresolved"))
    assert desk.plan().count("blocked") == 1
    return first_number(desk)


def forget_first(desk: Bench) -> None:
    """Lose the first attempt, so that its job is an orphan."""
    with open_journal(desk.settings) as journal, journal.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_no_delete")
        connection.exec_driver_sql("DELETE FROM ledger WHERE attempt_id = 1")
        connection.exec_driver_sql("DELETE FROM attempts WHERE id = 1")
        for statement in COUNTED_ANEW:
            connection.exec_driver_sql(statement)


def first_number(desk: Bench) -> str:
    """The number of the first attempt that waits for a person."""
    return typed_at(desk, "settle").out.splitlines()[3].split("|")[1].strip()


class TestSettle:
    def test_nothing_waits(self, desk: Bench) -> None:
        assert "Nothing waits for a person." in typed_at(desk, "settle").out

    def test_it_was_accepted(self, desk: Bench) -> None:
        number = leave_unresolved(desk, "lost_after")
        assert "unresolved" in typed_at(desk, "settle").out
        jobs = {job["id"] for job in desk.truth()["jobs"]}
        with open_journal(desk.settings) as journal, journal.read() as connection:
            known = {row.job_id for row in connection.execute(schema.attempts.select())}
        theirs, ours = (jobs - known).pop(), (jobs & known).pop()

        assert "another request" in typed_at(desk, "settle", number, "--job", ours).err
        assert "has no job" in typed_at(desk, "settle", number, "--job", str(uuid.uuid4())).err
        done = typed_at(desk, "settle", number, "--job", theirs)
        assert (done.code, "booked" in done.out) == (0, True)
        assert desk.run().exit_code == 0
        assert_books_right(desk, 2)

    def test_it_was_not_accepted(self, desk: Bench) -> None:
        number = leave_unresolved(desk, "unavailable_before")
        done = typed_at(desk, "settle", number, "--not-accepted")
        assert "The next run buys it for 10 credits." in done.out
        assert desk.run().exit_code == 0
        assert_books_right(desk, 2)

    def test_paid_and_lost_may_be_bought_again(self, desk: Bench) -> None:
        desk.tell("faults", [{"fault": "purged", "times": 1}])
        assert desk.run().exit_code == 4
        assert "expired" in typed_at(desk, "settle").out
        done = typed_at(desk, "settle", first_number(desk), "--buy-again")
        assert "for another 10 credits" in done.out
        assert desk.plan().quote == 10
        (reason,) = (e.reason for e in desk.plan().entries() if e.decision == "generate")
        assert ("paid and lost" in reason, "not charged" in reason) == (True, False)
        assert desk.run().exit_code == 0
        assert len(paid(desk)) == 3, "both are in the books"
        assert_books_right(desk, 2)

    def test_another_teams_account_does_not_settle_it(
        self, desk: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        number = leave_unresolved(desk, "lost_after")

        async def account(_: object) -> Account:
            return Account(5, None, None, None, team_id="another")

        monkeypatch.setattr(ApiframeClient, "account", account)
        answer = typed_at(desk, "settle", number, "--job", str(uuid.uuid4()))
        assert (answer.code, "team another" in answer.err) == (1, True)

    def test_a_file_that_a_person_holds_is_said(
        self, desk: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        number = leave_unresolved(desk, "unavailable_before")
        monkeypatch.setattr(publication, "publish_books", lambda *_, **__: HELD)
        answer = typed_at(desk, "settle", number, "--not-accepted")
        assert (answer.code, "was not paid" in answer.out) == (0, True)
        assert "Close it there" in answer.err

    @pytest.mark.parametrize(
        "words",
        [
            ["--job", "x"],
            ["1"],
            ["1", "--not-accepted", "--buy-again"],
            ["1", "--journal-lost"],
        ],
        ids=" ".join,
    )
    def test_half_an_answer_is_wrong_usage(self, desk: Bench, words: list[str]) -> None:
        assert typed_at(desk, "settle", *words).code == 2

    def test_an_answer_to_no_question(self, desk: Bench) -> None:
        desk.run()
        answer = typed_at(desk, "settle", "1", "--buy-again")
        assert (answer.code, "it is stored" in answer.err) == (1, True)
        assert "there is none" in typed_at(desk, "settle", "99", "--not-accepted").err
        assert "nothing to forget" in typed_at(desk, "settle", "--journal-lost").err

    def test_a_lost_journal_is_forgotten_on_demand(self, tmp_path: Path) -> None:
        options = SandboxOptions(speed=500, tiny=True, hide_input=True)
        with bench(tmp_path, options) as desk:
            desk.run()
            journal_path(desk.settings).unlink()
            desk.tell("clock", A_DAY_AND_AN_HOUR)
            assert desk.run().count("blocked") == 6
            assert "The journal was lost." in typed_at(desk, "settle").out
            assert "an earlier one was lost" in typed_at(desk, "doctor").out
            assert typed_at(desk, "settle", "--journal-lost").code == 0
            assert desk.run().exit_code == 0


class TestReconcile:
    def test_all_is_right(self, desk: Bench) -> None:
        desk.run()
        answer = typed_at(desk, "reconcile")
        assert answer.code == 0
        assert "difference" in answer.out
        assert "Orphans" not in answer.out

    def test_what_was_settled_before_is_compared_as_well(self, desk: Bench) -> None:
        desk.run()
        for _ in range(2):
            desk.tell("clock", A_DAY_AND_AN_HOUR)
            settled = reconcile(desk.settings, whole=False)
        assert settled.jobs_seen == 0
        forget_first(desk)
        answer = typed_at(desk, "reconcile")
        assert "1 orphan adopted" in answer.out

    def test_an_orphan_that_was_made_for_a_picture_is_adopted(self, desk: Bench) -> None:
        desk.run()
        forget_first(desk)
        answer = typed_at(desk, "reconcile")
        assert answer.code == 0
        assert "1 orphan adopted" in answer.out
        assert desk.plan().count("resume") == 1
        assert desk.run().exit_code == 0
        assert_books_right(desk, 2)
        assert len(paid(desk)) == 2

    def test_a_file_that_a_person_holds_is_said(
        self, desk: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.run()
        forget_first(desk)
        monkeypatch.setattr(publication, "publish_books", lambda _settings: HELD)
        answer = typed_at(desk, "reconcile")
        assert (answer.code, "1 orphan adopted" in answer.out) == (0, True)
        assert "Close it there" in answer.err

    def test_one_of_an_attempt_in_doubt_is_no_orphan(self, desk: Bench) -> None:
        desk.tell("faults", [{"fault": "lost_after"}])
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("ideogram_pipeline.generation.submitting.UNKNOWN_TRIES", 1)
            desk.run()
        answer = typed_at(desk, "reconcile")
        assert (answer.code, "Orphans" in answer.out) == (0, False)
        assert "the next run settles" in answer.out
        with open_journal(desk.settings) as journal, journal.write() as connection:
            doubtful = schema.attempts.c.state == schema.SUBMITTING
            connection.execute(
                update(schema.attempts).where(doubtful).values(state=schema.UNRESOLVED)
            )
        answer = typed_at(desk, "reconcile")
        assert (answer.code, "settle ATTEMPT --job JOB" in answer.out) == (4, True)

    def test_one_that_is_nobodys_is_shown_with_its_cost(self, desk: Bench) -> None:
        desk.run()
        source = Path(desk.settings.catalog)
        text = (source / "prompts.csv").read_text()
        (source / "prompts.csv").write_text(text.replace("scene 1", "scene one"))
        forget_first(desk)
        answer = typed_at(desk, "reconcile")
        assert answer.code == 4
        assert "Orphans: paid from this account" in answer.out


class TestPublish:
    def test_a_deleted_file_is_built_anew(self, desk: Bench) -> None:
        desk.run()
        publish_books(desk.settings)
        desk.settings.warehouse_path.unlink()
        answer = typed_at(desk, "publish")
        assert (answer.code, "2 pictures, 2 entries" in answer.out) == (0, True)
        assert "begun anew" in answer.err

    def test_a_file_that_a_person_holds_keeps_its_rows(
        self, desk: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.run()
        publish_books(desk.settings)
        monkeypatch.setattr(publication, "publish_books", lambda _settings: HELD)
        answer = typed_at(desk, "publish")
        assert (answer.code, "Close it there" in answer.err) == (3, True)
