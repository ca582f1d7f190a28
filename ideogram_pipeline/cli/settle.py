"""`ideogram-pipeline settle`: what only a person can decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ideogram_pipeline.cli.output import counted, print_table

if TYPE_CHECKING:
    from ideogram_pipeline.generation.attempt import Attempt
    from ideogram_pipeline.generation.settlement import Questions


@click.command("settle")
@click.argument("attempt", type=int, required=False)
@click.option("--job", "job_id", metavar="ID", help="It was accepted: this is its job.")
@click.option(
    "--not-accepted", is_flag=True, help="It was never accepted: let the picture be bought."
)
@click.option(
    "--buy-again", is_flag=True, help="It was paid and is lost: let the picture be bought again."
)
@click.option(
    "--journal-lost",
    is_flag=True,
    help="After a lost journal: none of the account's jobs that cannot be told apart is ours.",
)
def command(
    attempt: int | None,
    job_id: str | None,
    not_accepted: bool,
    buy_again: bool,
    journal_lost: bool,
) -> None:
    """Show what waits for a person, or decide it. Spends nothing by itself.

    `unresolved`: the answer to a paid request was lost, and the provider's records no longer tell
    whether a job was made. `expired`: the picture was paid, and the provider deleted it before it
    was fetched. Neither is ever bought again unasked; look at the account's job list, then say.

    \b
    Examples:
      ideogram-pipeline settle                    what waits
      ideogram-pipeline settle 12 --job 8c1f...   attempt 12 became this job
      ideogram-pipeline settle 12 --not-accepted  it never became one
      ideogram-pipeline settle 15 --buy-again     paid and lost: pay again
    """  # noqa: D301 (click's mark for lines that are not to be wrapped)
    from ideogram_pipeline.generation import settlement
    from ideogram_pipeline.generation.publication import publish_books
    from ideogram_pipeline.settings import Settings

    settings = Settings.load()
    answers = [job_id is not None, not_accepted, buy_again, journal_lost]
    if sum(answers) > 1 or (attempt is None) != (journal_lost or not any(answers)):
        raise click.UsageError(
            "Name one attempt and one of --job, --not-accepted and --buy-again; or --journal-lost "
            "alone; or nothing, to see what waits."
        )
    if journal_lost:
        settlement.forget_lost_journal(settings)
        click.echo("Noted. The next run buys what is not in the journal.")
        return
    if attempt is None:
        _show(settlement.questions(settings))
        return
    if job_id is not None:
        done = settlement.was_accepted(settings, attempt, job_id)
        click.echo(f"{_name(done)} is job {job_id}: booked. The next run fetches it.")
    elif not_accepted:
        done = settlement.was_not_accepted(settings, attempt)
        click.echo(f"{_name(done)} was not paid. The next run buys it for {_price(done)}.")
    else:
        done = settlement.buy_again(settings, attempt)
        click.echo(f"The next run buys {_name(done)} again, for another {_price(done)}.")
    published = publish_books(settings, characters=[done.character_id])
    if published.reason:
        click.echo(published.reason, err=True)


def _show(waiting: Questions) -> None:
    if waiting.attempts:
        print_table(
            ("attempt", "picture", "state", "credits", "sent (UTC)", "job", "why"),
            [
                (
                    str(attempt.id),
                    _name(attempt),
                    attempt.state,
                    attempt.credits,
                    f"{attempt.intended_at:%Y-%m-%d %H:%M}",
                    attempt.job_id,
                    attempt.error,
                )
                for attempt in waiting.attempts
            ],
            numbers=("attempt", "credits"),
        )
    if waiting.journal_lost:
        click.echo(
            "The journal was lost. Pictures that may be paid already are not bought until a run "
            "has told the account's jobs apart, or until you say `settle --journal-lost`."
        )
    if not waiting.attempts and not waiting.journal_lost:
        click.echo("Nothing waits for a person.")


def _name(attempt: Attempt) -> str:
    return f"{attempt.prompt_id} variation {attempt.variation}, {attempt.edition}"


def _price(attempt: Attempt) -> str:
    return counted(attempt.credits, "credit")
