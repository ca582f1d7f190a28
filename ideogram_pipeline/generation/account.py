"""Which provider a run talks to: the real one, a sandbox that somebody runs, or our own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.model import Account
from ideogram_pipeline.apiframe.retrying import patiently
from ideogram_pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Access:
    """Where the provider is, and the key for it."""

    base_url: str
    api_key: SecretStr


@contextmanager
def provider_access(settings: Settings) -> Iterator[Access]:
    """Reach the provider; without a key, a sandbox runs in this process for as long as needed."""
    if settings.api_key is not None:
        yield Access(settings.base_url, settings.api_key)
        return
    from ideogram_pipeline.sandbox.embedded import EMBEDDED_KEY, embedded_sandbox

    with embedded_sandbox(settings.folder, settings.sandbox_speed) as url:
        yield Access(url, SecretStr(EMBEDDED_KEY))


def account_balance(settings: Settings) -> Account:
    """Ask the provider who we are and what is left.

    Raises:
        ProviderError: The key is refused, or the provider is out of reach.
    """

    async def ask(access: Access) -> Account:
        client = ApiframeClient(base_url=access.base_url, api_key=access.api_key)
        async with client:
            return await patiently(client.account, attempts=3)

    with provider_access(settings) as access:
        return asyncio.run(ask(access))
