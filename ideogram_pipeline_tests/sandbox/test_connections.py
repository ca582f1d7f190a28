"""Through a real socket: what a client sees when an answer is lost, cut, or late."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from ideogram_pipeline.errors import ConfigurationError
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline_tests.sandbox.calls import KEY, order


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxOptions(speed=1000, tiny=True)) as running:
        yield running


@pytest.fixture
def client(server: SandboxServer) -> Iterator[httpx.Client]:
    headers = {"X-API-Key": KEY}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as opened:
        opened.post("/sandbox/reset").raise_for_status()
        yield opened


def script(client, **line):
    client.post("/sandbox/faults", json=[line]).raise_for_status()


def submit(client, **more):
    headers = {"Idempotency-Key": "one"}
    return client.post("/v2/images/generate", json=order(), headers=headers, **more)


def finished(client):
    job_id = submit(client).json()["jobId"]
    client.post("/sandbox/clock", json={"advance_seconds": 60})
    return client.get(f"/v2/jobs/{job_id}").json()["result"]["images"][0]


def test_it_answers_as_soon_as_it_is_entered(client):
    assert client.get("/v2/me").json()["team"]["credits"] == 10_000


@pytest.mark.parametrize(("fault", "charged"), [("lost_before", 0), ("lost_after", 15)])
def test_a_lost_answer_is_a_connection_that_ends(client, fault, charged):
    script(client, fault=fault)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        submit(client)
    truth = client.get("/sandbox/truth").json()
    assert (truth["charges"], truth["requests"]) == (charged, {"generate": {"lost": 1}})
    assert submit(client).status_code == 202
    assert client.get("/sandbox/truth").json()["charges"] == 15


@pytest.mark.parametrize("route", ["jobs", "me"])
def test_any_route_can_lose_its_answer(client, route):
    script(client, fault="lost_after", route=route)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(f"/v2/{route}")
    assert client.get(f"/v2/{route}").status_code == 200


def test_a_truncated_download_ends_before_its_length(client):
    url = finished(client)
    script(client, fault="truncated_download")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        client.get(url)
    assert client.get(url).content.startswith(b"\x89PNG")


def test_truncated_json_has_the_right_length_and_no_end(client):
    script(client, fault="truncated_json")
    answer = submit(client)
    assert answer.status_code == 202
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()


def test_a_slow_answer_outlasts_an_impatient_client(client):
    script(client, fault="slow", seconds=0.3)
    with pytest.raises(httpx.ReadTimeout):
        submit(client, timeout=0.1)
    assert submit(client).status_code == 202
    truth = client.get("/sandbox/truth").json()
    assert (truth["charges"], truth["idempotencyKeys"]["one"]["submissions"]) == (15, 2)


def test_a_taken_port_is_explained(server):
    port = int(server.url.rpartition(":")[2])
    second = SandboxServer(port=port)
    with pytest.raises(ConfigurationError, match=rf"127\.0\.0\.1:{port}.*--port"), second:
        pass


def test_a_client_that_dies_within_its_request_has_asked_for_nothing(server, client) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as half:
        half.sendall(
            b"POST /v2/images/generate HTTP/1.1\r\nHost: x\r\nX-API-Key: afk_a\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
    while not (seen := client.get("/sandbox/truth").json()["requests"].get("generate")):
        pass
    assert seen == {"lost": 1}
    assert client.get("/sandbox/truth").json()["charges"] == 0
