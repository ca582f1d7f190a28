"""What follows the pictures by itself, whoever has them made: books, spend page and gallery.

Nothing here asks for pictures: plain `eager()` on the paid asset, below a catalog without
partitions, would ask for every character whenever one row changes.
"""

from __future__ import annotations

import dagster as dg

FOLLOWS = dg.AutomationCondition.eager()
"""For an asset by character: made anew for the characters whose pictures were made anew, by a run
that did not make it as well."""

FOLLOWS_ANY = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
)
"""For an asset over all characters. Not `eager()`, which waits until no character is missing, and
one that left the catalog before it had a picture is missing for ever."""

FOLLOWING = dg.AutomationConditionSensorDefinition(
    "following_sensor",
    target=dg.AssetSelection.assets("credit_ledger", "gallery", "spend_report"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Has the ledger, the spend page and the gallery follow when pictures were made by "
    "a run that did not make them as well, such as one of the asset `images` alone. Spends "
    "nothing.",
)
