"""The list of commands, and what happens to the errors of each."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from ideogram_pipeline import __version__
from ideogram_pipeline.cli.errors import as_told_to_people

SHORT_HELP = {
    "plan": "What would be made, why, and the exact price. Spends nothing.",
    "run": "Make what the plan says: pictures, tables, gallery, Dagster's UI.",
    "reconcile": "The ledger against the provider's own records, job by job.",
    "settle": "What waits for a person: paid or not, lost, buy again.",
    "publish": "The DuckDB file anew from the journal, without a run.",
    "demo": "Run everything on the sandbox, whatever keys are set.",
    "sql": "Ask the tables: pictures, attempts, every credit.",
    "doctor": "Check key, balance, catalog, disk, journal and versions.",
    "sandbox": "A local Apiframe as a server of its own, with faults on demand.",
}
"""Every command: a module of this package with a ``command`` in it."""


class Commands(click.Group):
    """Imports a command when it is typed, and not to list it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's)
        """Names in the order in which a newcomer needs them."""
        return list(SHORT_HELP)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 (click's)
        cmd_name: str,
    ) -> click.Command | None:
        """Import the command."""
        if cmd_name not in SHORT_HELP:
            return None
        command: click.Command = import_module(f"ideogram_pipeline.cli.{cmd_name}").command
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 (click's)
        formatter: click.HelpFormatter,
    ) -> None:
        """List names and short help from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SHORT_HELP.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; its errors become messages."""
        with as_told_to_people(debug=ctx.params["debug"]):
            return super().invoke(ctx)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`ideogram-pipeline COMMAND --help` explains a command with examples. Settings are "
    "environment variables or lines of a .env file, see docs/settings.md.",
)
@click.version_option(__version__, prog_name="ideogram-pipeline")
@click.option("--debug", is_flag=True, help="Show whole tracebacks of errors.")
def cli(debug: bool) -> None:
    """Pictures of your characters from a table of prompts, each bought once and booked.

    \b
    Type first:
      ideogram-pipeline plan     what would be made, and what it costs
      ideogram-pipeline run      make it
      ideogram-pipeline doctor   when something is odd

    Without APIFRAME_API_KEY all of it runs on a local sandbox and spends nothing. With a key, `run`
    shows the price and asks before it spends.
    """  # noqa: D301 (click's mark for lines that are not to be wrapped)
