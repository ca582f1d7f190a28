"""Text as it is sent: one normal form, so that the same words are always the same bytes."""

from __future__ import annotations

import unicodedata

_INERT = (
    (0x0021, 0x007E),
    (0x00A1, 0x02FF),
    (0x038E, 0x0482),
    (0x048A, 0x052F),
    (0x05D0, 0x05EA),
    (0x0620, 0x064A),
    (0x1E00, 0x1EFF),
    (0x200D, 0x200D),
    (0x2010, 0x2027),
    (0x2030, 0x205E),
    (0x20A0, 0x20BF),
    (0x2190, 0x2328),
    (0x232B, 0x23FF),
    (0x2500, 0x27BF),
    (0x3001, 0x3029),
    (0x3041, 0x3096),
    (0x309D, 0x30FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0xFE0F, 0xFE0F),
    (0xFF01, 0xFF60),
    (0x1F000, 0x1FAFF),
)
_WORD = "[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _INERT) + "]+"

PLAIN_WORDS = f"{_WORD}( {_WORD})*"
"""Texts that `normal_text` leaves as they are, in most writings: single spaces, and characters that
NFC neither changes nor joins with their neighbours. A regular expression for Python and DuckDB."""

WHITE_SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*"
"""What ``str.strip`` leaves nothing of, for DuckDB, whose own idea of white space is narrower."""


def normal_text(text: str) -> str:
    """Return ``text`` in Unicode NFC, with every run of white space as one space."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


def full_prompt(prefix: str | None, prompt: str, suffix: str | None) -> str:
    """Join a prompt with its character's prefix and suffix by single spaces."""
    return " ".join(part for part in (prefix, prompt, suffix) if part)


def full_prompt_sql(prefix: str, prompt: str, suffix: str) -> str:
    """The same as an SQL expression."""
    parts = ", ".join(f"nullif({part}, '')" for part in (prefix, prompt, suffix))
    return f"concat_ws(' ', {parts})"
