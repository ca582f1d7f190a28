"""Asking for jobs, account, models, and uploading: what is sent, and which error comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from pydantic import SecretStr

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.errors import (
    KeyRefused,
    Malformed,
    NotFound,
    ProviderError,
    Transient,
    Unreachable,
)
from ideogram_pipeline.apiframe.model import Account
from ideogram_pipeline.errors import ConfigurationError
from ideogram_pipeline_tests.apiframe.scripted import (
    JOB,
    ScriptedServer,
    Step,
    client,
    free_port,
    http,
)

Call = Callable[[ApiframeClient], Awaitable[object]]


def ask(call: Call, *steps: Step) -> tuple[object, ScriptedServer]:
    """The result of a call, or the ProviderError that it raised."""

    async def main() -> tuple[object, ScriptedServer]:
        async with ScriptedServer(*steps) as server, client(server.url, *steps) as api:
            try:
                return await call(api), server
            except ProviderError as error:
                return error, server

    return asyncio.run(main())


def mocked(respond: Callable[[httpx.Request], httpx.Response], call: Call) -> object:
    async def main() -> object:
        async with ApiframeClient(
            base_url="https://api.test/",
            api_key=SecretStr("k"),
            transport=httpx.MockTransport(respond),
        ) as api:
            return await call(api)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (http(401, {"error": "Invalid API key"}), KeyRefused, "APIFRAME_API_KEY"),
        (http(403, {"error": "API key is inactive"}), KeyRefused, "inactive"),
        (http(404, {"error": "Job not found"}), NotFound, "Job not found"),
        (http(400, {"error": "Invalid id"}), ProviderError, "Invalid id"),
        (http(429), Transient, "429"),
        (http(408), Transient, "408"),
        (http(503, {"error": "outage"}), Transient, "outage"),
        (http(200, b'{"id": '), Transient, "not whole JSON"),
        (http(200, b"<html>"), Transient, "not whole JSON"),
        (http(200, b"\xff"), Transient, "not whole JSON"),
        (http(200, b"1" * 5000), Transient, "not whole JSON"),
        (http(200, [1]), Malformed, "a job was expected"),
        (http(200, {"status": "QUEUED"}), Malformed, "without a usable id"),
        (http(302, location="https://elsewhere.test/"), ProviderError, "APIFRAME_BASE_URL"),
    ],
)
def test_each_answer_has_its_error(answer: bytes, kind: type[ProviderError], text: str) -> None:
    error, server = ask(lambda api: api.job(JOB), Step(answer))
    assert type(error) is kind
    assert text in str(error)
    assert len(server.requests) == 1


def test_an_error_says_what_the_provider_calls_the_request_and_how_long_to_wait() -> None:
    answer = http(429, {"error": "slow"}, x_request_id="req-9", retry_after="4")
    error, _ = ask(lambda api: api.account(), Step(answer))
    assert isinstance(error, Transient)
    assert error.retry_after == 4.0
    assert str(error) == "HTTP 429: slow [request req-9]"


@pytest.mark.parametrize(
    "step",
    [
        Step(then="hang"),
        Step(http(200, {"id": JOB})[:-3], "hang"),
        Step(http(200, {"id": JOB})[:-3], "close"),
        Step(b"nonsense\r\n\r\n", "close"),
    ],
)
def test_a_broken_answer_is_transient(step: Step) -> None:
    error, _ = ask(lambda api: api.job(JOB), step)
    assert type(error) is Transient


def test_nobody_listening_names_the_address_and_what_to_check() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    async def main() -> None:
        async with client(url) as api:
            await api.account()

    with pytest.raises(Unreachable, match=f"Cannot reach {url}: .*APIFRAME_BASE_URL"):
        asyncio.run(main())


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ideogram_pipeline.apiframe.client._MOST_BYTES", 1000)
    error, _ = ask(lambda api: api.job(JOB), Step(http(200, b" " * 2000)))
    assert isinstance(error, Transient)
    assert "more than 1000 bytes" in str(error)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "x" * 200])
def test_what_is_no_job_id_is_not_asked_for(name: str) -> None:
    error, server = ask(lambda api: api.job(name), Step())
    assert isinstance(error, Malformed)
    assert server.requests == []


def test_a_job_id_is_quoted() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/v2/jobs/a%3A1"
        return httpx.Response(200, json={"id": "a:1"})

    mocked(respond, lambda api: api.job("a:1"))


def test_the_jobs_of_this_model_are_asked_for_page_by_page() -> None:
    asked: list[dict[str, str]] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        return httpx.Response(200, json={"jobs": [], "nextCursor": None, "hasMore": False})

    mocked(respond, lambda api: api.jobs())
    mocked(respond, lambda api: api.jobs(cursor="a&b=c"))
    first = {"model": "ideogram-character", "limit": "100"}
    assert asked == [first, first | {"cursor": "a&b=c"}]


def test_the_account() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        team = {"id": "t", "name": "Cast", "credits": 90, "plan": "pro"}
        return httpx.Response(200, json={"user": {}, "team": team, "new": 1})

    assert mocked(respond, lambda api: api.account()) == Account(
        90, "pro", "Cast", None, team_id="t"
    )


@pytest.mark.parametrize(
    ("models", "found"),
    [
        ([{"id": "m"}, 3, {"id": "ideogram-character", "costMin": 10, "costMax": 20}], (10, 20)),
        ([{"id": "ideogram-character", "costMin": 10}], None),
        ([{}], None),
        ("none", None),
    ],
)
def test_the_price_list(models: object, found: tuple[float, float] | None) -> None:
    answer = httpx.Response(200, json={"models": models})
    assert mocked(lambda _: answer, lambda api: api.price_range()) == found


def test_an_upload_is_one_multipart_field_called_file() -> None:
    content = bytes(range(256)) * 12_000
    answer = http(201, {"id": "u", "url": "https://cdn.apiframe.ai/u.png"})

    async def main() -> ScriptedServer:
        async with ScriptedServer(Step(answer)) as server, client(server.url) as api:
            upload = await api.upload(content, filename='a "b" ü.png', content_type="image/png")
            assert upload.url == "https://cdn.apiframe.ai/u.png"
        return server

    [request] = asyncio.run(main()).requests
    assert request.startswith(b"POST /v2/uploads HTTP/1.1")
    assert b'name="file"; filename="a %22b%22 \xc3\xbc.png"\r\nContent-Type: image/png' in request
    assert content in request


def test_a_question_outlives_its_kept_connection() -> None:
    async def both(api: ApiframeClient) -> object:
        return await api.account(), await api.account()

    ok = Step(http(200, {"team": None}))
    answers, server = ask(both, ok, Step(then="close"), ok)
    assert isinstance(answers, tuple)
    assert server.connections == 2


def test_an_upload_that_nobody_reads_ends() -> None:
    step = Step(read_body=False, then="hang")
    error, _ = ask(
        lambda api: api.upload(bytes(20_000_000), filename="a", content_type="image/png"), step
    )
    assert type(error) is Transient


def test_an_upload_refused_before_it_is_read_ends() -> None:
    step = Step(http(413, {"error": "too big"}), then="idle", read_body=False)
    error, _ = ask(
        lambda api: api.upload(bytes(20_000_000), filename="a", content_type="image/png"), step
    )
    assert isinstance(error, ProviderError)
    assert str(error).startswith("HTTP 413")


def test_the_clock_follows_the_answers() -> None:
    async def main() -> None:
        date = "Sun, 22 Nov 2026 08:00:00 GMT"
        answer = http(200, {"user": {}, "team": None}, date=date)
        async with ScriptedServer(Step(answer)) as server, client(server.url) as api:
            await api.account()
            assert api.clock.now().isoformat().startswith("2026-11-22T08:00:0")

    asyncio.run(main())


def test_a_base_url_with_a_password_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="APIFRAME_BASE_URL"):
        client("http://me:secret@127.0.0.1")
