"""From characters that need a run to the runs that are asked of Dagster: few, and each asked once.

A run costs seconds before it does anything, and runs side by side share the provider's slots only
roughly, so many characters are put into one run. Dagster 1.13 names them by the first and the last
of a range of partition keys, and has no tag for a range with gaps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise

import dagster as dg

from ideogram_pipeline.orchestration.partitions import contiguous_ranges, partition_tags
from ideogram_pipeline.orchestration.resources import RESOURCE

MOST_CHARACTERS = 1_000
"""One run holds up to so many characters.

At the end of a run slots stand idle until its last picture is there, so there should be few ends.
But Dagster keeps the events of a run in memory, a contact sheet of 30 kB in one of each character,
and the tables are published at its end.
"""
SINGLY = 5
"""Up to so many characters get a run each, which its own page in the UI shows."""
MOST_RUNS = 10
"""Above so many runs, those are joined between which only characters stand that need nothing."""


def put_together(
    keys: Sequence[str], wanted: Collection[str], idle: Callable[[], Collection[str]]
) -> list[list[str]]:
    """Split the characters that need a run into what each run holds, in Dagster's order.

    Args:
        keys: All partition keys, in Dagster's order.
        wanted: Those that need a run.
        idle: Finds the characters for which a run has nothing to do. Only asked when the gaps
            between those that need one would make many runs; a run may then span such a character,
            for which nothing is bought.
    """
    if len(wanted) <= SINGLY:
        return [[key] for key in keys if key in wanted]
    ranges = contiguous_ranges(keys, wanted)
    if len(ranges) > MOST_RUNS:
        ranges = _joined(keys, ranges, idle())
    return [
        together[first : first + MOST_CHARACTERS]
        for together in ranges
        for first in range(0, len(together), MOST_CHARACTERS)
    ]


def _joined(keys: Sequence[str], ranges: list[list[str]], idle: Collection[str]) -> list[list[str]]:
    """Close the smallest gaps of idle characters until there are few ranges, or no such gaps."""
    place = {key: number for number, key in enumerate(keys)}
    gaps = [keys[place[before[-1]] + 1 : place[after[0]]] for before, after in pairwise(ranges)]
    closable = [number for number, gap in enumerate(gaps) if all(key in idle for key in gap)]
    closed = set(sorted(closable, key=lambda n: len(gaps[n]))[: len(ranges) - MOST_RUNS])
    joined = [list(ranges[0])]
    for number, following in enumerate(ranges[1:]):
        if number in closed:
            joined[-1] += [*gaps[number], *following]
        else:
            joined.append(list(following))
    return joined


def run_request(
    together: Sequence[str],
    *,
    reasons: Mapping[str, str] | None = None,
    terms: Mapping[str, object] | None = None,
    tags: Mapping[str, str] | None = None,
) -> dg.RunRequest:
    """Ask for one run.

    Args:
        together: Its characters, contiguous in Dagster's order.
        reasons: What each of them needs it for, such as an edition. They make the run's key, by
            which a tick that is evaluated again does not ask twice; ``None``: it has no key.
        terms: Configuration of the run, see ``PipelineResource``.
        tags: More tags of the run.
    """
    one = together[0] if len(together) == 1 else None
    return dg.RunRequest(
        run_key=None if reasons is None else _key(together, reasons),
        partition_key=one,
        tags={**({} if one else partition_tags(together)), **(tags or {})},
        run_config={"resources": {RESOURCE: {"config": dict(terms)}}} if terms else {},
    )


def _key(together: Sequence[str], reasons: Mapping[str, str]) -> str:
    asked = {name: reasons[name] for name in together if name in reasons}
    if len(together) == 1:
        return f"{together[0]}:{asked[together[0]]}"
    told = "\n".join(f"{name}:{reason}" for name, reason in asked.items())
    digest = hashlib.sha256(told.encode()).hexdigest()[:12]
    return f"{together[0]}..{together[-1]}:{'+'.join(sorted(set(asked.values())))[:100]}:{digest}"
