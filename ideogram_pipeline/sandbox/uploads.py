"""Uploaded input files: what they are, how long they live, and the URLs that name them."""

from __future__ import annotations

import hashlib
import re
import uuid
from urllib.parse import urlsplit

from ideogram_pipeline.sandbox.contract import Upload
from ideogram_pipeline.sandbox.core import HOUR_MS, Sandbox, refuse, timestamp

LIFETIME_MS = HOUR_MS
MAX_BYTES = 25 * 1024 * 1024

_PATH = re.compile(r"/cdn/uploads/([^/]+?)(?:\.[a-z]+)?")
_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}


class UnknownUploadError(Exception):
    """A URL names an upload that has expired, or never was."""


def content_type_of(content: bytes) -> str | None:
    """The type of an image by its first bytes, or `None`."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return None


def store(sandbox: Sandbox, content: bytes, base_url: str) -> Upload:
    """Keep an uploaded image for an hour.

    Raises:
        Refusal: 400 when it is too large or not an image.
    """
    if len(content) > MAX_BYTES:
        raise refuse(400, "File exceeds the 25 MB limit")
    kind = content_type_of(content)
    if kind is None:
        raise refuse(400, "Unsupported file type")
    upload_id = str(uuid.uuid4())
    digest = hashlib.sha256(content).hexdigest()
    with sandbox.state.transaction():
        expires = sandbox.now_ms() + LIFETIME_MS
        sandbox.state.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (digest, content))
        sandbox.state.execute(
            "INSERT INTO uploads VALUES (?, ?, ?, ?, ?)",
            (upload_id, digest, kind, len(content), expires),
        )
    return {
        "id": upload_id,
        "url": f"{base_url}/cdn/uploads/{upload_id}.{_EXTENSIONS[kind]}",
        "kind": "image",
        "contentType": kind,
        "byteSize": len(content),
        "expiresAt": timestamp(expires),
    }


def fetch(sandbox: Sandbox, upload_id: str, now: int) -> tuple[bytes, str] | None:
    """Content and type of an upload that is alive."""
    row = sandbox.state.row(
        "SELECT content, content_type FROM uploads JOIN blobs USING (sha256)"
        " WHERE id = ? AND expires_ms > ?",
        (upload_id, now),
    )
    return (row[0], row[1]) if row else None


def resolve(sandbox: Sandbox, url: str, field: str, now: int) -> str | None:
    """SHA-256 of the uploaded content that ``url`` names; `None` for a URL of another host.

    Only the path counts, since a server that was started again has another port.

    Raises:
        UnknownUploadError: the upload is not there, or no more.
    """
    match = _PATH.fullmatch(urlsplit(url).path)
    if match is None:
        return None
    row = sandbox.state.row(
        "SELECT sha256 FROM uploads WHERE id = ? AND expires_ms > ?", (match[1], now)
    )
    if row is None:
        raise UnknownUploadError(f"could not fetch {field}")
    digest: str = row[0]
    return digest


def blob(sandbox: Sandbox, digest: str) -> bytes:
    """Uploaded content by its SHA-256."""
    content: bytes = sandbox.state.row("SELECT content FROM blobs WHERE sha256 = ?", (digest,))[0]
    return content
