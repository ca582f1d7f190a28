"""Partitions by character: the keys, and how they follow the catalog."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import dagster as dg

_NAME = "characters"

CHARACTERS = dg.DynamicPartitionsDefinition(name=_NAME)
"""One partition a character; the catalog has checked that each id can be a key."""

CHARACTERS_TOGETHER = dg.BackfillPolicy.multi_run(max_partitions_per_run=50)
"""One run of a backfill, that is of a process that Dagster starts, holds up to so many characters.

They share the provider's slots, and the seconds that a run costs before it does anything. Beyond
some dozens nothing more is saved, and a run that is stopped or fails concerns more of them.
"""

_PARTITION_TAG = "dagster/partition"
_RANGE_START_TAG = "dagster/asset_partition_range_start"
_RANGE_END_TAG = "dagster/asset_partition_range_end"


def known_characters(instance: dg.DagsterInstance) -> list[str]:
    """The partition keys in Dagster's order, which is the order in which they were added."""
    return list(instance.get_dynamic_partitions(_NAME))


def unknown_characters(instance: dg.DagsterInstance, characters: Iterable[str]) -> list[str]:
    """Those characters that are not yet partition keys."""
    known = set(known_characters(instance))
    return [character for character in characters if character not in known]


def add_characters(instance: dg.DagsterInstance, characters: Iterable[str]) -> list[str]:
    """Make a partition of every character that has none, and return the new ones.

    None is ever deleted: a character that left the catalog keeps its history.
    """
    new = unknown_characters(instance, characters)
    if new:
        instance.add_dynamic_partitions(_NAME, new)
    return new


def contiguous_ranges(keys: Sequence[str], chosen: Collection[str]) -> list[list[str]]:
    """Split the chosen keys into as few ranges as can each be one run.

    Dagster 1.13 names the partitions of a run by the first and the last of a range, and has no
    tag for a list with gaps.

    Args:
        keys: All partition keys, in Dagster's order.
        chosen: Some of them.
    """
    ranges: list[list[str]] = []
    open_range = False
    for key in keys:
        if key not in chosen:
            open_range = False
        elif open_range:
            ranges[-1].append(key)
        else:
            ranges.append([key])
            open_range = True
    return ranges


def partition_tags(keys: Sequence[str]) -> dict[str, str]:
    """The tags of a run over one key, or over a contiguous range of them."""
    if len(keys) == 1:
        return {_PARTITION_TAG: keys[0]}
    return {_RANGE_START_TAG: keys[0], _RANGE_END_TAG: keys[-1]}


def tagged_characters(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> list[str]:
    """The characters of a run that has these tags, in Dagster's order; none for another run."""
    if one := tags.get(_PARTITION_TAG):
        return [one]
    keys = known_characters(instance)
    first, last = tags.get(_RANGE_START_TAG), tags.get(_RANGE_END_TAG)
    if first not in keys or last not in keys:
        return []
    return keys[keys.index(first) : keys.index(last) + 1]


def characters_of_run(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
) -> list[str]:
    """The characters that this run is about.

    Raises:
        dagster.Failure: There are none, as in a range given in the wrong order, for which Dagster
            would otherwise report success.
    """
    characters = list(context.partition_keys)
    if not characters:
        raise dg.Failure(
            "This run has no character to work on: the last character of its range stands before "
            "the first one. Choose the partitions anew.",
            allow_retries=False,
        )
    return characters


def is_by_character(context: dg.AssetCheckExecutionContext) -> bool:
    """Whether the run has partitions; a check that is started by itself has none."""
    return not {_PARTITION_TAG, _RANGE_START_TAG}.isdisjoint(context.run.tags)
