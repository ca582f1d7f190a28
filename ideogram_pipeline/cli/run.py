"""`ideogram-pipeline run`: make what the plan says, after saying what it costs."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ideogram_pipeline.cli.errors import give_up
from ideogram_pipeline.cli.options import characters_option, edition_option
from ideogram_pipeline.cli.output import counted

if TYPE_CHECKING:
    from ideogram_pipeline.cli.preparing import Prepared


@click.command("run")
@characters_option
@click.option(
    "--max-credits",
    metavar="N",
    type=click.IntRange(min=0),
    help="Spend at most so many credits; what is over it is deferred to the next run.",
)
@edition_option
@click.option("--yes", is_flag=True, help="Spend the quote without asking.")
def command(
    characters: tuple[str, ...],
    max_credits: int | None,
    edition_at: datetime | None,
    yes: bool,
) -> None:
    """Make the pictures that the plan says, and everything that follows from them.

    What earlier runs have paid for is fetched first, then the rest is bought, never twice. Tables,
    gallery and reports follow. With APIFRAME_API_KEY set it spends real credits: it shows the
    quote and asks; where there is no terminal to ask on, it needs --yes. Without a key it runs on
    the sandbox. It may be stopped and started again at any time.

    \b
    Examples:
      ideogram-pipeline run
      ideogram-pipeline run --character mira --max-credits 200
      ideogram-pipeline run --yes --edition-at 2026-12-01      (from cron)

    \b
    Exit codes:
      0  every picture is stored
      3  some are deferred or still being drawn: run again
      4  some failed or are blocked, or the catalog refused rows
      1  an error stopped it       2  wrong usage       130  Ctrl-C
    """  # noqa: D301 (click's mark for lines that are not to be wrapped)
    from ideogram_pipeline.cli.outcome import COLUMNS, conclude
    from ideogram_pipeline.cli.preparing import (
        prepare,
        quote_line,
        show_questions,
        show_rejects,
    )
    from ideogram_pipeline.cli.running import carry_out
    from ideogram_pipeline.settings import Settings

    prepared = prepare(Settings.load(), characters, edition_at)
    show_rejects(prepared.rejects)
    show_questions(prepared.questions)
    click.echo(f"{_counts(prepared)} {quote_line(prepared.plan)}.")
    if prepared.settings.mode == "live":
        max_credits = _agree(prepared, max_credits, yes=yes)
    elif prepared.settings.uses_embedded_sandbox:
        click.echo("No APIFRAME_API_KEY: running on the sandbox, nothing is spent.")
    else:
        click.echo(f"Sandbox key: running on {prepared.settings.base_url}, nothing is spent.")

    conclude(prepared, carry_out(prepared, max_credits), list(COLUMNS))


def _counts(prepared: Prepared) -> str:
    plan = prepared.plan
    blocked = f", {plan.count('blocked'):,} blocked" if plan.count("blocked") else ""
    return (
        f"{counted(plan.count('generate'), 'picture')} to buy, {plan.count('resume'):,} to fetch, "
        f"{plan.count('reuse'):,} on file{blocked}."
    )


def _agree(prepared: Prepared, max_credits: int | None, *, yes: bool) -> int:
    """Say what will be spent and ask for it; the answer is the most that the run may spend.

    Should the catalog change between the question and the run, what is more than agreed is
    deferred.

    Raises:
        ProviderError: The key is refused, or the provider is out of reach.
        click.exceptions.Exit: No terminal to ask on, or the answer is no; nothing was bought.
    """
    from ideogram_pipeline.generation.account import account_balance

    limits = (prepared.plan.quote, max_credits, prepared.settings.max_credits_per_run)
    most = min(limit for limit in limits if limit is not None)
    if not most:
        return most
    balance = account_balance(prepared.settings).credits
    if balance is not None and balance - prepared.settings.balance_floor < most:
        click.echo(
            f"The balance of {counted(balance, 'credit')} does not cover all of it: the rest will "
            "be deferred.",
            err=True,
        )
    of = "" if balance is None else f" of {balance:,}"
    if yes:
        click.echo(f"Spending {most:,}{of} credits.")
    elif not sys.stdin.isatty():
        give_up(
            f"Error: this would spend {most:,}{of} credits, and there is no terminal to ask on. "
            "Add --yes to spend them. Nothing was bought."
        )
    elif not click.confirm(f"Spend {most:,}{of} credits?"):
        give_up("Nothing was bought.")
    return most
