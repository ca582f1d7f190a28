"""Whatever a cell holds is a schedule that comes to pass, or is explained."""

from __future__ import annotations

from datetime import datetime

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from ideogram_pipeline.catalog.cells import Refusal
from ideogram_pipeline.catalog.rules import REFRESH

PIECES = st.sampled_from(
    [
        *"*,-/#LW? 015",
        "31",
        "29",
        "LW",
        "MON",
        "fri",
        "feb",
        "5L",
        "MON#5",
        "*/31",
        "10-2",
        "\u0131",
    ]
)
FIELD = st.lists(PIECES, min_size=1, max_size=3).map("".join)
EXPRESSION = st.lists(FIELD, min_size=3, max_size=5).map(lambda fields: " ".join(["7", *fields]))


@settings(max_examples=500, deadline=1000, derandomize=True)
@given(EXPRESSION | st.text(max_size=30).filter(str.strip))
def test_a_schedule_is_fit_or_refused_with_words(cell: str) -> None:
    try:
        refresh = REFRESH.parse(cell.strip())
    except Refusal as refusal:
        assert str(refusal).startswith(f"must be {REFRESH.rule}")
        return
    assert refresh is not None
    assert REFRESH.parse(refresh) == refresh, "it is in its only form"
    if " " in refresh:
        assert next(CronSim(refresh, datetime(2026, 11, 27), reverse=True))


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 * 2 MON#5", "0 0 29 2 */7"])
@pytest.mark.parametrize("year", range(1980, 2200, 7))
def test_what_comes_at_all_is_found_from_any_year(expression: str, year: int) -> None:
    assert REFRESH.parse(expression) == expression
    assert next(CronSim(expression, datetime(year, 3, 1), reverse=True)).month == 2
