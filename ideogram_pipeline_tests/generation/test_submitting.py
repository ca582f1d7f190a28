"""From intent to job, outcome by outcome: what may be sent, and when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ideogram_pipeline.apiframe.errors import KeyRefused, Malformed, Transient, Unreachable
from ideogram_pipeline.apiframe.model import (
    Conflict,
    NotSent,
    OutOfCredits,
    Refused,
    Rejected,
    Throttled,
    Unknown,
)
from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.pacing import Slots
from ideogram_pipeline.generation.records import Records, Search
from ideogram_pipeline.generation.submitting import UNKNOWN_TRIES, OutOfMoney, Submitter
from ideogram_pipeline.generation.times import to_text
from ideogram_pipeline_tests.generation.fakes import (
    NOW,
    Clock,
    ScriptedProvider,
    accepted,
    begin,
    body_of,
    group_commit,
    image,
    job_of,
    open_journal,
    page,
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path) as opened:
        yield opened


@dataclass
class Desk:
    """One attempt and all that is needed to submit it."""

    journal: Journal
    provider: ScriptedProvider
    attempt: Attempt
    patience: float = 60.0
    slots: Slots = field(default_factory=lambda: Slots(4, 4))

    def __post_init__(self) -> None:
        self.records = Records(self.provider, self.journal)  # type: ignore[arg-type]

    def submit(self) -> Attempt:
        async def main() -> Attempt:
            async with group_commit(self.journal) as commit:
                submitter = Submitter(
                    self.provider,  # type: ignore[arg-type]
                    self.journal,
                    commit,
                    self.records,
                    self.slots,
                    patience=self.patience,
                )
                async with self.slots.place() as place:
                    return await submitter.submit(self.attempt, place)

        return asyncio.run(main())

    def state(self) -> str:
        return self.journal.get(self.attempt.id).state


def desk(journal: Journal, *outcomes: Any, in_doubt: bool = False, **terms: Any) -> Desk:
    attempt = begin(journal)
    if in_doubt:
        (attempt,) = journal.take_over("run-2", lambda owner: False)
    return Desk(journal, ScriptedProvider(outcomes=list(outcomes)), attempt, **terms)


LOST = Unknown("connection reset")


def test_accepted_is_bound_and_charged(journal: Journal) -> None:
    at = desk(journal, accepted())
    done = at.submit()
    assert (done.state, done.job_id, done.doubt) == ("submitted", "job-1", False)
    assert at.provider.kinds == ["submit"]


def test_the_first_send_needs_no_look(journal: Journal) -> None:
    at = desk(journal, accepted())
    at.submit()
    assert at.provider.submits == [(at.attempt.body, at.attempt.idempotency_key)]


def test_after_every_unknown_outcome_comes_a_look(journal: Journal) -> None:
    at = desk(journal, LOST, Unknown("500"), Unknown("503", 0.01), accepted())
    assert at.submit().state == "submitted"
    assert at.provider.kinds == ["submit", "list"] * 3 + ["submit"]
    assert len(set(at.provider.submits)) == 1, "the same bytes under the same key"


def test_what_is_found_is_adopted_and_not_sent_again(journal: Journal) -> None:
    at = desk(journal, LOST)
    at.provider.jobs["job-7"] = job_of(at.attempt, "job-7")
    done = at.submit()
    assert (done.state, done.job_id) == ("submitted", "job-7")
    assert at.provider.kinds == ["submit", "list", "job"]


def test_a_dead_runs_attempt_is_looked_for_first(journal: Journal) -> None:
    at = desk(journal, accepted(), in_doubt=True)
    at.provider.jobs["job-7"] = job_of(at.attempt, "job-7")
    assert at.submit().job_id == "job-7"
    assert at.provider.submits == []


def test_unclear_answers_without_end_leave_it_to_the_next_run(journal: Journal) -> None:
    at = desk(journal, LOST)
    done = at.submit()
    assert (done.state, done.doubt, done.error) == ("submitting", True, "connection reset")
    assert len(at.provider.submits) == UNKNOWN_TRIES


@pytest.mark.parametrize("trouble", [Transient("503"), Malformed("a job without an id")])
def test_nothing_is_sent_while_one_cannot_look(journal: Journal, trouble: Exception) -> None:
    at = desk(journal, accepted(), in_doubt=True)
    at.provider.pages = [trouble]
    done = at.submit()
    assert done.state == "submitting"
    assert "no clear answer yet" in (done.error or "")
    assert at.provider.submits == []


def test_a_refused_key_while_looking_ends_the_run(journal: Journal) -> None:
    at = desk(journal, accepted(), in_doubt=True)
    at.provider.pages = [KeyRefused("401")]
    with pytest.raises(KeyRefused):
        at.submit()
    assert at.state() == "submitting"


class TestTheWindow:
    def test_within_it_the_same_request_is_sent_again(self, journal: Journal) -> None:
        at = desk(journal, accepted(), in_doubt=True)
        at.provider.clock.pass_hours(19.9)
        assert at.submit().state == "submitted"
        assert at.provider.submits == [(at.attempt.body, at.attempt.idempotency_key)]

    def test_after_it_proven_absence_closes_the_attempt(self, journal: Journal) -> None:
        at = desk(journal, accepted(), in_doubt=True)
        at.provider.clock.pass_hours(20.3)
        assert at.submit().state == "absent"
        assert at.provider.submits == []

    def test_a_request_that_was_just_sent_may_still_become_a_job(self, journal: Journal) -> None:
        at = desk(journal, accepted(), in_doubt=True)
        at.provider.clock.pass_hours(20.1)
        done = at.submit()
        assert (done.state, at.provider.submits) == ("submitting", [])
        assert "no such job so far" in (done.error or "")

    def test_after_it_anything_less_than_proof_is_left_to_a_person(self, journal: Journal) -> None:
        at = desk(journal, accepted(), in_doubt=True)
        at.provider.jobs["job-7"] = job_of(at.attempt, "job-7", input=None)
        at.provider.clock.pass_hours(25)
        done = at.submit()
        assert done.state == "unresolved"
        assert "2026-11-22 09:00 UTC" in (done.error or "")
        assert at.provider.submits == []

    @pytest.mark.parametrize("hours", [0, 25])
    @pytest.mark.parametrize("twin", [False, True])
    def test_inputs_at_other_addresses_are_no_difference_unless_a_twin_is_in_doubt(
        self, journal: Journal, hours: int, twin: bool
    ) -> None:
        at = desk(journal, accepted("job-8"), in_doubt=True)
        rehosted = at.attempt.request
        rehosted["ideogramParams"]["character_reference_image"] = "https://their/own.png"
        at.provider.jobs["job-7"] = job_of(at.attempt, "job-7", input=rehosted)
        at.provider.clock.pass_hours(hours)
        if twin:
            begin(journal, image(2))
            with journal._db.write() as connection:
                connection.exec_driver_sql("UPDATE attempts SET body = ?", (at.attempt.body,))
        done = at.submit()
        if not twin:
            assert (done.job_id, at.provider.submits) == ("job-7", [])
        elif hours:
            assert (done.state, at.provider.submits) == ("unresolved", [])
        else:
            assert done.job_id == "job-8", "the key decides"

    def test_a_late_find_is_adopted_all_the_same(self, journal: Journal) -> None:
        at = desk(journal, accepted(), in_doubt=True)
        at.provider.jobs["job-7"] = job_of(at.attempt, "job-7")
        at.provider.clock.pass_hours(100)
        assert at.submit().job_id == "job-7"

    def test_it_is_asked_for_after_a_pause_not_before(self, journal: Journal) -> None:
        """A pause that the provider asks for may itself be longer than what is left."""
        at = desk(journal, accepted(), in_doubt=True)
        at.provider.clock.pass_hours(19.9)

        class Pausing(Slots):
            @property
            def pause(self) -> float:
                hours, self.hours = getattr(self, "hours", 1.5), 0.0
                at.provider.clock.pass_hours(hours)
                return 0.001 if hours else 0.0

        at.slots = Pausing(4, 4)
        assert at.submit().state == "absent"
        assert at.provider.submits == []

    def test_it_may_end_between_two_tries(self, journal: Journal) -> None:
        at = desk(journal, in_doubt=False)

        def late() -> Unknown:
            at.provider.clock.pass_hours(21)
            return LOST

        at.provider.outcomes = [late]
        assert at.submit().state == "absent"
        assert len(at.provider.submits) == 1


class TestDeclined:
    def test_rejected(self, journal: Journal) -> None:
        done = desk(journal, Rejected("HTTP 400: seed")).submit()
        assert (done.state, done.error) == ("rejected", "HTTP 400: seed")

    def test_no_money(self, journal: Journal) -> None:
        at = desk(journal, OutOfCredits("HTTP 402: too little"))
        with pytest.raises(OutOfMoney, match="too little"):
            at.submit()
        assert at.state() == "withdrawn"

    def test_no_right(self, journal: Journal) -> None:
        at = desk(journal, Refused("HTTP 401"))
        with pytest.raises(KeyRefused, match="APIFRAME_API_KEY"):
            at.submit()
        assert at.state() == "withdrawn"

    def test_nobody_there(self, journal: Journal) -> None:
        at = desk(journal, NotSent("refused"), patience=0.03)
        with pytest.raises(Unreachable):
            at.submit()
        assert at.state() == "withdrawn"
        assert "list" not in at.provider.kinds, "what was never sent is not in doubt"

    @pytest.mark.parametrize(
        "outcome",
        [
            Rejected("HTTP 400"),
            OutOfCredits("HTTP 402"),
            Refused("HTTP 403"),
            NotSent("refused"),
            Throttled(None),
        ],
        ids=lambda outcome: type(outcome).__name__,
    )
    def test_a_refusal_does_not_clear_an_older_doubt(
        self, journal: Journal, outcome: object
    ) -> None:
        at = desk(journal, outcome, in_doubt=True, patience=0.0)
        with suppress(OutOfMoney, KeyRefused, Unreachable):
            at.submit()
        after = journal.get(at.attempt.id)
        assert (after.state, after.doubt) == ("submitting", True)


class TestThrottled:
    def test_it_waits_and_sends_the_same(self, journal: Journal) -> None:
        at = desk(journal, Throttled(0.01), Throttled(None), accepted())
        assert at.submit().state == "submitted"
        assert at.provider.kinds == ["submit"] * 3
        assert len(set(at.provider.submits)) == 1
        assert at.slots.limit < 4

    def test_no_wait_asked_for_is_no_leave_to_hammer(self, journal: Journal) -> None:
        at = desk(journal, Throttled(0.0), patience=0.2)
        assert at.submit().state == "withdrawn"
        assert len(at.provider.submits) < 50

    def test_a_pause_longer_than_our_patience_is_not_waited_for(self, journal: Journal) -> None:
        at = desk(journal, Throttled(3600.0))
        done = at.submit()
        assert (done.state, len(at.provider.submits)) == ("withdrawn", 1)
        assert "429" in (done.error or "")


class TestConflict:
    """409: an earlier body under this key, so the same picture with another upload address."""

    def moved(self, attempt: Attempt, job_id: str) -> Any:
        other = body_of(image(), host="https://before")
        return job_of(attempt, job_id, input=json.loads(other))

    def test_the_one_that_fits_is_adopted(self, journal: Journal) -> None:
        at = desk(journal, Conflict("HTTP 409"))
        at.provider.jobs["job-7"] = self.moved(at.attempt, "job-7")
        assert at.submit().job_id == "job-7"

    def test_several_that_fit_are_left_to_a_person(self, journal: Journal) -> None:
        at = desk(journal, Conflict("HTTP 409"))
        at.provider.jobs = {name: self.moved(at.attempt, name) for name in ("job-7", "job-8")}
        done = at.submit()
        assert done.state == "unresolved"
        assert "2 of the account's jobs" in (done.error or "")

    def test_none_leaves_it_in_doubt(self, journal: Journal) -> None:
        done = desk(journal, Conflict("HTTP 409")).submit()
        assert (done.state, done.doubt) == ("submitting", True)

    def test_no_look_possible_leaves_it_in_doubt(self, journal: Journal) -> None:
        at = desk(journal, Conflict("HTTP 409"))
        at.provider.pages = [Transient("503")]
        assert (at.submit().state, at.state()) == ("submitting", "submitting")


def test_a_job_of_another_picture_is_not_taken_for_ours(journal: Journal) -> None:
    other = journal.accept(begin(journal, image(2)), "job-1", now=NOW)
    done = desk(journal, accepted("job-1")).submit()
    assert done.state == "unresolved"
    assert "belongs to another picture" in (done.error or "")
    assert journal.get(other.id) == other


def test_two_tries_never_overlap(journal: Journal) -> None:
    at = desk(journal, LOST, LOST, accepted())
    at.submit()
    assert at.provider.most_at_once == 1


def begun_before(journal: Journal, attempt: Attempt, hours: float) -> Attempt:
    """The attempt, as if it had been begun so long ago by this machine's clock."""
    begun_at = to_text(datetime.now(UTC) - timedelta(hours=hours))
    with journal._db.write() as connection:
        connection.exec_driver_sql("UPDATE attempts SET begun_at = ?", (begun_at,))
    return journal.get(attempt.id)


