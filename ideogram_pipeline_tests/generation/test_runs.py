"""Whole runs against a sandbox server: limits, refusals, rests of earlier runs."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from ideogram_pipeline.apiframe.errors import KeyRefused, Unreachable
from ideogram_pipeline.errors import StorageError
from ideogram_pipeline.generation import run as running
from ideogram_pipeline.generation import watching
from ideogram_pipeline.generation.account import account_balance
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.generation.reconciliation import reconcile
from ideogram_pipeline.generation.report import Progress, RunReport
from ideogram_pipeline.generation.run import generate
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline_tests.generation.judging import (
    assert_books_right,
    paid,
    requests,
    stored,
)
from ideogram_pipeline_tests.support import AT, Bench, bench, new_run_id, write_catalog

FAST = SandboxOptions(speed=500, tiny=True)


def small(folder: Path, prompts: int = 2, **columns: str) -> str:
    return write_catalog(folder, characters=("ann",), prompts=prompts, columns=columns)


def fates(report: RunReport) -> dict[str, int]:
    names = ("made", "reused", "deferred", "running", "failed", "blocked")
    return {name: report.count(name) for name in names if report.count(name)}  # type: ignore[arg-type]


def test_the_quote_is_what_it_costs_and_the_second_run_is_free(tmp_path: Path) -> None:
    with bench(tmp_path, FAST) as desk:
        quote = desk.plan().quote
        report = desk.run()
        assert (report.exit_code, fates(report)) == (0, {"made": 6})
        truth = desk.truth()
        assert quote == report.quote == report.credits == truth["charges"] == 60
        assert report.balance_before == 10_000
        assert report.balance_after == 10_000 - 60
        assert requests(desk, "uploads") == 2, "one for each reference"
        assert_books_right(desk, 6)

        before = desk.truth()["requests"]
        again = desk.run()
        assert (again.exit_code, fates(again)) == (0, {"reused": 6})
        assert sum(part.credits_avoided for part in again.characters.values()) == 60
        after = desk.truth()["requests"]
        assert {route: after[route] for route in ("generate", "uploads", "picture")} == {
            route: before[route] for route in ("generate", "uploads", "picture")
        }
        assert again.requests == 0, "nobody is asked when nothing is to be done"


def test_a_changed_row_is_bought_and_both_pictures_are_kept(tmp_path: Path) -> None:
    source = small(tmp_path / "catalog", prompts=1)
    with bench(tmp_path, FAST, source) as desk:
        desk.run()
        before = stored(desk)
        rows = tmp_path / "catalog" / "prompts.csv"
        rows.write_text(rows.read_text().replace("beach", "lake"))
        assert [entry.reason for entry in desk.plan().entries()] == ["prompt text changed"]
        assert fates(desk.run()) == {"made": 1}
        assert desk.truth()["downloads"]["count"] == 2
        assert set(before) < set(stored(desk))
        assert_books_right(desk, 2)


def test_a_new_edition_is_bought_and_the_old_one_is_kept(tmp_path: Path) -> None:
    source = small(tmp_path / "catalog", prompts=1, refresh="daily")
    with bench(tmp_path, FAST, source) as desk:
        desk.run()
        assert fates(desk.run(AT + timedelta(hours=1))) == {"reused": 1}
        assert fates(desk.run(AT + timedelta(days=1))) == {"made": 1}
        assert fates(desk.run(AT)) == {"reused": 1}, "a late retry of an old period buys nothing"
        assert [path for path, _, _ in stored(desk)] == [
            "images/ann/ann-1/2026-11-22-v1-a1.png",
            "images/ann/ann-1/2026-11-23-v1-a1.png",
        ]


def test_a_row_on_a_schedule_is_bought_once_in_each_of_its_periods(tmp_path: Path) -> None:
    source = small(tmp_path / "catalog", prompts=1, refresh="30 8 * * *")
    with bench(tmp_path, FAST, source, timezone="Europe/Berlin") as desk:
        assert fates(desk.run()) == {"made": 1}
        assert fates(desk.run(AT + timedelta(hours=22, minutes=29))) == {"reused": 1}
        (entry,) = desk.plan(AT + timedelta(hours=22, minutes=30)).entries()
        assert (entry.decision, entry.reason) == ("generate", "new edition 2026-11-23T0830+0100")
        assert fates(desk.run(AT + timedelta(hours=22, minutes=30))) == {"made": 1}
        assert fates(desk.run(AT + timedelta(hours=30))) == {"reused": 1}
        assert fates(desk.run(AT)) == {"reused": 1}, "a late retry of an old period buys nothing"
        assert [path for path, _, _ in stored(desk)] == [
            "images/ann/ann-1/2026-11-22T0830+0100-v1-a1.png",
            "images/ann/ann-1/2026-11-23T0830+0100-v1-a1.png",
        ]
        assert_books_right(desk, 2)


def test_twins_are_bought_once_and_both_are_there(tmp_path: Path) -> None:
    source = small(tmp_path / "catalog", seed="7")
    rows = tmp_path / "catalog" / "prompts.csv"
    rows.write_text(rows.read_text().replace("scene 2", "scene 1"))
    with bench(tmp_path, FAST, source) as desk:
        report = desk.run()
        assert (report.exit_code, fates(report)) == (0, {"made": 1, "reused": 1})
        assert len(paid(desk)) == 1


def test_the_same_row_gives_the_same_request_and_the_same_picture(tmp_path: Path) -> None:
    source = small(tmp_path / "catalog", variations="2")
    with bench(tmp_path, FAST, source) as desk:
        desk.run()
        first = {path: digest for path, digest, _ in stored(desk)}
        asked = sorted(str(job["seed"]) for job in desk.truth()["jobs"])
        shutil.rmtree(desk.settings.home)
        desk.tell("clock", {"advance_seconds": 25 * 3600})
        desk.run()
        assert {path: digest for path, digest, _ in stored(desk)} == first
        assert sorted(str(job["seed"]) for job in desk.truth()["jobs"]) == sorted(asked * 2)


class TestLimits:
    def test_a_balance_of_3_credits_buys_nothing(self, tmp_path: Path) -> None:
        options = SandboxOptions(speed=500, tiny=True, opening_credits=3)
        with bench(tmp_path, options) as desk:
            report = desk.run()
            assert (report.exit_code, fates(report)) == (3, {"deferred": 6})
            assert report.troubles[0].reason == "the account has 3 credits left"
            assert (paid(desk), report.credits) == ([], 0)
            desk.tell("credits", {"credits": 100})
            assert desk.run().exit_code == 0
            assert_books_right(desk, 6)

    def test_402_defers_the_rest_and_keeps_what_was_made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The team spends from the same balance, so that ours is out of date."""
        monkeypatch.setattr(running, "Balance", lambda amount, mark: None)
        options = SandboxOptions(speed=500, tiny=True, opening_credits=25)
        with bench(tmp_path, options) as desk:
            report = desk.run()
            assert (report.exit_code, fates(report)) == (3, {"made": 2, "deferred": 4})
            assert "Insufficient credits" in report.troubles[0].reason
            assert_books_right(desk, 2)

    @pytest.mark.parametrize("most", [0, 20, 25])
    def test_max_credits(self, tmp_path: Path, most: int) -> None:
        with bench(tmp_path, FAST) as desk:
            report = desk.run(max_credits=most)
            assert report.exit_code == 3
            assert len(paid(desk)) == report.count("made") == most // 10
            assert report.count("deferred") == 6 - most // 10
            assert f"limit of {most} credits" in report.troubles[0].reason
            assert desk.run().exit_code == 0
            assert_books_right(desk, 6)

    def test_the_smaller_of_two_limits_counts(self, tmp_path: Path) -> None:
        with bench(tmp_path, FAST, max_credits_per_run=10) as desk:
            assert desk.run(max_credits=50).credits == 10

    def test_a_characters_month(self, tmp_path: Path) -> None:
        source = write_catalog(tmp_path / "catalog")
        cast = tmp_path / "catalog" / "characters.csv"
        head, *rows = cast.read_text().splitlines()
        budgets = [f"{rows[0]},20", f"{rows[1]},"]
        cast.write_text("\n".join([f"{head},monthly_credit_budget", *budgets]) + "\n")
        with bench(tmp_path, FAST, source) as desk:
            report = desk.run()
            assert report.exit_code == 3
            assert report.characters["ann"].fates == {"made": 2, "deferred": 1}
            assert report.characters["bob"].fates == {"made": 3}
            assert "budget of 20 credits of ann" in report.troubles[0].reason
            assert desk.run().count("deferred") == 1, "another run does not open another budget"
            desk.tell("clock", {"advance_seconds": 32 * 24 * 3600})
            assert desk.run().exit_code == 0, "another month does"

    def test_the_floor_of_the_balance(self, tmp_path: Path) -> None:
        options = SandboxOptions(speed=500, tiny=True, opening_credits=100)
        with bench(tmp_path, options, balance_floor=75) as desk:
            report = desk.run()
            assert fates(report) == {"made": 2, "deferred": 4}
            assert desk.truth()["balance"] == 80
            assert "75 are not to be touched" in report.troubles[0].reason


