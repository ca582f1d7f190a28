import hashlib
import hmac
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline.sandbox.webhooks import sign
from ideogram_pipeline_tests.sandbox.calls import KEY, order

# Worked out with Python and Node from the vendor's SDK, and from code in the field.
VECTOR_KEY = "afk_" + "0" * 40
VECTOR_BODY = b'{"jobId":"abc","status":"COMPLETED"}'
VECTORS = {
    "raw": "sha256=58e6d7af820911d918b1b43ade255ec260002ca8b24ba46dd057a99d192c89f4",
    "hex": "sha256=2cb660473e59908c969f761f7444eda6c9067d13d2d83a0057fb8fb5197c60af",
}


class Listener:
    """Takes webhooks on a port of its own."""

    def __init__(self, server: ThreadingHTTPServer, news: "queue.Queue[Any]") -> None:
        self.url = f"http://127.0.0.1:{server.server_port}/hook"
        self.news = news
        self.statuses: list[int] = []

    def next(self) -> tuple[str, str, bytes]:
        """Event, signature and body of the next one."""
        return self.news.get(timeout=10)  # type: ignore[no-any-return]


@pytest.fixture
def listener() -> Iterator[Listener]:
    news: queue.Queue[Any] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = listening.statuses.pop(0) if listening.statuses else 200
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            event, signature = (self.headers[f"X-Webhook-{n}"] for n in ("Event", "Signature"))
            news.put((event, signature, body))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        listening = Listener(server, news)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield listening
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, httpx.Client]]:
    """A client of a sandbox by the form of its signatures."""
    with (
        SandboxServer(SandboxOptions(speed=200, webhook_signature="raw")) as raw,
        SandboxServer(SandboxOptions(speed=200, webhook_signature="hex")) as hexadecimal,
        httpx.Client(base_url=raw.url, headers={"X-API-Key": KEY}, trust_env=False) as one,
        httpx.Client(base_url=hexadecimal.url, headers={"X-API-Key": KEY}, trust_env=False) as two,
    ):
        yield {"raw": one, "hex": two}


def submit(client: httpx.Client, url: str, **more: object) -> str:
    body = {**order(), "webhookUrl": url, **more}
    return str(client.post("/v2/images/generate", json=body).json()["jobId"])


def settled(client: httpx.Client, job_id: str) -> str:
    """The webhook status of a job, once it is not pending."""
    for _ in range(2000):
        status = client.get(f"/v2/jobs/{job_id}").json()["webhookStatus"]
        if status != "pending":
            return str(status)
    raise AssertionError("still pending")


@pytest.mark.parametrize("form", ["raw", "hex"])
def test_signatures_match_the_known_vectors(form):
    assert sign(VECTOR_BODY, VECTOR_KEY, form) == VECTORS[form]


@pytest.mark.parametrize("form", ["raw", "hex"])
def test_a_completed_job_is_told_and_signed(clients, listener, form):
    client = clients[form]
    job_id = submit(client, listener.url)
    event, signature, body = listener.next()
    news = json.loads(body)
    assert event == news["event"] == "completed"
    assert set(news) == {
        "event",
        "jobId",
        "status",
        "model",
        "progress",
        "result",
        "creditCost",
        "completedAt",
    }
    assert (news["jobId"], news["status"], news["creditCost"]) == (job_id, "COMPLETED", 15)
    assert client.get(news["result"]["images"][0]).status_code == 200
    digest = hashlib.sha256(KEY.encode())
    secret = digest.digest() if form == "raw" else digest.hexdigest().encode()
    assert signature == "sha256=" + hmac.new(secret, body, "sha256").hexdigest()
    assert settled(client, job_id) == "delivered"


def test_only_the_events_that_were_asked_for_are_told(clients, listener):
    client = clients["raw"]
    client.post("/sandbox/faults", json=[{"fault": "job_failed"}])
    job_id = submit(client, listener.url, webhookEvents=["progress", "failed"])
    assert [listener.next()[0] for _ in range(2)] == ["progress", "failed"]
    assert settled(client, job_id) == "delivered"
    silent = submit(client, listener.url, webhookEvents=["failed"])
    assert settled(client, silent) == "delivered"
    assert listener.news.empty()


def test_a_failed_job_is_told_with_its_error(clients, listener):
    clients["raw"].post("/sandbox/faults", json=[{"fault": "job_failed"}])
    job_id = submit(clients["raw"], listener.url)
    event, _, body = listener.next()
    assert event == "failed"
    assert json.loads(body) == {
        "event": "failed",
        "jobId": job_id,
        "status": "FAILED",
        "model": "ideogram-character",
        "error": "provider_error",
    }


def test_a_delivery_is_tried_again(clients, listener):
    listener.statuses = [500, 503]
    job_id = submit(clients["raw"], listener.url)
    assert [listener.next()[0] for _ in range(3)] == ["completed"] * 3
    assert settled(clients["raw"], job_id) == "delivered"


def test_a_delivery_that_nobody_takes_has_failed(clients, listener):
    listener.statuses = [500] * 3
    assert settled(clients["raw"], submit(clients["raw"], listener.url)) == "failed"


def test_other_machines_are_never_called(clients):
    job_id = submit(clients["raw"], "https://example.com/hook")
    assert clients["raw"].get(f"/v2/jobs/{job_id}").json()["webhookStatus"] == "failed"


def test_a_replay_starts_no_second_delivery(clients, listener):
    client = clients["raw"]
    body = {**order(), "webhookUrl": listener.url}
    for _ in range(2):
        client.post("/v2/images/generate", json=body, headers={"Idempotency-Key": "one"})
    listener.next()
    last = submit(client, listener.url)
    assert json.loads(listener.next()[2])["jobId"] == last
