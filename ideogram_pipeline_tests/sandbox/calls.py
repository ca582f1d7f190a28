"""A sandbox in process, called like a server, on a clock that tests move."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from ideogram_pipeline.sandbox.app import create_app
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.state import State

KEY = "afk_test"
NOON = 1_795_348_800.0  # 2026-11-22T12:00:00Z
PNG = b"\x89PNG\r\n\x1a\n" + b"not much of a picture"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class Calls:
    """One call at a time; every answer is an `httpx.Response`."""

    def __init__(self, state: State, options: SandboxOptions, clock: Clock) -> None:
        self.state = state
        self.clock = clock
        self.app = create_app(options, state)

    def send(self, method: str, path: str, *, key: str | None = KEY, **more: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
                return await client.request(method, path, **more)

        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers["X-API-Key"] = key
        more["headers"] = headers
        return asyncio.run(run())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.send("GET", path, **more)

    def post(self, path: str, json: object = None, **more: Any) -> httpx.Response:
        return self.send("POST", path, json=json, **more)

    def submit(
        self, body: object = None, *, idem: str | None = None, **more: Any
    ) -> httpx.Response:
        headers = {} if idem is None else {"Idempotency-Key": idem}
        body = order() if body is None else body
        return self.post("/v2/images/generate", body, headers=headers, **more)

    def new_job(self, body: object = None, **more: Any) -> str:
        answer = self.submit(body, **more)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["jobId"])

    def job(self, job_id: str, **more: Any) -> dict[str, Any]:
        answer = self.get(f"/v2/jobs/{job_id}", **more)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def upload(self, content: bytes = PNG) -> dict[str, Any]:
        answer = self.post("/v2/uploads", files={"file": ("any.name", content)})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def script(self, *lines: dict[str, object]) -> None:
        assert self.post("/sandbox/faults", list(lines)).status_code == 200

    def truth(self) -> dict[str, Any]:
        return dict(self.get("/sandbox/truth", key=None).json())

    def balance(self) -> int:
        return int(self.get("/v2/me").json()["team"]["credits"])


def order(prompt: str = "a fox in the snow", **params: object) -> dict[str, Any]:
    """A valid body; `params` go into or replace `ideogramParams`."""
    reference = {"character_reference_image": "https://example.com/fox.png"}
    return {
        "model": "ideogram-character",
        "prompt": prompt,
        "ideogramParams": {**reference, **params},
    }
