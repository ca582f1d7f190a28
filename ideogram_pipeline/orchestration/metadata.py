"""What Dagster's UI shows beside an asset: table definitions, counts, troubles, pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import duckdb

from ideogram_pipeline.settings import Settings
from ideogram_pipeline.warehouse import Published, query, schema
from ideogram_pipeline.warehouse.reading import HeldError

if TYPE_CHECKING:
    from ideogram_pipeline.catalog.model import Catalog, Remark
    from ideogram_pipeline.generation.report import CharacterReport, RunReport, Trouble
    from ideogram_pipeline.planning.model import PlanEntry
    from ideogram_pipeline.planning.plan import Plan

Metadata = dict[str, str | int | float | dg.MetadataValue | dg.TableSchema]

MOST_ROWS = 50
"""Rows of a table in metadata; the warehouse has all of them."""
MOST_TILES = 12
"""Pictures on a contact sheet."""
MOST_SHEET_BYTES = 22_000
"""Of a contact sheet; Base64 makes 30 kB of it, which Dagster stores with every event."""


def table_definition(table: str) -> Metadata:
    """The name of a warehouse table and its columns with types and meanings, as its DDL says."""
    return {
        "dagster/table_name": table,
        "dagster/column_schema": dg.TableSchema(_columns()[table]),
        "documentation": dg.MetadataValue.path("docs/tables.md"),
    }


@cache
def _columns() -> Mapping[str, list[dg.TableColumn]]:
    columns: dict[str, list[dg.TableColumn]] = {}
    with duckdb.connect(":memory:") as connection:
        schema.create(connection)
        rows = connection.execute(
            "SELECT table_name, column_name, data_type, comment, is_nullable FROM duckdb_columns()"
            " WHERE NOT internal ORDER BY table_name, column_index"
        ).fetchall()
    for table, name, data_type, comment, nullable in rows:
        constraints = dg.TableColumnConstraints(nullable=nullable)
        column = dg.TableColumn(name, data_type, description=comment, constraints=constraints)
        columns.setdefault(table, []).append(column)
    return columns


def of_catalog(catalog: Catalog) -> Metadata:
    """Counts of a catalog, and the rows that were refused or are asked about."""
    found: Metadata = {
        "source": catalog.source,
        "dagster/row_count": len(catalog.prompts),
        "rows": len(catalog.prompts),
        "rejects": len({(reject.file, reject.line) for reject in catalog.rejects}),
        "questions": len(catalog.questions),
    }
    if catalog.rejects:
        found["rejected_rows"] = _remarks_table(catalog.rejects)
    if catalog.questions:
        found["questioned_rows"] = _remarks_table(catalog.questions)
    return found


def _remarks_table(remarks: Sequence[Remark]) -> dg.MarkdownMetadataValue:
    return markdown_table(
        ("file", "line", "column", "value", "reason"),
        [(r.file, r.line, r.column, r.value, r.reason) for r in remarks],
    )


def of_plan(plan: Plan, character_id: str) -> Metadata:
    """What a plan will do for one character, and its price in credits."""
    from ideogram_pipeline.planning.plan import Share

    share = plan.shares.get(character_id) or Share()
    do = share.decisions
    told: list[PlanEntry] = []
    if share.images > do["reuse"]:
        told += plan.entries(
            "generate", "resume", "blocked", character=character_id, most=MOST_ROWS
        )
    return {
        "dagster/partition_row_count": share.images,
        "quote": share.quote,
        "images_to_generate": do["generate"],
        "images_to_resume": do["resume"],
        "images_to_reuse": do["reuse"],
        "images_blocked": do["blocked"],
        "what_and_why": markdown_table(
            ("prompt", "variation", "edition", "decision", "reason", "credits"),
            [
                (
                    entry.prompt_id,
                    entry.variation,
                    entry.edition,
                    entry.decision,
                    entry.reason,
                    entry.credits,
                )
                for entry in told
            ],
            rows_in_all=share.images - do["reuse"],
        ),
    }


def of_run(report: RunReport) -> Metadata:
    """What is true of a whole run, whatever the number of its characters."""
    found: Metadata = {
        "run_id": report.run_id,
        "provider": report.provider,
        "seconds": round(report.seconds, 1),
        "requests": report.requests,
    }
    if made := report.count("made"):
        found["requests_per_image"] = round(report.requests / made, 2)
    if report.balance_after is not None:
        found["balance_after"] = report.balance_after
    return found


def of_character(report: CharacterReport) -> Metadata:
    """The counts of one character in one run, and the pictures that did not come home."""
    found: Metadata = {
        "dagster/partition_row_count": report.count("made") + report.count("reused"),
        "images_made": report.count("made"),
        "images_reused": report.count("reused"),
        "images_deferred": report.count("deferred"),
        "images_running": report.count("running"),
        "images_failed": report.count("failed"),
        "images_blocked": report.count("blocked"),
        "credits": report.credits,
        "credits_avoided": report.credits_avoided,
    }
    if report.troubles:
        found["not_brought_home"] = troubles_table(report.troubles)
    if not report.planned:
        found["note"] = "Nothing is planned: it has no enabled prompt, or it left the catalog."
    return found


def troubles_table(troubles: Sequence[Trouble]) -> dg.MarkdownMetadataValue:
    """The pictures that did not come home, and why."""
    return markdown_table(
        ("prompt", "variation", "edition", "fate", "reason"),
        [(t.prompt_id, t.variation, t.edition, t.fate, t.reason) for t in troubles],
    )


def sheets_of(settings: Settings, characters: Sequence[str]) -> dict[str, Metadata]:
    """The newest pictures of each character as one small picture; none for who has none."""
    newest: defaultdict[str, list[Path]] = defaultdict(list)
    for character, path in query(
        settings.warehouse_path,
        "SELECT character_id, path FROM images WHERE list_contains(?, character_id)"
        " QUALIFY row_number() OVER (PARTITION BY character_id ORDER BY created_at DESC, path)"
        f" <= {MOST_TILES} ORDER BY created_at DESC, path",
        (list(characters),),
    ).rows:
        newest[str(character)].append(settings.folder / str(path))
    return {character: _sheet(character, files) for character, files in newest.items()}


def _sheet(character_id: str, files: Sequence[Path]) -> Metadata:
    from ideogram_pipeline.gallery.contact_sheet import as_markdown, contact_sheet

    sheet = contact_sheet(files, max_bytes=MOST_SHEET_BYTES)
    return {"contact_sheet": dg.MetadataValue.md(as_markdown(sheet, f"Pictures of {character_id}"))}


def of_published(settings: Settings, published: Published) -> Metadata:
    """Where the table is, and whether somebody else's session kept it from being renewed."""
    found: Metadata = {"warehouse": dg.MetadataValue.path(settings.warehouse_path)}
    if published.lag or published.reason:
        found["publishing"] = published.reason
    return found


@contextmanager
def unless_held(found: Metadata) -> Iterator[None]:
    """Do what needs the warehouse; if somebody holds it for writing, say so in ``found`` instead.

    What is bought is in the journal and on disk by then, and somebody's open session must not make
    a failure of it. Recipes, pages and sums are made up for by the next run.
    """
    try:
        yield
    except HeldError as error:
        found["left_out"] = str(error)


def markdown_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], rows_in_all: int | None = None
) -> dg.MarkdownMetadataValue:
    """Write rows as a Markdown table of at most ``MOST_ROWS`` rows.

    Args:
        columns: Headings.
        rows: Of which the first are shown.
        rows_in_all: Their number, if these are not all of them.
    """
    number = len(rows) if rows_in_all is None else rows_in_all
    lines = [_line(columns), _line(["---"] * len(columns))]
    lines += [_line(row) for row in rows[:MOST_ROWS]]
    if number > MOST_ROWS:
        lines += ["", f"... and {number - MOST_ROWS:,} more."]
    return dg.MetadataValue.md("\n".join(lines))


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    text = " ".join(str(value).split())[:300]
    for special in "\\|<>`":
        text = text.replace(special, f"\\{special}")
    return text
