"""`ideogram-pipeline sql`: a read-only question to the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ideogram_pipeline.warehouse import Result


@click.command("sql")
@click.argument("sql")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How the answer is written.",
)
def command(sql: str, form: str) -> None:
    """Ask the tables, in DuckDB's SQL; nothing can be changed by it.

    There are characters, prompt_catalog, catalog_rejects, generation_plan, generations, images,
    credit_ledger and runs, and the views spend_by_run, spend_by_character, spend_by_day,
    spend_by_month, spend_by_tier, credits_avoided and focus_costs. All times are UTC.

    \b
    Examples:
      ideogram-pipeline sql "FROM spend_by_character"
      ideogram-pipeline sql "SELECT prompt_id, path FROM images" --format csv
      ideogram-pipeline sql "DESCRIBE credit_ledger"
    """  # noqa: D301 (click's mark for lines that are not to be wrapped)
    from ideogram_pipeline.settings import Settings
    from ideogram_pipeline.warehouse import query

    result = query(Settings.load().warehouse_path, sql)
    {"table": _print_table, "csv": _print_csv, "json": _print_json}[form](result)


def _print_table(result: Result) -> None:
    from ideogram_pipeline.cli.output import print_table

    numbers = {
        name
        for index, name in enumerate(result.columns)
        if any(_is_number(row[index]) for row in result.rows)
    }
    # As text, so that a year is not given a thousands separator.
    rows = [[None if value is None else str(_cell(value)) for value in row] for row in result.rows]
    print_table(result.columns, rows, numbers=numbers)


def _print_csv(result: Result) -> None:
    import csv
    import io

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows(map(_cell, row) for row in result.rows)
    click.echo(text.getvalue(), nl=False)


def _print_json(result: Result) -> None:
    import json

    columns: list[str] = []
    for name in result.columns:
        # An object cannot have two members of one name.
        twins = result.columns[: len(columns)].count(name)
        columns.append(f"{name}_{twins}" if twins else name)
    rows = [dict(zip(columns, row, strict=True)) for row in result.rows]
    click.echo(json.dumps(rows, default=_plain, ensure_ascii=False, indent=2))


def _is_number(value: object) -> bool:
    from decimal import Decimal

    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(value: object) -> object:
    """The value as one cell; a list or a structure becomes JSON."""
    import json

    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return _plain(value)


def _plain(value: object) -> object:
    """The value as text that other programs read, where it has no form of its own in them."""
    from datetime import date, datetime, time
    from decimal import Decimal

    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, str | int | float) else str(value)
