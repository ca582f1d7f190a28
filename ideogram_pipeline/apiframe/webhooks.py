"""Signatures of webhooks, in both forms that are in use.

A webhook is a hint only: deliveries get lost and repeated, and carry neither a time nor an id. Who
receives one asks for the job before acting.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

from pydantic import SecretStr

_PREFIX = b"sha256="


def verify(body: bytes, header: str | None, api_key: SecretStr) -> Literal["raw", "hex"] | None:
    """Which form of signature over ``body`` the header holds; ``None`` if it is not genuine.

    The signature is an HMAC-SHA256 over the exact bytes of the body, keyed with the SHA-256 of the
    API key. Sources disagree on the form of that digest: Apiframe's SDK uses its 32 ``raw`` bytes,
    code in the field its 64 ``hex`` characters. Both are computed and compared in constant time.

    Args:
        body: The body as received, before any parsing.
        header: Value of ``X-Webhook-Signature``, with or without ``sha256=``.
        api_key: The key that the jobs were submitted with.
    """
    if header is None:
        return None
    given = header.strip().lower().encode("utf-8", "replace").removeprefix(_PREFIX)
    secret = hashlib.sha256(api_key.get_secret_value().encode())
    raw = _matches(given, secret.digest(), body)
    hexadecimal = _matches(given, secret.hexdigest().encode(), body)
    return "raw" if raw else "hex" if hexadecimal else None


def _matches(given: bytes, key: bytes, body: bytes) -> bool:
    return hmac.compare_digest(given, hmac.new(key, body, "sha256").hexdigest().encode())
