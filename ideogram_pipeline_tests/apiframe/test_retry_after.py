"""How long to wait, by every form of the header."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ideogram_pipeline.apiframe.retry_after import LONGEST, http_date, retry_after

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DATE = "Sun, 22 Nov 2026 08:00:00 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        (" 2.5 ", 2.5),
        ("0", 0.0),
        ("-5", 0.0),
        ("1e99", LONGEST),
        ("inf", LONGEST),
        ("nan", None),
        ("", None),
        ("soon", None),
        ("Sun, 22 Nov 2026 08:00:07 GMT", 7.0),
        ("Sun, 22 Nov 2026 07:00:00 GMT", 0.0),
        ("Tue, 22 Nov 2044 08:00:00 GMT", LONGEST),
        ("Sun, 99 Nov 2026 08:00:07 GMT", None),
        ("Sunday, 22-Nov-26 08:00:07 GMT", 7.0),
    ],
)
def test_seconds_and_dates_by_the_answers_own_clock(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text, "date": DATE}, now=NOW) == seconds


def test_without_a_date_header_the_given_time_counts() -> None:
    headers = {"retry-after": "Tue, 01 Jan 2030 00:00:09 GMT"}
    assert retry_after(headers, now=NOW) == 9.0


def test_absent() -> None:
    assert retry_after({}, now=NOW) is None


@pytest.mark.parametrize("text", [None, "", "x", "Sun, 22 Nov 99999 08:00:00 GMT"])
def test_what_is_no_date(text: str | None) -> None:
    assert http_date(text) is None
