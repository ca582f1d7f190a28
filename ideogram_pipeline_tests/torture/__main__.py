"""`python -m ideogram_pipeline_tests.torture`: the crash matrix, from preloading to the table."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import click

from ideogram_pipeline_tests.torture.cases import GROUPS, USUAL_GROUPS, Case, Group
from ideogram_pipeline_tests.torture.chain import Outcome
from ideogram_pipeline_tests.torture.matrix import Matrix, survey
from ideogram_pipeline_tests.torture.options import News, common_options, write_json
from ideogram_pipeline_tests.torture.points import Mine
from ideogram_pipeline_tests.torture.pool import Pool
from ideogram_pipeline_tests.torture.preload import preload
from ideogram_pipeline_tests.torture.report import as_json, rows_of, show, show_failure

NUMBERS = Path("build/torture.json")
ENOUGH = 2000
"""Kills with which a run of the usual groups has to strike every point that it sees."""


@click.command()
@click.option("--kills", type=click.IntRange(min=1), default=ENOUGH, show_default=True)
@common_options(
    numbers=NUMBERS,
    workers=2 * (os.cpu_count() or 1),
    why="twice the processors, since runs also wait",
)
@click.option(
    "--only",
    type=click.Choice(list(GROUPS)),
    help="One group of cases; engine is on request only.",
)
@click.option(
    "--case",
    "texts",
    metavar="JSON",
    multiple=True,
    help="This case only, as a failure prints it; repeatable.",
)
def main(
    kills: int,
    seed: int,
    json_path: Path | None,
    workers: int,
    only: Group | None,
    texts: tuple[str, ...],
) -> None:
    """Kill the real command line everywhere, run it to its end, count what was lost.

    Each case has a home, a catalog and a sandbox server of its own. Its runs are processes of the
    command line that call the server over TCP; each is forked from one that has imported
    everything, so that only the import is saved. They are killed with SIGKILL, at points that a
    first run discovers (before and after every commit, request, rename and fsync) or at random
    instants; then the same command runs to its end. The verdict comes from the sandbox's truth and
    the files on the disk.

    Exit code 1 if anything was paid twice or lost, other than aloud after an outage of 25 hours, if
    the ledger differs from the truth, or if a person would have been needed. Such a case is shown
    with the command that repeats it, and its folder is kept. Exit code 1 also if fewer kills were
    made than asked for; and if a run of all usual groups, with 2,000 kills or more, has left out a
    point that it has seen.
    """
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    preload(folder / "preload")
    pool = Pool(folder, at_a_time=workers)
    log = _Log()
    unreached: list[Mine] = []
    interrupted = False
    if texts:
        log.follow(pool.run(_each(map(Case.parse, texts))))
    else:
        groups = [only] if only else USUAL_GROUPS
        log.follow(pool.run(_each([survey(group, seed) for group in groups])))
        surveyed = {o.case.group: o.recovery for o in log.outcomes if o.recovery}
        if surveyed:
            matrix = Matrix(surveyed, kills=kills, seed=seed)
            try:
                log.follow(pool.run(matrix.next), matrix.learn)
            except KeyboardInterrupt:
                interrupted = True
            unreached = matrix.unreached
    outcomes = log.outcomes
    seconds = time.monotonic() - started
    show(rows_of(outcomes))
    numbers = as_json(
        outcomes,
        seed=seed,
        workers=workers,
        seconds=seconds,
        kills_asked=None if texts else kills,
        unreached=unreached,
    )
    json_path = json_path or (None if texts else NUMBERS)
    click.echo(f"{seconds / 60:.1f} minutes.")
    if json_path:
        write_json(json_path, numbers)
        click.echo(f"{json_path} has the kills by point.")
    is_short = not texts and numbers["kills"] < kills
    if interrupted or is_short:
        made = f"{numbers['kills']:,} of {kills:,} kills were made"
        click.echo(f"Interrupted: {made}." if interrupted else f"Too few: {made}.")
    for point in numbers["points_never_killed_at"]:
        click.echo(f"Never killed at: {point}")
    is_whole = not (texts or only) and kills >= ENOUGH
    if not numbers["failures"]:
        shutil.rmtree(folder)
    wrong = numbers["failures"] or interrupted or is_short or (is_whole and unreached)
    sys.exit(1 if wrong else 0)


def _each(cases: Iterable[Case]) -> Callable[[], Case | None]:
    return partial(next, iter(cases), None)


class _Log:
    """Keeps what came of the cases, and says what people should know while they wait."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self._news = News()

    def follow(
        self, outcomes: Iterable[Outcome], learn: Callable[[Outcome], None] | None = None
    ) -> None:
        """See cases end, and let ``learn`` know."""
        for outcome in outcomes:
            self.outcomes.append(outcome)
            if learn:
                learn(outcome)
            if not outcome.is_good:
                show_failure(outcome)
            self._news.tell(self._how_far)

    def _how_far(self) -> str:
        kills = sum(len(outcome.killed_at) for outcome in self.outcomes)
        failed = sum(not outcome.is_good for outcome in self.outcomes)
        return f"{kills:,} kills, {failed} failed cases"


if __name__ == "__main__":
    main()
