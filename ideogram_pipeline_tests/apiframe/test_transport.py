"""What every request carries, and what no answer makes it carry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.download import Downloader
from ideogram_pipeline.errors import PipelineError
from ideogram_pipeline_tests.apiframe.scripted import (
    CANARY,
    JOB,
    ScriptedServer,
    Step,
    client,
    http,
)

REQUESTS: dict[str, Callable[[ApiframeClient], Awaitable[object]]] = {
    "submit": lambda api: api.submit(b"{}", idempotency_key="key-1"),
    "job": lambda api: api.job(JOB),
    "jobs": lambda api: api.jobs(cursor="next", status="COMPLETED"),
    "account": lambda api: api.account(),
    "price range": lambda api: api.price_range(),
    "upload": lambda api: api.upload(b"png", filename="a.png", content_type="image/png"),
}


def sent(request: bytes) -> list[tuple[str, str]]:
    """The headers of a request, one for each line."""
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]


def values(request: bytes, name: str) -> list[str]:
    return [value for sent_name, value in sent(request) if sent_name == name]


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
def test_every_request_says_who_asks_and_what_it_reads(
    ask: Callable[[ApiframeClient], Awaitable[object]],
) -> None:
    async def main() -> list[bytes]:
        async with ScriptedServer(Step(http(500))) as server, client(server.url) as api:
            with suppress(PipelineError):
                await ask(api)
            return server.requests

    [request] = asyncio.run(main())
    assert values(request, "x-api-key") == [CANARY]
    assert values(request, "user-agent") == ["ideogram-pipeline"]
    assert values(request, "accept-encoding") == ["gzip, deflate"]
    assert values(request, "accept") == ["*/*"]
    assert len(values(request, "host")) == 1
    assert values(request, "authorization") == values(request, "cookie") == []


def test_a_download_says_who_asks_and_takes_the_bytes_as_they_are(tmp_path: Path) -> None:
    async def main() -> list[bytes]:
        async with (
            ScriptedServer(Step(http(200, b"png"))) as server,
            Downloader(base_url=server.url) as downloader,
        ):
            await downloader.fetch(f"{server.url}/a.png", tmp_path / "a")
            return server.requests

    [request] = asyncio.run(main())
    assert values(request, "user-agent") == ["ideogram-pipeline"]
    assert values(request, "accept-encoding") == ["identity"]
    assert values(request, "x-api-key") == []


def test_a_host_with_a_name_sets_no_cookie(tmp_path: Path) -> None:
    """Of hosts that are numbers aiohttp's own cookie jar would take none either."""

    async def main() -> list[bytes]:
        step = Step(http(200, {"team": None}, set_cookie="who=ann; Path=/"))
        async with ScriptedServer(step) as server:
            url = f"http://localhost:{server.port}"
            async with client(url) as api, Downloader(base_url=url) as downloader:
                for name in ("a", "b"):
                    await api.account()
                    await downloader.fetch(f"{url}/{name}.png", tmp_path / name)
            return server.requests

    requests = asyncio.run(main())
    assert [values(request, "cookie") for request in requests] == [[]] * 4