class TestRefusals:
    def test_a_refused_key(self, tmp_path: Path) -> None:
        options = SandboxOptions(speed=500, tiny=True, keys=frozenset({"afk_other"}))
        with bench(tmp_path, options) as desk:
            with pytest.raises(KeyRefused, match="APIFRAME_API_KEY"):
                desk.run()
            with pytest.raises(KeyRefused):
                account_balance(desk.settings)
            assert paid(desk) == []
            mended = desk.settings.model_copy(update={"api_key": SecretStr("afk_other")})
            assert Bench(desk.server, mended).run().exit_code == 0

    def test_a_server_that_is_down(self, tmp_path: Path) -> None:
        with bench(tmp_path, FAST) as desk:
            settings = desk.settings
        catalog = desk.catalog()
        plan = make_plan(settings, catalog, at=AT)
        with pytest.raises(Unreachable, match="Check the network, APIFRAME_BASE_URL"):
            generate(settings, catalog, plan, run_id=new_run_id())
        again = make_plan(settings, catalog, at=AT)
        assert list(again.entries()) == list(plan.entries()), "nothing was bought, nothing blocked"

    def test_a_home_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "home").write_text("not a folder")
        with bench(tmp_path, FAST) as desk, pytest.raises(StorageError):
            desk.run()
        assert not desk.settings.folder.exists()

    def test_pictures_that_cannot_be_stored_are_not_bought(self, tmp_path: Path) -> None:
        with bench(tmp_path, FAST) as desk:
            desk.settings.folder.mkdir(parents=True)
            desk.settings.images_folder.write_text("not a folder")
            with pytest.raises(StorageError, match="Nothing was bought"):
                desk.run()
            assert (desk.truth()["requests"], paid(desk)) == ({}, [])

    def test_a_body_that_the_provider_rejects(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def bad(planned: object, urls: object) -> bytes:
            return b'{"model":"ideogram-character","prompt":"x","ideogramParams":{"seed":"?"}}'

        with bench(tmp_path, FAST, small(tmp_path / "catalog")) as desk:
            with monkeypatch.context() as patched:
                patched.setattr("ideogram_pipeline.generation.engine.request_body", bad)
                report = desk.run()
            assert (report.exit_code, fates(report)) == (4, {"failed": 2})
            assert "HTTP 400" in report.troubles[0].reason
            assert (paid(desk), report.credits) == ([], 0)
            assert "rejected last time" in next(desk.plan().entries()).reason
            assert desk.run().exit_code == 0

    def test_a_reference_that_changed_since_the_catalog_was_read(self, tmp_path: Path) -> None:
        with bench(tmp_path, FAST, small(tmp_path / "catalog")) as desk:
            catalog = desk.catalog()
            plan = make_plan(desk.settings, catalog, at=AT)
            (tmp_path / "catalog" / "ann.png").write_bytes(b"other")
            report = generate(desk.settings, catalog, plan, run_id=new_run_id())
            assert (report.exit_code, fates(report)) == (4, {"failed": 2})
            assert "has changed since the catalog was read" in report.troubles[0].reason
            assert paid(desk) == []


class TestLeftovers:
    def test_a_job_longer_than_our_patience_is_fetched_by_the_next_run(
        self, tmp_path: Path
    ) -> None:
        options = SandboxOptions(speed=1, tiny=True)
        with bench(tmp_path, options, small(tmp_path / "catalog"), patience=0.2) as desk:
            report = desk.run()
            assert (report.exit_code, fates(report)) == (3, {"running": 2})
            assert report.credits == 20, "they are paid"
            assert [entry.decision for entry in desk.plan().entries()] == ["resume", "resume"]
            assert desk.plan().quote == 0
            desk.tell("clock", {"advance_seconds": 120})
            report = desk.run()
            assert (report.exit_code, fates(report)) == (0, {"made": 2})
            assert report.credits == 0
            assert requests(desk, "generate") == 2
            assert_books_right(desk, 2)

    def test_a_row_that_is_gone_by_then_is_fetched_all_the_same(self, tmp_path: Path) -> None:
        options = SandboxOptions(speed=1, tiny=True)
        with bench(tmp_path, options, small(tmp_path / "catalog"), patience=0.2) as desk:
            desk.run()
            rows = tmp_path / "catalog" / "prompts.csv"
            rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:2]))
            desk.tell("clock", {"advance_seconds": 120})
            report = desk.run()
            assert (report.exit_code, fates(report)) == (0, {"made": 1})
            assert_books_right(desk, 2)

    def test_what_the_provider_purged_is_said_with_its_price(self, tmp_path: Path) -> None:
        options = SandboxOptions(speed=1, tiny=True)
        with bench(tmp_path, options, small(tmp_path / "catalog"), patience=0.2) as desk:
            desk.run()
            desk.tell("clock", {"advance_seconds": 120})
            desk.tell("purge", {})
            report = desk.run()
            assert (report.exit_code, fates(report)) == (4, {"blocked": 2})
            assert "paid (10 credits), and purged" in report.troubles[0].reason
            assert {entry.decision for entry in desk.plan().entries()} == {"blocked"}
            assert desk.run().credits == 0, "it is never bought again by itself"
            assert requests(desk, "generate") == 2
            assert_books_right(desk, 0)

    def test_what_can_not_be_settled_now_does_not_hold_up_the_run(self, tmp_path: Path) -> None:
        """The run that failed to settle it does not wait for itself until its patience ends."""
        source = small(tmp_path / "catalog")
        with bench(tmp_path, FAST, source, patience=3600) as desk:
            desk.tell("faults", [{"fault": "unavailable_before", "times": 6, "route": "generate"}])
            assert fates(desk.run(max_credits=10)) == {"failed": 1, "deferred": 1}
            desk.tell("faults", [{"fault": "unavailable_before", "times": 6, "route": "generate"}])
            assert fates(desk.run()) == {"failed": 1, "made": 1}
            assert desk.run().exit_code == 0
            assert_books_right(desk, 2)

    def test_what_must_be_sent_again_is_in_the_quote_and_under_the_limit(
        self, tmp_path: Path
    ) -> None:
        with bench(tmp_path, FAST, small(tmp_path / "catalog", prompts=1)) as desk:
            desk.tell("faults", [{"fault": "lost_before", "times": 6}])
            assert fates(desk.run()) == {"failed": 1}
            sent = requests(desk, "generate")
            assert desk.plan().quote == 10
            assert fates(desk.run(max_credits=9)) == {"deferred": 1}
            assert requests(desk, "generate") == sent, "over the limit nothing leaves"
            report = desk.run(max_credits=desk.plan().quote)
            assert (fates(report), report.credits) == ({"made": 1}, 10)
            assert_books_right(desk, 1)

    def test_what_must_be_sent_again_leaves_the_floor_of_the_balance_alone(
        self, tmp_path: Path
    ) -> None:
        options = SandboxOptions(speed=500, tiny=True, opening_credits=60)
        with bench(tmp_path, options, small(tmp_path / "catalog", prompts=1)) as desk:
            desk.tell("faults", [{"fault": "lost_before", "times": 6}])
            assert fates(desk.run()) == {"failed": 1}
            sent = requests(desk, "generate")
            careful = replace(desk, settings=desk.settings.model_copy(update={"balance_floor": 51}))
            report = careful.run()
            assert fates(report) == {"deferred": 1}
            assert "of which 51 are not to be touched" in report.troubles[0].reason
            assert requests(desk, "generate") == sent
            assert fates(desk.run()) == {"made": 1}
            assert_books_right(desk, 1)

    def test_a_job_without_a_record_is_given_up_after_days(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watching, "OLD_JOB_PATIENCE", 0.1)
        options = SandboxOptions(speed=0.001, tiny=True)
        with bench(tmp_path, options, small(tmp_path / "catalog", prompts=1), patience=0.3) as desk:
            assert fates(desk.run()) == {"running": 1}
            desk.tell("reset", {})  # the provider has forgotten it
            assert fates(desk.run()) == {"running": 1}
            desk.tell("clock", {"advance_seconds": 73 * 3600})
            report = desk.run()
            assert (report.exit_code, fates(report)) == (4, {"blocked": 1})
            assert "paid (10 credits), and purged" in report.troubles[0].reason

    def test_an_input_that_has_expired_meanwhile_is_uploaded_anew(self, tmp_path: Path) -> None:
        """The replay within the window sends the old address; its failure costs nothing."""
        with bench(tmp_path, FAST, small(tmp_path / "catalog", prompts=1)) as desk:
            desk.tell("faults", [{"fault": "lost_before", "times": 6}])
            assert fates(desk.run()) == {"failed": 1}
            desk.tell("clock", {"advance_seconds": 2 * 3600})
            assert fates(desk.run()) == {"made": 1}
            assert (len(desk.truth()["jobs"]), len(paid(desk))) == (2, 1)
            assert_books_right(desk, 1)

    def test_after_the_window_proven_absence_allows_another_key(self, tmp_path: Path) -> None:
        with bench(tmp_path, FAST, small(tmp_path / "catalog", prompts=1)) as desk:
            desk.tell("faults", [{"fault": "lost_before", "times": 6}])
            desk.run()
            desk.tell("clock", {"advance_seconds": 25 * 3600})
            assert fates(desk.run()) == {"made": 1}
            assert desk.truth()["keyCount"] == 2
            assert_books_right(desk, 1)

    @pytest.mark.parametrize("hide_input", [False, True])
    def test_after_the_window_a_paid_job_is_adopted_or_left_to_a_person(
        self, tmp_path: Path, hide_input: bool
    ) -> None:
        options = SandboxOptions(speed=500, tiny=True, hide_input=hide_input)
        with bench(tmp_path, options, small(tmp_path / "catalog", prompts=1)) as desk:
            script = [
                {"fault": "lost_after"},
                {"fault": "poll_unavailable", "times": 6},
            ]
            desk.tell("faults", script)
            assert fates(desk.run()) == {"failed": 1}, "it could not even look"
            desk.tell("clock", {"advance_seconds": 25 * 3600})
            assert fates(desk.run()) == {"blocked": 1}
            assert desk.run().exit_code == 4
            assert requests(desk, "generate") == 1, "nothing is bought on a guess"
            found = reconcile(desk.settings, whole=True)
            if hide_input:
                assert (found.unresolved, found.unknown_credits) == (1, 10)
                assert len(found.orphans) == 1
            else:
                assert (found.unresolved, found.ledger_net, found.drift) == (0, 10, 0)

    def test_a_lost_journal_comes_back_to_the_same_jobs(self, tmp_path: Path) -> None:
        with bench(tmp_path, FAST) as desk:
            desk.run()
            shutil.rmtree(desk.settings.home)
            report = desk.run()
            assert (report.exit_code, fates(report)) == (0, {"made": 6})
            assert len(paid(desk)) == 6
            assert_books_right(desk, 6)


