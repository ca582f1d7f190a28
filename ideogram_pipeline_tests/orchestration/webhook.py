"""A server that takes alerts, as an incoming webhook of a chat does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

SECRET = "T0000-very-secret"


class Webhook:
    """A server that keeps what is posted to it."""

    def __init__(self) -> None:
        self.status = 200
        self.posted: list[dict[str, str]] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"].startswith("application/json")
                webhook.posted.append(json.loads(body))
                self.send_response(webhook.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/services/{SECRET}"


@contextmanager
def listening() -> Iterator[Webhook]:
    """Serve a webhook as long as the block lasts."""
    webhook = Webhook()
    thread = Thread(target=webhook.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield webhook
    finally:
        webhook.server.shutdown()
        thread.join()
        webhook.server.server_close()
