"""What can go wrong, told to people.

    PipelineError             base; its text is the whole message a user sees
    ├── ConfigurationError    a setting or an environment variable is wrong
    ├── CatalogError          the catalog cannot be read at all (a bad row is a Reject instead)
    ├── StorageError          a file, folder or database cannot be read or written
    └── ProviderError         the provider refused us or is out of reach (``apiframe.errors``)

Each message says what is wrong, where, and what to do now. The command line prints it without a
traceback and ends with exit code 1.
"""


class PipelineError(Exception):
    """An error that a person can act on; ``str(error)`` is the message they read."""


class ConfigurationError(PipelineError):
    """A setting is missing, malformed or contradicts another."""


class CatalogError(PipelineError):
    """The catalog cannot be read at all: a missing file, an unknown column, a wrong encoding."""


class StorageError(PipelineError):
    """A folder, file or database of ours cannot be read or written."""
