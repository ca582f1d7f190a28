"""The key goes to the provider and nowhere else."""

from __future__ import annotations

import asyncio
import pickle
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.download import Downloader
from ideogram_pipeline.errors import ConfigurationError, PipelineError
from ideogram_pipeline_tests.apiframe.scripted import (
    CANARY,
    JOB,
    ScriptedServer,
    Step,
    client,
    free_port,
    http,
)


def everything_printable(error: BaseException) -> str:
    """The error's texts, and its traceback with the local variables of the package's frames."""
    frames = error.__traceback__
    while frames and "ideogram_pipeline_tests" in frames.tb_frame.f_code.co_filename:
        frames = frames.tb_next
    assert frames
    shown = traceback.TracebackException(type(error), error, frames, capture_locals=True)
    return "".join([str(error), repr(error), repr(vars(error)), *shown.format()])


@pytest.mark.parametrize(
    "step",
    [
        Step(http(401, {"error": f"Invalid API key {CANARY}"})),
        Step(http(500, f"dump: x-api-key={CANARY}".encode())),
        Step(http(404)),
        Step(http(200, b"{")),
        Step(http(200, {"id": None})),
        Step(f"HTTP/1.1 {CANARY}\r\n\r\n".encode(), "close"),
        Step(then="close"),
        Step(then="hang"),
        None,
    ],
)
def test_no_error_holds_the_key_in_text_locals_or_chain(step: Step | None) -> None:
    async def main() -> PipelineError:
        async with ScriptedServer(step or Step()) as server:
            url = server.url if step else f"http://127.0.0.1:{free_port()}"
            async with client(url, step or Step()) as api:
                with pytest.raises(PipelineError) as caught:
                    await api.job(JOB)
        return caught.value

    error = asyncio.run(main())
    assert CANARY not in everything_printable(error)
    assert CANARY.encode() not in pickle.dumps(error)
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("status", [400, 401, 402, 409, 500])
def test_no_outcome_of_a_submit_holds_the_key(status: int) -> None:
    async def main() -> str:
        step = Step(http(status, {"error": f"with {CANARY}"}))
        async with ScriptedServer(step) as server, client(server.url) as api:
            return repr(await api.submit(b"{}", idempotency_key="k"))

    shown = asyncio.run(main())
    assert CANARY not in shown
    assert "with [key]" in shown


def test_the_client_does_not_show_it() -> None:
    async def main() -> str:
        async with client("http://127.0.0.1") as api:
            return repr(api) + str(api) + repr(vars(api))

    assert CANARY not in asyncio.run(main())


@pytest.mark.parametrize("key", ["", " ", f"{CANARY}\n", f"{CANARY} x", f"{CANARY}é"])
def test_a_key_that_cannot_be_a_header_is_named_but_not_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="APIFRAME_API_KEY") as caught:
        ApiframeClient(base_url="http://127.0.0.1", api_key=SecretStr(key))
    assert CANARY not in everything_printable(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_carries_it_away(status: int) -> None:
    async def main() -> list[bytes]:
        async with ScriptedServer(Step(http(200, {"id": JOB}))) as other:
            away = Step(http(status, location=f"{other.url}/v2/jobs/{JOB}"))
            async with ScriptedServer(away) as server, client(server.url) as api:
                await api.submit(b"{}", idempotency_key="k")
                with pytest.raises(PipelineError):
                    await api.job(JOB)
            return other.requests

    assert asyncio.run(main()) == []


def test_no_proxy_or_netrc_of_the_environment_sees_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password netrc-secret\n")

    async def main() -> tuple[list[bytes], list[bytes]]:
        ok = Step(http(200, {"team": None}))
        async with ScriptedServer(ok) as proxy, ScriptedServer(ok) as server:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv("no_proxy", "")
            monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
            async with client(server.url) as api:
                await api.account()
            return proxy.requests, server.requests

    proxied, direct = asyncio.run(main())
    assert proxied == []
    assert b"authorization" not in direct[0].lower()


def test_a_download_does_not_carry_it_even_to_the_provider(tmp_path: Path) -> None:
    async def main() -> list[bytes]:
        step = Step(http(200, {"team": None}, set_cookie=f"key={CANARY}"))
        async with (
            ScriptedServer(step) as server,
            client(server.url) as api,
            Downloader(base_url=server.url) as downloader,
        ):
            await api.account()
            await downloader.fetch(f"{server.url}/a.png", tmp_path / "a")
            await downloader.fetch(f"{server.url}/b.png", tmp_path / "b")
            return server.requests[1:]

    assert not any(b"x-api-key" in request.lower() for request in asyncio.run(main()))


def test_no_cookie_is_kept(tmp_path: Path) -> None:
    async def main() -> list[bytes]:
        step = Step(http(200, {"team": None}, set_cookie="who=ann; Path=/"))
        async with (
            ScriptedServer(step) as server,
            client(server.url) as api,
            Downloader(base_url=server.url) as downloader,
        ):
            for name in ("a", "b"):
                await api.account()
                await downloader.fetch(f"{server.url}/{name}.png", tmp_path / name)
            return server.requests

    requests = asyncio.run(main())
    assert len(requests) == 4
    assert not any(b"cookie" in request.lower() for request in requests)
