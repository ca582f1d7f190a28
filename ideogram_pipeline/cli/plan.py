"""`ideogram-pipeline plan`: the quote and the reasons for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ideogram_pipeline.cli.options import characters_option, edition_option
from ideogram_pipeline.cli.output import counted, one_line, print_table
from ideogram_pipeline.cli.preparing import (
    MOST_ROWS,
    Prepared,
    prepare,
    quote_line,
    show_questions,
    show_rejects,
)

if TYPE_CHECKING:
    from ideogram_pipeline.apiframe.model import RenderingSpeed
    from ideogram_pipeline.catalog.model import Remark
    from ideogram_pipeline.planning.model import Decision
    from ideogram_pipeline.planning.plan import Plan, Share
    from ideogram_pipeline.settings import Settings

_SPEEDS: tuple[RenderingSpeed, ...] = ("turbo", "default", "quality")
_DECISIONS: tuple[Decision, ...] = ("generate", "resume", "reuse", "blocked")


@click.command("plan")
@characters_option
@edition_option
@click.option("--all", "show_all", is_flag=True, help="List every row, however many.")
@click.option("--json", "as_json", is_flag=True, help="Everything, for programs.")
def command(
    characters: tuple[str, ...], edition_at: datetime | None, show_all: bool, as_json: bool
) -> None:
    """Show what would be made, why, and the exact price. Spends nothing.

    Each prompt, variation and edition is one picture. It is bought once: a picture that is on file
    is reused, one that is paid and not yet fetched is resumed. The quote is what `run` will cost,
    to the credit. Rows that the catalog refuses, or that it asks about, come first,
    on stderr.

    \b
    Examples:
      ideogram-pipeline plan
      ideogram-pipeline plan --character mira --edition-at 2026-12-01
      ideogram-pipeline plan --json | jq .quote
    """  # noqa: D301 (click's mark for lines that are not to be wrapped)
    from ideogram_pipeline.settings import Settings

    prepared = prepare(Settings.load(), characters, edition_at)
    balance = _balance(prepared.settings)
    if as_json:
        if isinstance(balance, str):
            click.echo(_about_balance(prepared, balance), err=True)
        click.echo(json.dumps(_as_json(prepared, balance), ensure_ascii=False, indent=2))
        return
    most = None if show_all else MOST_ROWS
    show_rejects(prepared.rejects, most)
    show_questions(prepared.questions, most)
    _show(prepared, most)
    click.echo(quote_line(prepared.plan))
    click.echo(_about_balance(prepared, balance))
    click.echo(_what_next(prepared, characters, edition_at))


def _balance(settings: Settings) -> int | str:
    """The account's credits, or why they are not known."""
    from ideogram_pipeline.errors import PipelineError
    from ideogram_pipeline.generation.account import account_balance

    try:
        left = account_balance(settings).credits
    except PipelineError as error:
        return str(error)
    return "the account does not tell it" if left is None else left


def _show(prepared: Prepared, most: int | None) -> None:
    from ideogram_pipeline.planning.plan import Share

    plan = prepared.plan
    shares = _shares(prepared)
    columns = ("character", "new", "resumed", "reused", "blocked", *_SPEEDS, "credits")
    rows = [[name, *_numbers(share)] for name, share in shares.items()]
    totals = map(sum, zip(_numbers(Share()), *map(_numbers, shares.values()), strict=True))
    print_table(columns, rows[:most], numbers=columns[1:], total=["total", *totals])
    _say_rest(len(rows), most)

    if bought := plan.count("generate"):
        click.echo("To be bought:")
        lines = [
            (
                entry.prompt_id,
                entry.variation,
                entry.edition,
                entry.rendering_speed,
                entry.credits,
                entry.reason,
            )
            for entry in plan.entries("generate", most=most)
        ]
        headings = ("prompt", "variation", "edition", "tier", "credits", "reason")
        print_table(headings, lines, numbers=("variation", "credits"))
        _say_rest(bought, most)

    if blocked := plan.count("blocked"):
        click.echo("Blocked, until a person decides:")
        for entry in plan.entries("blocked", most=most):
            name = f"{entry.prompt_id} variation {entry.variation}, {entry.edition}"
            click.echo(f"  {name}: {one_line(entry.reason)}")
        _say_rest(blocked, most)


def _say_rest(rows: int, most: int | None) -> None:
    if most is not None and rows > most:
        click.echo(f"... and {rows - most:,} more (--all)")
    click.echo()


def _shares(prepared: Prepared) -> dict[str, Share]:
    """The share of each character, also of one for which nothing is planned."""
    from ideogram_pipeline.planning.plan import Share

    return {name: prepared.plan.shares.get(name) or Share() for name in prepared.characters}


def _numbers(share: Share) -> list[int]:
    decided = [share.decisions[decision] for decision in _DECISIONS]
    return [*decided, *(share.speeds[speed] for speed in _SPEEDS), share.quote]


def _about_balance(prepared: Prepared, balance: int | str) -> str:
    if isinstance(balance, str):
        return f"Balance unknown: {one_line(balance)}"
    quote, floor = prepared.plan.quote, prepared.settings.balance_floor
    if balance - quote >= floor or not quote:
        return f"Balance: {counted(balance, 'credit')}, {balance - quote:,} afterwards"
    kept = f", of which {floor:,} are not to be touched" if floor else ""
    return (
        f"Balance: {counted(balance, 'credit')}{kept}; a run buys what can be paid and defers "
        "the rest"
    )


def _what_next(prepared: Prepared, characters: tuple[str, ...], edition_at: datetime | None) -> str:
    if not prepared.plan.count("generate") and not prepared.plan.count("resume"):
        return "Nothing to buy and nothing to fetch."
    words = ["ideogram-pipeline run", *(f"--character {name}" for name in characters)]
    if edition_at is not None:
        words.append(f"--edition-at {edition_at.isoformat()}")
    return f"Next: {' '.join(words)}"


def _as_json(prepared: Prepared, balance: int | str) -> dict[str, object]:
    plan = prepared.plan
    known = balance if isinstance(balance, int) else None
    by_speed = plan.credits_by_speed()
    return {
        "mode": prepared.settings.mode,
        "quote": plan.quote,
        "balance": known,
        "balance_after": None if known is None else known - plan.quote,
        "entries": _entries(plan),
        "rejects": _remarks(prepared.rejects),
        "questions": _remarks(prepared.questions),
        "by_character": {
            name: {
                **{decision: share.decisions[decision] for decision in _DECISIONS},
                "credits": share.quote,
            }
            for name, share in _shares(prepared).items()
        },
        "by_speed": {speed: by_speed.get(speed, 0) for speed in _SPEEDS},
    }


def _remarks(remarks: Sequence[Remark]) -> list[dict[str, object]]:
    return [
        {
            "file": remark.file,
            "line": remark.line,
            "column": remark.column,
            "value": remark.value,
            "reason": remark.reason,
            "character_id": remark.character_id,
            "row_id": remark.row_id,
        }
        for remark in remarks
    ]


def _entries(plan: Plan) -> list[dict[str, object]]:
    return [
        {
            "character_id": entry.character_id,
            "prompt_id": entry.prompt_id,
            "variation": entry.variation,
            "edition": entry.edition,
            "decision": entry.decision,
            "reason": entry.reason,
            "credits": entry.credits,
            "rendering_speed": entry.rendering_speed,
            "seed": entry.seed,
            "fingerprint": entry.fingerprint,
            "reproducible": entry.reproducible,
        }
        for entry in plan.entries()
    ]