def test_two_runs_at_once_buy_each_picture_once(tmp_path: Path) -> None:
    with bench(tmp_path, SandboxOptions(speed=60, tiny=True)) as desk:
        catalog = desk.catalog()
        plan = make_plan(desk.settings, catalog, at=AT)
        together = threading.Barrier(2, timeout=10)

        def work() -> RunReport:
            together.wait()
            return generate(desk.settings, catalog, plan, run_id=new_run_id())

        with ThreadPoolExecutor(2) as pool:
            reports = [future.result() for future in (pool.submit(work), pool.submit(work))]
        assert [report.exit_code for report in reports] == [0, 0]
        assert [report.count("made") + report.count("reused") for report in reports] == [6, 6]
        assert sum(report.count("made") for report in reports) == 6
        assert sum(report.credits for report in reports) == 60
        assert len(paid(desk)) == 6
        assert_books_right(desk, 6)


def test_progress_is_told_to_the_end(tmp_path: Path) -> None:
    told: list[Progress] = []
    with bench(tmp_path, FAST) as desk:
        desk.run(on_progress=told.append)
    assert (told[-1].planned, told[-1].made, told[-1].in_flight) == (6, 6, 0)
    assert told[-1].credits_spent == told[-1].credits_quoted == 60
    assert [moment.made for moment in told] == sorted(moment.made for moment in told)
