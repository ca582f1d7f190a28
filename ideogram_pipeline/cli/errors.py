"""Errors on the terminal: a text for people, and an exit code for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from ideogram_pipeline.errors import PipelineError

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


def give_up(message: str, exit_code: int = 1) -> NoReturn:
    """End the command with a message on stderr."""
    click.echo(message, err=True)
    raise click.exceptions.Exit(exit_code)


def give_up_stopped() -> NoReturn:
    """End the command as Ctrl-C does."""
    give_up(
        "Stopped. Nothing is lost: what was paid is in the journal. `ideogram-pipeline run` "
        "fetches it and goes on; no picture is bought twice.",
        INTERRUPTED,
    )


@contextmanager
def as_told_to_people(*, debug: bool) -> Iterator[None]:
    """Turn what a command raises into a message and an exit code.

    Args:
        debug: Let every error through, with its traceback.
    """
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        give_up_stopped()
    except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
        raise
    except PipelineError as error:
        if debug:
            raise
        give_up(f"Error: {error}")
    except Exception as error:
        # Whatever it is: a person gets one line, and a developer the way to all of it.
        if debug:
            raise
        said = " ".join(f"{type(error).__name__}: {error}".split())
        give_up(
            f"Unexpected error: {said}\n"
            "Run `ideogram-pipeline --debug ...` for the whole traceback."
        )
