"""What can go wrong when asking the provider, sorted by what the caller can do about it.

    ProviderError             the request was refused for good: read the message
    ├── KeyRefused            401, 403: mend the key; no other request will fare better
    ├── NotFound              404: no such job, or another account's
    ├── Malformed             readable JSON, but not what the API promises: mend the client
    ├── Gone                  404, 410 on a result file: purged; asking again brings nothing
    ├── HostNotAllowed        a result file on a host that nobody allowed
    ├── TooLarge              a result file over the limit
    └── Transient             429, 5xx, timeouts, broken answers: ask again later
        └── Unreachable       no connection at all: nothing was sent

Submitting raises none of these: it has an outcome (``apiframe.model``). No error holds a request,
a header or the key, in its text or in its chain, and all of them survive pickling, because Dagster
carries them from process to process.
"""

from __future__ import annotations

from ideogram_pipeline.errors import PipelineError


class ProviderError(PipelineError):
    """The provider refused a request; ``str(error)`` is the whole message.

    Only ``message`` is positional, so that the default pickling of exceptions (class, ``args``,
    ``__dict__``) restores the message and the field.

    Args:
        message: What is wrong, and what to do.
        request_id: The provider's own name of the request, for a question to its support.
        retry_after: Seconds that the provider asks to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{message} [request {request_id}]" if request_id else message)
        self.retry_after = retry_after
        """Seconds that the provider asks to wait; ``None`` when it does not say."""


class KeyRefused(ProviderError):
    """The key is wrong, inactive, or not allowed to do this."""


class NotFound(ProviderError):
    """There is no such thing for this key."""


class Malformed(ProviderError):
    """An answer that is JSON but lacks what the API promises."""


class Gone(ProviderError):
    """The result file is no longer there."""


class HostNotAllowed(ProviderError):
    """A result address points to a host that is not on the list of allowed ones."""


class TooLarge(ProviderError):
    """A result file is larger than allowed."""


class Transient(ProviderError):
    """Trouble that time may mend; the same question may be asked again."""


class Unreachable(Transient):
    """No connection could be made; nothing was sent."""
