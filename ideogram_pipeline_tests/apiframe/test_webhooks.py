"""Both forms of signature, with vectors that Python and Node agree on."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from ideogram_pipeline.apiframe.webhooks import verify

KEY = SecretStr("afk_" + "0" * 40)
BODY = b'{"jobId":"abc","status":"COMPLETED"}'
RAW = "58e6d7af820911d918b1b43ade255ec260002ca8b24ba46dd057a99d192c89f4"
HEX = "2cb660473e59908c969f761f7444eda6c9067d13d2d83a0057fb8fb5197c60af"


@pytest.mark.parametrize("form", ["sha256={}", "{}", " sha256={} "])
@pytest.mark.parametrize("case", [str.lower, str.upper])
@pytest.mark.parametrize(("digest", "which"), [(RAW, "raw"), (HEX, "hex")])
def test_a_genuine_signature(form: str, case: type[str], digest: str, which: str) -> None:
    assert verify(BODY, form.format(case(digest)), KEY) == which


@pytest.mark.parametrize(
    "header", [None, "", "sha256=", RAW[:-1], RAW + "0", "sha512=" + RAW, "é" * 64, "\udcff"]
)
def test_what_is_no_signature(header: str | None) -> None:
    assert verify(BODY, header, KEY) is None


def test_another_body_or_key_does_not_match() -> None:
    assert verify(BODY + b" ", RAW, KEY) is None
    assert verify(BODY, RAW, SecretStr("afk_other")) is None
