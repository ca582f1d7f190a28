"""`ideogram-pipeline publish`: the DuckDB file from the journal, without a run."""

from __future__ import annotations

import click

from ideogram_pipeline.cli.errors import give_up
from ideogram_pipeline.cli.output import counted


@click.command("publish")
def command() -> None:
    """Bring the DuckDB file up to date with the journal and the catalog. Spends nothing.

    The recipe of a picture that has none beside it, or another one, is written too.

    Every run does so at its end. This is for when the file was deleted, or was held open in another
    program while a run ended: the journal has every row, so the file is built anew from it. The
    table generation_plan comes with the next run.

    \b
    Examples:
      ideogram-pipeline publish
      ideogram-pipeline publish && ideogram-pipeline sql "FROM spend_by_month"

    \b
    Exit codes:
      0  published
      3  another program still has the file open for writing: close it there and try again
    """  # noqa: D301 (click's mark for lines that are not to be wrapped)
    from ideogram_pipeline import warehouse
    from ideogram_pipeline.catalog.reading import read_catalog
    from ideogram_pipeline.generation.publication import publish_books, publish_catalog
    from ideogram_pipeline.reproduction.recipe import write_recipes
    from ideogram_pipeline.settings import Settings

    settings = Settings.load()
    for published in (
        publish_books(settings),
        publish_catalog(settings, read_catalog(settings.catalog)),
    ):
        if published.reason:
            click.echo(published.reason, err=True)
        if published.lag:
            give_up("The journal has every row; nothing is lost.", 3)
    write_recipes(settings)
    asked = "SELECT (SELECT count(*) FROM images), (SELECT count(*) FROM credit_ledger)"
    images, entries = warehouse.query(settings.warehouse_path, asked).rows[0]
    click.echo(
        f"{settings.warehouse_path}: {counted(int(str(images)), 'picture')}, "
        f"{int(str(entries)):,} entries of the ledger."
    )
