"""Text as it is sent: one normal form, so that the same words are always the same bytes."""

from __future__ import annotations

import unicodedata


def normal_text(text: str) -> str:
    """Return ``text`` in Unicode NFC, with every run of white space as one space."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


def full_prompt(prefix: str | None, prompt: str, suffix: str | None) -> str:
    """Join a prompt with its character's prefix and suffix by single spaces."""
    return " ".join(part for part in (prefix, prompt, suffix) if part)
