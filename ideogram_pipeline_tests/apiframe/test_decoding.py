"""Reading the API's JSON where sources disagree on its shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ideogram_pipeline.apiframe import decoding
from ideogram_pipeline.apiframe.errors import Malformed
from ideogram_pipeline_tests.apiframe.scripted import JOB

A, B = "https://cdn2.apiframe.ai/images/a.png", "https://cdn.apiframe.ai/results/b.png"


@pytest.mark.parametrize(
    ("result", "urls"),
    [
        (A, (A,)),
        ({"images": [A]}, (A,)),
        ({"images": [A, B, A]}, (A, B)),
        ({"images": [{"url": A}, {"url": B}]}, (A, B)),
        ({"url": A}, (A,)),
        ({"image": A}, (A,)),
        ({"image": {"url": A}}, (A,)),
        ({"urls": [A]}, (A,)),
        ([A, B], (A, B)),
        ([{"url": A}], (A,)),
        ({"images": [A], "gridUrl": B}, (A,)),
        (None, ()),
        ("", ()),
        ({}, ()),
        ([], ()),
        ({"images": [None, 3, ""]}, ()),
        ("data:image/png;base64,AAAA", ()),
        (17, ()),
    ],
)
def test_result_addresses(result: object, urls: tuple[str, ...]) -> None:
    assert decoding.decode_job({"id": JOB, "result": result}).result_urls == urls


@pytest.mark.parametrize(
    ("value", "cost"),
    [
        (15, 15),
        (0, 0),
        (None, None),
        ("15", 15),
        (15.0, 15),
        ("15.0", 15),
        (15.5, None),
        (True, None),
        ("many", None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
        ([], None),
    ],
)
def test_credits_are_whole_or_not_known(value: object, cost: int | None) -> None:
    assert decoding.decode_job({"id": JOB, "creditCost": value}).credit_cost == cost


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T08:00:00Z", datetime(2026, 11, 22, 8, tzinfo=UTC)),
        ("2026-11-22T08:00:00.123Z", datetime(2026, 11, 22, 8, 0, 0, 123000, tzinfo=UTC)),
        ("2026-11-22T10:00:00+02:00", datetime(2026, 11, 22, 8, tzinfo=UTC)),
        ("2026-11-22T08:00:00", datetime(2026, 11, 22, 8, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1763798400, None),
    ],
)
def test_dates_are_utc_or_not_known(text: object, expected: datetime | None) -> None:
    assert decoding.decode_job({"id": JOB, "createdAt": text}).created_at == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("COMPLETED", "COMPLETED"),
        ("failed", "FAILED"),
        ("canceled", "CANCELLED"),
        ("Paused", "PAUSED"),
        (None, "UNKNOWN"),
        (3, "UNKNOWN"),
    ],
)
def test_status_words(status: object, expected: str) -> None:
    assert decoding.decode_job({"id": JOB, "status": status}).status == expected


def test_a_whole_job_with_fields_that_nobody_knows() -> None:
    data = {
        "id": JOB,
        "status": "FAILED",
        "model": "ideogram-character",
        "progress": None,
        "error": {"message": "content policy\nviolation"},
        "expired": True,
        "input": {"prompt": "a fox"},
        "webhookStatus": "sent",
        "extra": {"deep": [1]},
    }
    job = decoding.decode_job(data)
    assert (job.error, job.expired, job.is_failed) == ("content policy violation", True, True)
    assert job.input == {"prompt": "a fox"}
    assert job.raw == data


def test_a_page() -> None:
    page = decoding.decode_page({"jobs": [{"id": JOB}], "nextCursor": "c", "hasMore": True})
    assert (page.jobs[0].id, page.next_cursor, page.has_more) == (JOB, "c", True)
    assert decoding.decode_page({"jobs": [], "nextCursor": "c"}).has_more
    assert not decoding.decode_page({"jobs": []}).has_more


@pytest.mark.parametrize("jobs", [None, {}, [None], [{"status": "QUEUED"}], [{"id": JOB}, {}]])
def test_a_page_does_not_lose_a_job_silently(jobs: object) -> None:
    with pytest.raises(Malformed):
        decoding.decode_page({"jobs": jobs})


@pytest.mark.parametrize(
    ("team", "balance", "slots"),
    [
        ({"credits": 90, "maxConcurrentJobs": 10}, 90, 10),
        ({"credits": 0}, 0, None),
        ({}, None, None),
        (None, None, None),
    ],
)
def test_an_account(team: object, balance: int | None, slots: int | None) -> None:
    account = decoding.decode_account({"user": {"id": "u"}, "team": team})
    assert (account.credits, account.max_concurrent_jobs) == (balance, slots)


def test_an_upload_needs_an_address() -> None:
    upload = decoding.decode_upload({"id": "u", "url": A, "expiresAt": "2026-11-22T08:00:00Z"})
    assert upload.url == A
    with pytest.raises(Malformed):
        decoding.decode_upload({"id": "u"})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": "No"}', "No"),
        (b'{"error": "Bad", "details": {"a.b": ["x", "y"], "c": "z"}}', "Bad (a.b: x, y; c: z)"),
        (b'{"message": "No"}', "No"),
        (b'{"odd": 1}', '{"odd": 1}'),
        (b'"text"', '"text"'),
        (b"plain\r\n\x1b[31mtext", "plain [31mtext"),
        (b"<!doctype html>", "(a web page)"),
        (b"", ""),
        (None, ""),
        (b"x" * 9999, "x" * 499 + "…"),
    ],
)
def test_error_messages_are_one_short_line(body: bytes | None, message: str) -> None:
    assert decoding.error_message(body) == message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
FIELDS = ["status", "model", "result", "error", "creditCost", "createdAt", "input", "expired"]


@settings(deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_a_job_with_an_id_is_always_readable(fields: dict[str, Any]) -> None:
    assert decoding.decode_job({**fields, "id": JOB}).id == JOB
