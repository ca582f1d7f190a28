"""What came of a run: a table, the reasons of what is missing, where things are, an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from ideogram_pipeline.cli.errors import give_up, give_up_stopped
from ideogram_pipeline.cli.output import counted, one_line, print_table

if TYPE_CHECKING:
    from ideogram_pipeline.cli.preparing import Prepared
    from ideogram_pipeline.generation.report import Fate, RunReport
    from ideogram_pipeline.orchestration.launch import Launch
    from ideogram_pipeline.settings import Settings

MOST_TROUBLES = 20

COLUMNS: dict[str, tuple[Fate, ...]] = {
    "new": ("made",),
    "reused": ("reused",),
    "deferred": ("deferred", "running"),
    "failed": ("failed", "blocked"),
}
"""What the table of a run counts under each heading."""


def conclude(prepared: Prepared, launch: Launch, columns: Sequence[str]) -> NoReturn:
    """Show what came of the runs, and end the command.

    Args:
        prepared: What was to be done.
        launch: How the runs ended.
        columns: Those of ``COLUMNS`` that the table is to have.

    Raises:
        click.exceptions.Exit: 0 every picture is stored; 3 one was deferred or is still being
            drawn; 4 one failed or is blocked, or the catalog refused a row; 1 an error stopped a
            run; 130 Ctrl-C did.
    """
    if launch.reports:
        _show_table(prepared, launch.reports, columns)
        _show_troubles(launch.reports)
        _show_places(prepared.settings)
    for check in launch.failed_checks:
        click.echo(f"Check not passed: {one_line(check)}", err=True)
    if launch.interrupted:
        give_up_stopped()
    if not launch.success:
        reasons = "\n".join(dict.fromkeys(launch.failures))
        give_up(
            f"Error: {reasons}\n"
            "What was paid is in the journal. When this is mended, run the same command again."
        )
    code = max((report.exit_code for report in launch.reports), default=0)
    if code == 3:
        click.echo("Run the same command again to go on with what was deferred.", err=True)
    raise click.exceptions.Exit(4 if prepared.rejects else code)


def _show_table(prepared: Prepared, reports: Sequence[RunReport], columns: Sequence[str]) -> None:
    found = {name: report for one in reports for name, report in one.characters.items()}
    # In the order of the catalog, as in the plan.
    found = {name: found[name] for name in (*prepared.characters, *found) if name in found}
    numbers = [
        [*(sum(map(report.count, COLUMNS[column])) for column in columns), report.credits]
        for report in found.values()
    ]
    headings = ("character", *columns, "credits")
    rows = [[name, *counts] for name, counts in zip(found, numbers, strict=True)]
    if not rows:
        click.echo("Nothing is planned: no row of the catalog is enabled and fit to use.")
        return
    total = ["total", *map(sum, zip(*numbers, strict=True))]
    print_table(headings, rows, numbers=headings[1:], total=total)

    new = sum(report.count("made") for report in reports)
    reused = sum(report.count("reused") for report in reports)
    net = sum(report.credits for report in reports)
    if new or net:
        click.echo(
            f"{counted(new, 'new picture')}, {reused:,} reused, {counted(net, 'credit')} spent."
        )
    else:
        click.echo(f"Nothing was bought: {counted(reused, 'picture')} reused, 0 credits spent.")


def _show_troubles(reports: Sequence[RunReport]) -> None:
    troubles = [trouble for report in reports for trouble in report.troubles]
    for trouble in troubles[:MOST_TROUBLES]:
        click.echo(
            f"{trouble.fate}: {trouble.prompt_id} variation {trouble.variation}, "
            f"{trouble.edition} ({trouble.character_id}): {one_line(trouble.reason)}",
            err=True,
        )
    if len(troubles) > MOST_TROUBLES:
        click.echo(
            f"... and {len(troubles) - MOST_TROUBLES:,} more: `ideogram-pipeline plan` says why",
            err=True,
        )


def _show_places(settings: Settings) -> None:
    places = {
        "Pictures": settings.images_folder,
        "Gallery": settings.gallery_folder / "index.html",
        "Spend report": settings.report_path,
        "DuckDB file": settings.warehouse_path,
    }
    click.echo()
    for name, place in places.items():
        if place.exists():
            click.echo(f"{name + ':':<14}{place}")
    click.echo(f"{'Dagster UI:':<14}make dev")
