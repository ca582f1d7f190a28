"""Every way a submit can end, and what is then known about the money."""

from __future__ import annotations

import asyncio

import aiohttp
import httpx
import pytest
from pydantic import SecretStr

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.model import (
    Accepted,
    Conflict,
    NotSent,
    OutOfCredits,
    Refused,
    Rejected,
    SubmitOutcome,
    Throttled,
    Unknown,
)
from ideogram_pipeline.apiframe.transport import never_left
from ideogram_pipeline_tests.apiframe.scripted import (
    CANARY,
    JOB,
    ScriptedServer,
    Step,
    client,
    free_port,
    http,
)

BODY = b'{"model":"ideogram-character","prompt":"a fox"}'
QUEUED = {"jobId": JOB, "status": "QUEUED"}


def submit(*steps: Step, times: int = 1) -> tuple[list[SubmitOutcome], ScriptedServer]:
    async def main() -> tuple[list[SubmitOutcome], ScriptedServer]:
        async with ScriptedServer(*steps) as server, client(server.url, *steps) as api:
            outcomes = [await api.submit(BODY, idempotency_key="key-1") for _ in range(times)]
        return outcomes, server

    return asyncio.run(main())


ANSWERS: dict[str, tuple[bytes, SubmitOutcome]] = {
    "202": (http(202, QUEUED), Accepted(JOB)),
    "200, lower case": (
        http(200, {"jobId": JOB, "status": "completed"}),
        Accepted(JOB),
    ),
    "201, no status": (http(201, {"jobId": "job_1"}), Accepted("job_1")),
    "400": (
        http(400, {"error": "Validation failed", "details": {"ideogramParams.seed": ["too big"]}}),
        Rejected("HTTP 400: Validation failed (ideogramParams.seed: too big)"),
    ),
    "400, request id": (
        http(400, {"error": "No"}, x_request_id="req-7"),
        Rejected("HTTP 400: No [request req-7]"),
    ),
    "404": (http(404, {"error": "Not found"}), Rejected("HTTP 404: Not found")),
    "405": (http(405), Rejected("HTTP 405")),
    "413, page": (http(413, b"<html>big</html>"), Rejected("HTTP 413: (a web page)")),
    "422": (http(422, {"error": {"message": "No"}}), Rejected("HTTP 422: No")),
    "401": (http(401, {"error": "Invalid API key"}), Refused("HTTP 401: Invalid API key")),
    "403": (http(403, {"error": "inactive"}), Refused("HTTP 403: inactive")),
    "402": (
        http(402, {"error": "Insufficient", "creditsRequired": 15, "creditsAvailable": "3"}),
        OutOfCredits("HTTP 402: Insufficient (15 credits needed, 3 left)"),
    ),
    "402, bare": (http(402), OutOfCredits("HTTP 402")),
    "409": (http(409, {"error": "other body"}), Conflict("HTTP 409: other body")),
    "429": (http(429, {"error": "slow"}, retry_after="7"), Throttled(7.0)),
    "429, silent": (http(429), Throttled(None)),
    "408": (http(408), Unknown("HTTP 408")),
    "425": (http(425), Unknown("HTTP 425")),
    "499": (http(499), Unknown("HTTP 499")),
    "500, page": (http(500, b"<h1>oops</h1>"), Unknown("HTTP 500: (a web page)")),
    "502": (http(502, b"bad gateway"), Unknown("HTTP 502: bad gateway")),
    "503": (http(503, {"error": "q"}, retry_after="2"), Unknown("HTTP 503: q", 2.0)),
    "504": (http(504), Unknown("HTTP 504")),
    "303": (http(303, location="http://127.0.0.1:1/"), Unknown("HTTP 303")),
}


