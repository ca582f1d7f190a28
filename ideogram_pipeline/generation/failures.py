"""Reading a failed job's error text. There is no machine code, so words have to do.

The texts come from the provider's documentation ("Provider returned an error: content policy
violation") and from public reports ("provider_error", "provider_timeout", "No available capacity").
An input that could not be fetched is one whose upload has expired; it is uploaded anew.
"""

from __future__ import annotations

_REFUSALS = (
    "content policy",
    "copyright",
    "flagged",
    "inappropriate",
    "moderat",
    "not allowed",
    "nsfw",
    "policy violation",
    "prohibited",
    "safety",
    "sensitive",
    "unsafe",
)
_FAULTS = (
    "available capacity",
    "could not fetch",
    "internal",
    "overload",
    "provider error",
    "provider returned an error",
    "rate limit",
    "retry",
    "temporar",
    "time out",
    "timed out",
    "timeout",
    "unavailable",
)


def is_content_refusal(error: str | None) -> bool:
    """Whether the picture itself was refused, so that asking again is vain."""
    return _mentions(error, _REFUSALS)


def is_provider_fault(error: str | None) -> bool:
    """Whether the provider failed by its own words, so that asking again at once makes sense."""
    return _mentions(error, _FAULTS) and not is_content_refusal(error)


def _mentions(error: str | None, words: tuple[str, ...]) -> bool:
    text = (error or "").lower().replace("_", " ")
    return any(word in text for word in words)
