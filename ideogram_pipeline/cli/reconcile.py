"""`ideogram-pipeline reconcile`: our ledger against the provider's own records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ideogram_pipeline.cli.output import counted, print_table

if TYPE_CHECKING:
    from ideogram_pipeline.generation.reconciliation import Orphan, Reconciliation


@click.command("reconcile")
def command() -> None:
    """Compare the ledger with the provider's own records, job by job. Spends nothing.

    It looks at every job of the account since our first one, 100 a request. The asset
    `reconciliation`, which is part of each run, looks only at those since all last agreed, so a
    price that the provider has changed later is found here alone.

    A job of the account that our journal does not know is an orphan: it is shown with its cost, and
    adopted when it was made for a picture of the catalog, so that the next run fetches it instead
    of buying it. That happens after a journal was lost, or where two share an account.

    \b
    Examples:
      ideogram-pipeline reconcile
      ideogram-pipeline reconcile || mail -s "the books differ" finance@example.com

    \b
    Exit codes:
      0  every job is in the ledger, at the provider's price, or a run will bring it there
      4  something differs, is an orphan, or waits for a person
    """  # noqa: D301 (click's mark for lines that are not to be wrapped)
    from ideogram_pipeline.catalog.reading import read_catalog
    from ideogram_pipeline.generation.publication import publish_books
    from ideogram_pipeline.generation.reconciliation import reconcile
    from ideogram_pipeline.settings import Settings

    settings = Settings.load()
    found = reconcile(settings, read_catalog(settings.catalog), whole=True)
    _show(found)
    if found.adopted:
        published = publish_books(settings)
        if published.reason:
            click.echo(published.reason, err=True)
    if found.orphans or found.drift or found.unresolved:
        raise click.exceptions.Exit(4)


def _show(found: Reconciliation) -> None:
    charged = found.provider_charged
    lines = [
        ("jobs of the account since our first", found.jobs_seen),
        ("of these in our ledger", found.matched),
        ("credits in our ledger", found.ledger_net),
        (
            "credits by the provider for the same jobs",
            "not all told" if charged is None else charged,
        ),
        ("difference", "unknown" if found.drift is None else found.drift),
        ("credits of which it is not known whether they were taken", found.unknown_credits),
        ("attempts that wait for a person", found.unresolved),
        ("balance of the account", "not told" if found.balance is None else found.balance),
    ]
    print_table(("what", "number"), lines, numbers=("number",))
    if found.adopted:
        click.echo(
            f"{counted(len(found.adopted), 'orphan')} adopted: paid before, and booked now. "
            "`ideogram-pipeline run` fetches the pictures."
        )
    if found.orphans:
        click.echo("Orphans: paid from this account, made for nothing that is planned here:")
        _show_jobs(found.orphans)
    if found.in_doubt:
        click.echo(
            "Jobs of attempts in doubt: the next run settles them, or the one that is at work. One "
            "that waits for a person: `ideogram-pipeline settle ATTEMPT --job JOB`."
        )
        _show_jobs(found.in_doubt)
    if found.missing:
        click.echo(
            f"{counted(len(found.missing), 'job')} of ours that the provider no longer lists: "
            + ", ".join(found.missing)
        )
    if found.unresolved:
        click.echo("`ideogram-pipeline settle` shows what waits for a person.")


def _show_jobs(jobs: tuple[Orphan, ...]) -> None:
    print_table(
        ("job", "created (UTC)", "status", "credits", "attempt"),
        [
            (
                job.job_id,
                f"{job.created_at:%Y-%m-%d %H:%M}" if job.created_at else None,
                job.status,
                job.credit_cost,
                job.attempt,
            )
            for job in jobs
        ],
        numbers=("credits", "attempt"),
    )