@pytest.mark.parametrize(("hours", "state"), [(1, "submitting"), (21, "absent")])
def test_after_a_clock_that_was_wrong_nothing_is_sent_again(
    journal: Journal, hours: float, state: str
) -> None:
    """The intent lies in the future by the provider's clock: one of the two was wrong."""
    at = desk(journal, accepted(), in_doubt=True)
    at.attempt = begun_before(journal, at.attempt, hours)
    at.provider.clock = Clock(NOW - timedelta(hours=1))
    at.provider.pages = [page()]
    assert at.submit().state == state
    assert at.provider.submits == []


def test_what_is_old_by_our_own_clock_is_neither_sent_again_nor_given_up(journal: Journal) -> None:
    """Our clock may have jumped; the provider has received it just now by its own."""
    at = desk(journal, accepted(), in_doubt=True)
    at.attempt = begun_before(journal, at.attempt, 21)
    at.provider.pages = [page()]
    assert at.submit().state == "submitting"
    assert at.provider.submits == []


def test_of_two_that_take_one_job_the_slower_looks_again(journal: Journal) -> None:
    at = desk(journal, accepted("job-8"), in_doubt=True)
    twin = begin(journal, image(2))
    at.provider.jobs["job-7"] = job_of(at.attempt, "job-7")
    search = at.records.search

    async def slow(attempt: Attempt) -> Search:
        found = await search(attempt)
        if found.matches:
            journal.accept(twin, "job-7", now=NOW)
        return found

    at.records.search = slow  # type: ignore[method-assign]
    assert at.submit().job_id == "job-8"


def test_what_met_a_conflict_is_never_proven_absent(journal: Journal) -> None:
    """The provider has said itself that there is a job under this key."""
    at = desk(journal, Conflict("HTTP 409"), in_doubt=True)
    at.provider.pages = [page()]
    at.attempt = at.submit()
    assert (at.attempt.state, at.attempt.conflicted) == ("submitting", True)
    at.provider.clock.pass_hours(21)
    assert at.submit().state == "unresolved"


def test_a_conflict_looks_back_over_the_life_of_a_key(journal: Journal) -> None:
    """The job is of an intent that a lost journal, or another machine, has written down."""
    at = desk(journal, Conflict("HTTP 409"))
    hours_ago = NOW - timedelta(hours=23)
    at.provider.jobs["job-7"] = job_of(at.attempt, "job-7", created_at=hours_ago)
    assert at.submit().job_id == "job-7"
