"""`python -m ideogram_pipeline_tests.torture`: the crash matrix, from preloading to the table."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import click

from ideogram_pipeline_tests.torture.cases import GROUPS, Case, Group
from ideogram_pipeline_tests.torture.chain import Outcome
from ideogram_pipeline_tests.torture.matrix import Matrix, survey
from ideogram_pipeline_tests.torture.points import Mine
from ideogram_pipeline_tests.torture.pool import Pool
from ideogram_pipeline_tests.torture.preload import preload
from ideogram_pipeline_tests.torture.report import as_json, rows_of, show, show_failure

NEWS_SECONDS = 60.0
"""How often it says how far it is."""


@click.command()
@click.option("--kills", type=click.IntRange(min=1), default=2000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Chance is drawn from it.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("build/torture.json"),
    show_default=True,
    help="Where the numbers go.",
)
@click.option(
    "-j",
    "--workers",
    type=click.IntRange(min=1),
    default=2 * (os.cpu_count() or 1),
    show_default="twice the processors, since runs also wait",
    help="Cases at a time.",
)
@click.option("--only", type=click.Choice(list(GROUPS)), help="One group of cases.")
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
    json_path: Path,
    workers: int,
    only: Group | None,
    texts: tuple[str, ...],
) -> None:
    """Kill the real command line everywhere, run it to its end, count what was lost.

    Each case has a home, a catalog and a sandbox server of its own. Its runs are processes of the
    command line that call the server over TCP. They are killed with SIGKILL, at points that a
    first run discovers (before and after every commit, request, rename and fsync) or at random
    instants; then the same command runs to its end. The verdict comes from the sandbox's truth and
    the files on the disk.

    Exit code 1 if anything was paid twice or lost, other than aloud after an outage of 25 hours, if
    the ledger differs from the truth, or if a person would have been needed. Such a case is shown
    with the command that repeats it, and its folder is kept.
    """
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    preload(folder / "preload")
    pool = Pool(folder, at_a_time=workers)
    log = _Log()
    unreached: list[Mine] = []
    if texts:
        log.follow(pool.run(_each(map(Case.parse, texts))))
    else:
        groups = [only] if only else list(GROUPS)
        log.follow(pool.run(_each([survey(group, seed) for group in groups])))
        surveyed = {o.case.group: o.recovery for o in log.outcomes if o.recovery}
        if surveyed:
            matrix = Matrix(surveyed, kills=kills, seed=seed)
            with contextlib.suppress(KeyboardInterrupt):
                log.follow(pool.run(matrix.next), matrix.learn)
            unreached = matrix.unreached
    outcomes = log.outcomes
    seconds = time.monotonic() - started
    show(rows_of(outcomes))
    numbers = as_json(outcomes, seed=seed, workers=workers, seconds=seconds, unreached=unreached)
    json_path.parent.mkdir(parents=True, exist_ok=True)
    json_path.write_text(json.dumps(numbers, indent=2) + "\n")
    click.echo(f"{seconds / 60:.1f} minutes; {json_path} has the kills by point.")
    if unreached:
        click.echo(f"Points at which nothing was killed yet: {len(unreached)}.")
    if not numbers["failures"]:
        shutil.rmtree(folder)
    sys.exit(bool(numbers["failures"]))


def _each(cases: Iterable[Case]) -> Callable[[], Case | None]:
    return partial(next, iter(cases), None)


class _Log:
    """Keeps what came of the cases, and says what people should know while they wait."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self._told = time.monotonic()

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
            if time.monotonic() - self._told > NEWS_SECONDS:
                self._told = time.monotonic()
                kills = sum(len(outcome.killed_at) for outcome in self.outcomes)
                failed = sum(not outcome.is_good for outcome in self.outcomes)
                click.echo(f"{kills:,} kills, {failed} failed cases", err=True)


if __name__ == "__main__":
    main()
