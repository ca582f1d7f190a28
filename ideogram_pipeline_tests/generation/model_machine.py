"""What may happen, in any order, to a catalog, a pipeline and its provider: Hypothesis's rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from ideogram_pipeline.apiframe.errors import ProviderError
from ideogram_pipeline_tests.generation.model_judge import (
    Books,
    assert_home,
    assert_nothing_forgotten,
    assert_nothing_open,
    assert_nothing_wrong,
    read_books,
)
from ideogram_pipeline_tests.generation.model_runs import POINTS, HaltableRun, Stop
from ideogram_pipeline_tests.generation.model_world import PATIENCE, Site, World

BELTS = ("both", "keys ignored", "input hidden")
"""What keeps a submission of unknown outcome from being paid twice: the key, the records, both."""
CHANGES = ("a text", "a picture deleted", "files purged", "both books lost", "journal lost")
MOST_ROWS = 16
"""Rows that the catalog grows to."""
MOST_RUNS = 3
"""Runs without a fault after which everything has to be at home."""
LONGEST_RUN = 1800.0
"""Seconds by which a run has ended, whatever the provider does."""

SUBMISSION_FAULTS = (
    "lost_before",
    "lost_after",
    "unavailable_before",
    "unavailable_after",
    "html_500_after",
    "truncated_json",
    "rate_limited",
)
JOB_FAULTS = (
    "job_failed",
    "job_failed_no_refund",
    "job_refused",
    "job_cancelled",
    "url_later",
)
OTHER_FAULTS = (
    "upload_failed",
    "poll_unavailable",
    "truncated_download",
    "short_download",
    "not_an_image",
    "cdn_503",
    "cdn_404",
    "purged",
)

Fault = dict[str, Any]
_faults = st.lists(
    st.fixed_dictionaries(
        {
            "fault": st.sampled_from(SUBMISSION_FAULTS * 2 + JOB_FAULTS + OTHER_FAULTS),
            "after": st.integers(0, 2),
            "times": st.sampled_from([1, 1, 2, 7]),
        }
    ),
    max_size=2,
)
_sides = st.sampled_from(["before", "after"])
_passes = st.sampled_from([1, 1, 2, 3])
_stops = st.builds(Stop, st.sampled_from(list(POINTS)), _sides, _passes)
_stops_at_payment = st.builds(Stop, st.sampled_from(["submit", "accept", "begin"]), _sides, _passes)
_new_rows = st.sampled_from([1, 1, 2, 0])
_patience = st.sampled_from([PATIENCE, PATIENCE, 0.2])
_publishes = st.booleans()
"""Not always: to publish takes as long as the run before it."""
_hours = st.sampled_from([0, 25, 21, 25, 19.9, 2])


class Machine(RuleBasedStateMachine):
    """Runs end well, die, stand still and go on; time passes; the provider fails and forgets."""

    world: World
    halted = Bundle("halted")
    """Runs that stand still."""

    def __init__(self) -> None:
        super().__init__()
        self.standing: list[HaltableRun] = []
        self.deleted: set[str] = set()
        """Paths of the pictures that were deleted here, and are not fetched again yet."""
        self.sound = False
        """Nothing was found wrong so far."""

    @rule(new_rows=_new_rows, faults=_faults, patience=_patience, publishes=_publishes)
    def run(self, new_rows: int, faults: list[Fault], patience: float, publishes: bool) -> None:
        """A run to the end; an impatient one leaves jobs under way."""
        if faults or self.standing or patience != PATIENCE:
            self._begin(new_rows, faults, None, patience, publishes=publishes)
        else:
            self._run_unhindered(new_rows, publishes=publishes)

    @precondition(lambda self: self._time_may_jump())
    @rule(new_rows=_new_rows, faults=_faults, stop=_stops, away=_hours)
    def crash(self, new_rows: int, faults: list[Fault], stop: Stop, away: float) -> None:
        """A run that is killed, and then nobody is there for some hours."""
        run = self._begin(new_rows, faults, stop)
        if not run.ended:
            run.kill()
        self.world.time.advance(away * 3600)

    @precondition(lambda self: self._time_may_jump())
    @rule(new_rows=_new_rows, stop=_stops_at_payment, away=_hours)
    def crash_at_payment(self, new_rows: int, stop: Stop, away: float) -> None:
        """The same, where most is at stake."""
        self.crash(new_rows, [], stop, away)

    @precondition(lambda self: len(self.standing) < 2)
    @rule(
        target=halted,
        new_rows=_new_rows,
        faults=_faults,
        stop=_stops_at_payment | _stops,
        publishes=_publishes,
    )
    def halt(
        self, new_rows: int, faults: list[Fault], stop: Stop, publishes: bool
    ) -> HaltableRun | MultipleResults[HaltableRun]:
        """A run that stands still while others work."""
        return self._stands(self._begin(new_rows, faults, stop, publishes=publishes))

    @rule(target=halted, run=consumes(halted), stop=st.none() | _stops)
    def go_on(
        self, run: HaltableRun, stop: Stop | None
    ) -> HaltableRun | MultipleResults[HaltableRun]:
        """A run that stood still goes on, to the end or to the next halt."""
        self.standing.remove(run)
        return self._stands(self._work(run, stop))

    @rule(run=consumes(halted))
    def kill(self, run: HaltableRun) -> None:
        """A run that stands still dies."""
        self.standing.remove(run)
        run.kill()

    @precondition(lambda self: self._time_may_jump())
    @rule(hours=_hours)
    def wait(self, hours: float) -> None:
        """Time passes."""
        self.world.time.advance(hours * 3600)

    @rule(what=st.sampled_from(CHANGES), index=st.integers(0, MOST_ROWS - 1))
    def change(self, what: str, index: int) -> None:
        """Something changes that no run has done."""
        if what == "a text":
            self.world.reword(index % len(self.world.prompts))
        elif what == "files purged":
            self.world.pull("POST", "purge", {})
        elif what in ("journal lost", "both books lost"):
            if self._may_lose_journal():
                self.world.lose_journal(and_warehouse=what == "both books lost")
        elif paths := [row.path for row in self._books().rows if self._has(row.path)]:
            path = paths[index % len(paths)]
            (self.world.settings.folder / path).unlink()
            self.deleted.add(path)

    @invariant()
    def nothing_is_wrong(self) -> None:
        """Judge what can be judged at any moment."""
        self.sound = False
        self.deleted = {path for path in self.deleted if not self._has(path)}
        assert_nothing_wrong(
            self.world.truth(),
            self._books(),
            self.world.settings.folder,
            deleted=self.deleted,
            reference=self.world.reference,
            is_whole=self.world.is_whole,
        )
        self.sound = True

    def teardown(self) -> None:
        """Let everybody go on without faults, and judge the end."""
        if not hasattr(self, "world"):
            return
        try:
            if self.sound:
                self._bring_home()
        finally:
            self.world.close()

    def _bring_home(self) -> None:
        for run in self.standing:
            self._work(run, None)
        for _ in range(MOST_RUNS):
            self._run_unhindered(0)
            plan = self.world.plan()
            if not plan.count("generate") and not plan.count("resume"):
                break
        self.nothing_is_wrong()
        wanted = list(plan.images())
        truth, books, is_whole = self.world.truth(), self._books(), self.world.is_whole
        assert_home(truth, books, wanted, deleted=self.deleted, is_whole=is_whole)
        assert_nothing_forgotten(truth, books, wanted, is_whole=is_whole)

    def _run_unhindered(self, new_rows: int, *, publishes: bool = False) -> None:
        """A run without faults, in patience, and alone: it has no excuse to leave anything."""
        began = datetime.fromisoformat(self.world.truth()["now"])
        run = self._begin(new_rows, [], None, publishes=publishes)
        assert run.error is None, f"nothing is amiss, and a run ends with {run.error}"
        wanted = list(self.world.plan().images())
        assert_nothing_open(self.world.truth(), self._books().rows, wanted, began)
        self.world.tally["runs unhindered"] += 1

    def _begin(
        self,
        new_rows: int,
        faults: list[Fault],
        stop: Stop | None,
        patience: float = PATIENCE,
        *,
        publishes: bool = False,
    ) -> HaltableRun:
        self.world.want(min(new_rows, MOST_ROWS - len(self.world.prompts)))
        if faults:
            self.world.pull("POST", "faults", faults)
        return self._work(self.world.new_run(patience, publishes=publishes), stop)

    def _work(self, run: HaltableRun, stop: Stop | None) -> HaltableRun:
        self.sound = False
        began = self.world.time.monotonic()
        run.go_on(stop)
        self.world.pull("DELETE", "faults")
        took = self.world.time.monotonic() - began
        assert took < LONGEST_RUN, f"a run has taken {took:.0f} s"
        if stop and not run.ended:
            self.world.tally[f"halted {stop.when} {stop.point}"] += 1
        if run.error is not None and not isinstance(run.error, ProviderError):
            raise AssertionError("a run ends as no caller expects") from run.error
        return run

    def _stands(self, run: HaltableRun) -> HaltableRun | MultipleResults[HaltableRun]:
        if run.ended:
            return multiple()
        self.standing.append(run)
        return run

    def _time_may_jump(self) -> bool:
        """Not while a run stands where nothing but the key keeps it from buying twice.

        It may stand between the question whether the provider still knows the key and the request.
        That window stays open, since nothing can take a request back.
        """
        return not (self.world.input_hidden and self.standing)

    def _may_lose_journal(self) -> bool:
        """Not under the hands of a run; nor where a person would then have to name each job."""
        return not (self.world.input_hidden or self.standing)

    def _books(self) -> Books:
        return read_books(self.world.journal)

    def _has(self, path: str | None) -> bool:
        return path is not None and (self.world.settings.folder / path).exists()


def machine_at(site: Site, belts: Sequence[str] = BELTS) -> type[Machine]:
    """The machine with its examples at ``site``, each with one of ``belts``."""

    class MachineAtSite(Machine):
        @initialize(belts=st.sampled_from(belts), max_in_flight=st.sampled_from([1, 4]))
        def open_world(self, belts: str, max_in_flight: int) -> None:
            self.world = World(
                site,
                keys_ignored=belts == "keys ignored",
                input_hidden=belts == "input hidden",
                max_in_flight=max_in_flight,
            )

    return MachineAtSite
