"""The command line: what people type, and scripts call.

``main`` starts it, ``commands`` lists the commands, each of which is a module of its own and is
imported only when it is typed.
"""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command that was typed; never returns."""
    from ideogram_pipeline.cli.commands import cli

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A letter that this terminal cannot show must not end a run that costs money.
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="ideogram-pipeline")
