"""Which addresses pass, whatever trick is in them."""

from __future__ import annotations

import pytest

from ideogram_pipeline.apiframe.errors import HostNotAllowed
from ideogram_pipeline.apiframe.hosts import AllowedHosts
from ideogram_pipeline.errors import ConfigurationError

HOSTS = AllowedHosts.of(
    "http://127.0.0.1:8642", ["files.example.com", "cdn.example.com:8443", "http://[::1]:9000"]
)


@pytest.mark.parametrize(
    "url",
    [
        "https://apiframe.ai/a.png",
        "https://cdn2.apiframe.ai/images/a-1.png?x=1#y",
        "HTTPS://CDN2.APIFRAME.AI/a.png",
        "https://cdn.apiframe.ai:443/a.png",
        "https://cdn.apiframe.ai",
        "https://cdn.apiframe.ai/bild-ä.png",
        "http://127.0.0.1:8642/results/a.png",
        "https://files.example.com/a.png",
        "https://cdn.example.com:8443/a.png",
        "http://[::1]:9000/a.png",
    ],
)
def test_allowed(url: str) -> None:
    HOSTS.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.apiframe.ai/a.png",
        "https://cdn.apiframe.ai:8443/a.png",
        "https://apiframe.ai.evil.test/a.png",
        "https://evilapiframe.ai/a.png",
        "https://evil.test/apiframe.ai",
        "https://evil.test?.apiframe.ai",
        "https://evil.test#.apiframe.ai",
        "https://evil.test\\.apiframe.ai/",
        "https://evil.test\\@cdn.apiframe.ai/",
        "https://cdn.apiframe.ai@evil.test/",
        "https://me@cdn.apiframe.ai/",
        "https://me:pw@cdn.apiframe.ai/",
        "https://cdn.apiframe.ai./a.png",
        "https://cdn..apiframe.ai/a.png",
        "https://.apiframe.ai/a.png",
        "https://cdn.ap\u0131frame.ai/a.png",
        "https://cdn.apiframe\u3002ai/a.png",
        "https://xn--pifrme-zva.ai/a.png",
        "https://cdn%2eapiframe.ai/a.png",
        "https://evil.test%00.apiframe.ai/",
        "http\u017f://cdn.apiframe.ai/",
        "https://cdn.apiframe.ai/a\nHost: evil",
        "https://cdn.apiframe.ai/a b",
        "https:///cdn.apiframe.ai/",
        "https:cdn.apiframe.ai/",
        "//cdn.apiframe.ai/",
        "file:///etc/passwd",
        "ftp://cdn.apiframe.ai/",
        "https://cdn.apiframe.ai:0/",
        "https://cdn.apiframe.ai:99999/",
        "http://127.0.0.1:8643/",
        "https://127.0.0.1:8642/",
        "http://localhost:8642/",
        "http://files.example.com/",
        "https://sub.files.example.com/",
        "",
    ],
)
def test_refused(url: str) -> None:
    with pytest.raises(HostNotAllowed):
        HOSTS.check(url)


def test_a_refusal_names_the_host_and_the_entry_that_allows_it() -> None:
    for url, entry in [
        ("https://s3.example.net/a.png", "s3.example.net"),
        ("http://s3.example.net:81/a.png", "http://s3.example.net:81"),
    ]:
        with pytest.raises(HostNotAllowed, match=f"add {entry} to IDEOGRAM_PIPELINE_RESULT_HOSTS;"):
            HOSTS.check(url)
        AllowedHosts.of("https://api.apiframe.ai", [entry]).check(url)


@pytest.mark.parametrize("entry", ["", "a b", "*.example.com", "me@example.com", "ftp://a"])
def test_a_wrong_entry_names_the_setting(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="IDEOGRAM_PIPELINE_RESULT_HOSTS"):
        AllowedHosts.of("https://api.apiframe.ai", [entry])
