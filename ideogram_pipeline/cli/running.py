"""Carrying out a plan through Dagster, on the instance that its UI shows."""

from __future__ import annotations

import gc
import warnings
from typing import TYPE_CHECKING

from ideogram_pipeline.cli.progress import shown_progress

if TYPE_CHECKING:
    from ideogram_pipeline.cli.preparing import Prepared
    from ideogram_pipeline.orchestration.launch import Launch


def carry_out(prepared: Prepared, max_credits: int | None = None) -> Launch:
    """Materialize every asset of the chosen characters, with progress on stderr.

    Raises:
        StorageError: Dagster's folder cannot be made.
        KeyboardInterrupt: Ctrl-C between two steps.
    """
    # Dagster tells developers of its betas and deprecations; who runs a command is none of them.
    warnings.simplefilter("ignore")
    from ideogram_pipeline.orchestration.launch import materialize_characters

    # What is imported stays to the end; to look through all of Dagster for garbage again and again
    # takes a tenth of a run that finds nothing to do.
    gc.freeze()
    wanted = len(prepared.plan.fingerprints("generate", "resume"))
    with shown_progress(wanted, prepared.plan.quote) as listen:
        return materialize_characters(
            prepared.settings,
            prepared.characters,
            max_credits=max_credits,
            at=prepared.at,
            on_progress=listen,
        )
