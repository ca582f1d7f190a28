"""The file server under `/cdn`: pictures, drawn when they are fetched, and uploads."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections import OrderedDict
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ideogram_pipeline.sandbox import uploads
from ideogram_pipeline.sandbox.contract import is_uuid
from ideogram_pipeline.sandbox.core import Sandbox, refuse
from ideogram_pipeline.sandbox.envelope import ConnectionDropped
from ideogram_pipeline.sandbox.jobs import JobRow, find_job
from ideogram_pipeline.sandbox.options import SandboxOptions

_CACHE_BYTES = 48 * 1024 * 1024
_NOT_FOUND = "File not found"


class _Drawings:
    """Drawn pictures by job, the least recently used forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def get(self, job_id: str) -> bytes | None:
        with self._lock:
            if job_id in self._kept:
                self._kept.move_to_end(job_id)
            return self._kept.get(job_id)

    def put(self, job_id: str, picture: bytes) -> None:
        with self._lock:
            if job_id in self._kept:
                return
            self._kept[job_id] = picture
            self._size += len(picture)
            while self._size > _CACHE_BYTES:
                _, forgotten = self._kept.popitem(last=False)
                self._size -= len(forgotten)


class _CutOff(Response):
    """Half of the body under the headers of the whole, and then nothing."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        raise ConnectionDropped


def cdn_routes(sandbox: Sandbox) -> list[Route]:
    """The routes under `/cdn`; like the provider's, they ask for no key."""
    drawings = _Drawings()

    async def picture(request: Request) -> Response:
        job = _job_with_file(sandbox, request.path_params["name"])
        strike = sandbox.faults.strike("picture")
        match strike.name if strike else None:
            case "cdn_503":
                raise refuse(503, "Service temporarily unavailable")
            case "cdn_404":
                raise refuse(404, _NOT_FOUND)
            case "purged":
                sandbox.state.execute("UPDATE jobs SET purged = 1 WHERE id = ?", (job.id,))
                raise refuse(404, _NOT_FOUND)
            case "not_an_image":
                return HTMLResponse("<!DOCTYPE html><html><body>One moment</body></html>")
            case fault:
                content = await _drawing(sandbox, drawings, job)
        if fault == "truncated_download":
            return _CutOff(content, media_type="image/png")
        if fault == "short_download":
            content = content[: len(content) // 2]
        else:
            with sandbox.state.transaction():
                sandbox.state.bump("downloads")
                sandbox.state.bump("bytes_served", len(content))
                sandbox.state.keep("last_download_ms", sandbox.now_ms())
        return Response(content, media_type="image/png")

    async def upload(request: Request) -> Response:
        name = PurePosixPath(request.path_params["name"])
        found = uploads.fetch(sandbox, name.stem, sandbox.now_ms())
        if found is None:
            raise refuse(404, _NOT_FOUND)
        content, kind = found
        return Response(content, media_type=kind)

    return [Route("/cdn/images/{name}", picture), Route("/cdn/uploads/{name}", upload)]


def _job_with_file(sandbox: Sandbox, name: str) -> JobRow:
    now = sandbox.now_ms()
    job_id = name.removesuffix("-0.png")
    job = find_job(sandbox, job_id) if is_uuid(job_id) else None
    if job is None or not job.has_url(now) or job.expired(now):
        raise refuse(404, _NOT_FOUND)
    return job


async def _drawing(sandbox: Sandbox, drawings: _Drawings, job: JobRow) -> bytes:
    known = drawings.get(job.id)
    if known is not None:
        return known
    inputs = [
        uploads.blob(sandbox, digest) if digest else None
        for digest in (job.reference, job.image, job.mask)
    ]
    drawn = await asyncio.to_thread(_draw, sandbox.options, job, *inputs)
    drawings.put(job.id, drawn)
    return drawn


def _draw(
    options: SandboxOptions,
    job: JobRow,
    reference: bytes | None,
    image: bytes | None,
    mask: bytes | None,
) -> bytes:
    # Loaded with the first picture only: a server should be up at once.
    from ideogram_pipeline.sandbox import pictures

    body = json.loads(job.input)
    params = body["ideogramParams"]
    if reference is None:
        # Other hosts are never fetched: the address stands for the picture.
        reference = hashlib.sha256(params["character_reference_image"].encode()).digest()
    if image is None or mask is None:
        image = mask = None
    width, height = pictures.size_for(
        aspect_ratio=params.get("aspect_ratio"),
        resolution=params.get("resolution"),
        image=image,
    )
    return pictures.draw(
        prompt=body["prompt"],
        # Without a seed the provider rolls the dice anew for every job.
        seed=params.get("seed", int(job.id.replace("-", "")[:7], 16)),
        width=width,
        height=height,
        reference=reference,
        style_type=params.get("style_type", "Auto"),
        rendering_speed=params.get("rendering_speed", "default"),
        image=image,
        mask=mask,
        model_version=options.model_version,
        tiny=options.tiny,
    )
