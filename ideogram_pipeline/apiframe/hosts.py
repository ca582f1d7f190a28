"""From where result files may come.

A result's address is text from outside. The rule is checked on the text itself, before any URL
parser has its say, and only plain authorities pass, so that no two parsers can see two hosts in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from ideogram_pipeline.apiframe.errors import HostNotAllowed
from ideogram_pipeline.errors import ConfigurationError

SETTING: Final = "IDEOGRAM_PIPELINE_RESULT_HOSTS"
_PROVIDER: Final = "apiframe.ai"
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}

_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?#][^\x00-\x20\x7f\\]*)?",
    re.ASCII | re.IGNORECASE,
)
"""No user name, no ``%``, no letters beyond ASCII, no dot at the end, no white space, no ``\\``."""

Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """``https`` on ``apiframe.ai`` and its subdomains, and some exact origins."""

    origins: frozenset[Origin]

    @classmethod
    def of(cls, base_url: str, extra_hosts: Iterable[str] = ()) -> Self:
        """The provider's own hosts, the origin of ``base_url``, and what the user adds.

        Args:
            base_url: Where the API is; its files may come from there, by its own scheme.
            extra_hosts: ``host`` or ``host:port``, meaning https; or a whole origin such as
                ``http://127.0.0.1:9000``. Subdomains are not included.

        Raises:
            ConfigurationError: For an entry that is none of these.
        """
        origins = []
        for setting, text in [
            ("APIFRAME_BASE_URL", base_url),
            *((SETTING, h) for h in extra_hosts),
        ]:
            origin = _origin(text if "://" in text else f"https://{text}")
            if origin is None:
                raise ConfigurationError(
                    f"{setting}: {text!r} is no host such as files.example.com, nor an origin "
                    "such as https://files.example.com:8443."
                )
            origins.append(origin)
        return cls(frozenset(origins))

    def check(self, url: str) -> None:
        """Let ``url`` pass, or say why not.

        Raises:
            HostNotAllowed: Naming the host and the setting that would allow it.
        """
        origin = _origin(url)
        if origin is None:
            shown = url.partition("?")[0]
            raise HostNotAllowed(f"A result address is not a plain http(s) URL: {shown!r:.200}")
        scheme, host, port = origin
        ours = host == _PROVIDER or host.endswith(f".{_PROVIDER}")
        if origin in self.origins or (ours and (scheme, port) == ("https", 443)):
            return
        where = host if port == _DEFAULT_PORTS[scheme] else f"{host}:{port}"
        entry = where if scheme == "https" else f"{scheme}://{where}"
        raise HostNotAllowed(
            f"Result files may not come from {scheme}://{where}. If you know this host, add "
            f"{entry} to {SETTING}; the picture is paid and can still be fetched."
        )


def _origin(url: str) -> Origin | None:
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    return (scheme, host, port) if ".." not in host and 0 < port < 65536 else None
