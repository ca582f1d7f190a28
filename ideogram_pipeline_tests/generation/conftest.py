"""The engine's waits, made short: what is tested is their order, not their length."""

from __future__ import annotations

from functools import partial

import pytest

from ideogram_pipeline.apiframe.retrying import patiently
from ideogram_pipeline.generation import (
    account,
    collecting,
    engine,
    listing,
    provider,
    records,
    submitting,
    watching,
)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (account, collecting, listing, provider, records):
        monkeypatch.setattr(module, "patiently", partial(patiently, first=0.01))
    for module, name, seconds in (
        (submitting, "FIRST_WAIT", 0.01),
        (submitting, "LONGEST_WAIT", 0.04),
        (collecting, "FIRST_WAIT", 0.005),
        (engine, "FOLLOW_SECONDS", 0.02),
        (watching, "FIRST_LOOK", 0.02),
        (watching, "SHORTEST_WAIT", 0.02),
    ):
        monkeypatch.setattr(module, name, seconds)