@pytest.mark.parametrize(("answer", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_each_status_has_its_outcome(answer: bytes, expected: SubmitOutcome) -> None:
    outcomes, server = submit(Step(answer))
    assert outcomes == [expected]
    assert len(server.requests) == 1


UNREADABLE: dict[str, bytes] = {
    "empty": http(202),
    "no id": http(202, {"status": "QUEUED"}),
    "null id": http(202, {"jobId": None}),
    "empty id": http(202, {"jobId": ""}),
    "number": http(202, {"jobId": 17}),
    "path": http(202, {"jobId": "../me"}),
    "endless id": http(202, {"jobId": "x" * 5000}),
    "a list": http(202, [QUEUED]),
    "cut JSON": http(202, b'{"jobId": "6f1c1d4e'),
    "not UTF-8": http(202, b"\xff\xfe\x00"),
    "deep": http(202, b"[" * 100_000),
    "not gzip": http(202, QUEUED, content_encoding="gzip"),
}


@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE)
def test_a_2xx_without_a_readable_job_id_is_unknown(answer: bytes) -> None:
    [outcome], _ = submit(Step(answer))
    assert isinstance(outcome, Unknown)
    assert outcome.reason.endswith("(no readable jobId)")


WHOLE = http(202, QUEUED)
BROKEN: dict[str, Step] = {
    "closed before the answer": Step(then="close"),
    "reset before the answer": Step(then="reset"),
    "silent": Step(then="hang"),
    "half a status line": Step(b"HTTP/1.1 20", "close"),
    "garbage": Step(b"\x00\x01 nonsense\r\n\r\n", "close"),
    "garbage, left open": Step(b"nonsense\r\n\r\n", "idle"),
    "closed after the head": Step(WHOLE[: -len(b'"QUEUED"}')], "close"),
    "reset in the body": Step(WHOLE[:-5], "reset"),
    "stalled body": Step(WHOLE[:-5], "hang"),
    "trickling body": Step(http(202, b"", content_length="100000"), "drip"),
    "length too long": Step(http(202, QUEUED, content_length="900"), "close"),
    "broken chunks": Step(
        http(202, b"zz\r\nxx\r\n", content_length="", transfer_encoding="chunked"), "idle"
    ),
    "chunks cut short": Step(
        http(202, b'5\r\n{"job\r\n', content_length="", transfer_encoding="chunked"), "close"
    ),
    "bad length": Step(http(202, QUEUED, content_length="many"), "close"),
}


@pytest.mark.parametrize("step", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_is_unknown_and_asked_once(step: Step) -> None:
    [outcome], server = submit(step)
    assert isinstance(outcome, Unknown), outcome
    assert outcome.reason
    assert len(server.requests) == 1


def test_a_wrong_length_that_cuts_the_answer_is_unknown() -> None:
    [outcome], _ = submit(Step(http(202, QUEUED, content_length="9"), "close"))
    assert isinstance(outcome, Unknown)


def test_a_definite_refusal_stays_one_when_its_body_breaks_off() -> None:
    [outcome], _ = submit(Step(http(400, b"{", content_length="900"), "close"))
    assert isinstance(outcome, Rejected)


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_kept_connection_that_dies_is_unknown_and_not_sent_again(end: str) -> None:
    dying = Step(then="reset" if end == "reset" else "close")
    outcomes, server = submit(Step(WHOLE), dying, Step(WHOLE), times=2)
    assert isinstance(outcomes[0], Accepted)
    assert isinstance(outcomes[1], Unknown)
    assert len(server.requests) == 2
    assert server.connections == 1


def test_many_submits_share_nothing_but_the_client() -> None:
    async def main() -> list[SubmitOutcome]:
        async with ScriptedServer(Step(WHOLE)) as server, client(server.url) as api:
            return await asyncio.gather(
                *(api.submit(BODY, idempotency_key=f"key-{n}") for n in range(300))
            )

    assert asyncio.run(main()) == [Accepted(JOB)] * 300


def test_the_request_is_the_journals_bytes_with_key_and_idempotency_key() -> None:
    _, server = submit(Step(WHOLE))
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"post /v2/images/generate http/1.1"
    assert b"x-api-key: " + CANARY.encode() in lines
    assert b"idempotency-key: key-1" in lines
    assert b"content-type: application/json" in lines
    assert body == BODY


def test_nobody_listening_means_not_sent() -> None:
    async def main() -> SubmitOutcome:
        async with client(f"http://127.0.0.1:{free_port()}") as api:
            return await api.submit(BODY, idempotency_key="key-1")

    assert isinstance(asyncio.run(main()), NotSent)


def test_a_failed_tls_handshake_means_not_sent() -> None:
    async def speak_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http(400))
        writer.close()

    async def main() -> SubmitOutcome:
        async with await asyncio.start_server(speak_plainly, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with client(f"https://127.0.0.1:{port}") as api:
                return await api.submit(BODY, idempotency_key="key-1")

    assert isinstance(asyncio.run(main()), NotSent)


def test_cancelling_passes_through() -> None:
    async def main() -> None:
        async with ScriptedServer(Step(then="hang")) as server, client(server.url) as api:
            task = asyncio.create_task(api.submit(BODY, idempotency_key="key-1"))
            while not server.requests:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())


def _as_httpx_aiohttp_raises(cause: Exception) -> Exception:
    error = httpx.ConnectTimeout("mapped")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectError("x"), True),
        (httpx.PoolTimeout("x"), True),
        (httpx.ReadTimeout("x"), False),
        (httpx.WriteError("x"), False),
        (httpx.RemoteProtocolError("x"), False),
        (TimeoutError(), False),
        (RuntimeError("x"), False),
        (_as_httpx_aiohttp_raises(aiohttp.ConnectionTimeoutError()), True),
        (_as_httpx_aiohttp_raises(aiohttp.ServerDisconnectedError()), False),
        (_as_httpx_aiohttp_raises(aiohttp.ClientOSError(104, "reset")), False),
        (_as_httpx_aiohttp_raises(aiohttp.ClientConnectionResetError("x")), False),
        (_as_httpx_aiohttp_raises(aiohttp.SocketTimeoutError()), False),
    ],
)
def test_only_a_failed_connection_proves_that_nothing_left(
    error: Exception, expected: bool
) -> None:
    assert never_left(error) is expected


def test_any_other_failure_of_a_transport_is_unknown() -> None:
    def explode(request: httpx.Request) -> httpx.Response:
        raise aiohttp.ClientPayloadError("unmapped")

    async def main() -> SubmitOutcome:
        async with ApiframeClient(
            base_url="http://t", api_key=SecretStr("k"), transport=httpx.MockTransport(explode)
        ) as api:
            return await api.submit(BODY, idempotency_key="key-1")

    assert asyncio.run(main()) == Unknown("ClientPayloadError: unmapped")
