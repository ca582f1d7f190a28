"""`ideogram-pipeline doctor`: whether a run would work, and what to mend if not."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

import click

from ideogram_pipeline.cli.output import counted, one_line

if TYPE_CHECKING:
    from pydantic import SecretStr

    from ideogram_pipeline.catalog.model import Catalog
    from ideogram_pipeline.settings import Settings

_PACKAGES = ("ideogram-pipeline", "dagster", "duckdb", "httpx", "aiohttp", "pydantic", "sqlalchemy")
_LITTLE_DISK = 1_000_000_000
"""Bytes; a picture has one or two million."""

Mark = Literal["OK", "!!", "--"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the answer.

    ``!!`` keeps a run from going through; ``--`` is worth knowing.
    """

    mark: Mark
    subject: str
    says: str


@click.command("doctor")
def command() -> None:
    """Look at everything that a run needs, and say what to mend.

    Each line begins with OK, with !! (a run would stop or leave something undone), or with -- (not
    there yet, or worth knowing). The exit code is 0 if a run would go through, else 1. The key
    itself is never shown.

    \b
    Examples:
      ideogram-pipeline doctor
      ideogram-pipeline doctor || mail -s "pictures" team@example.com
    """  # noqa: D301 (click's mark for lines that are not to be wrapped)
    from ideogram_pipeline.errors import PipelineError
    from ideogram_pipeline.settings import Settings

    sick = False
    try:
        for finding in _examine(Settings.load()):
            click.echo(f"{finding.mark}  {finding.subject:<10} {one_line(finding.says)}")
            sick = sick or finding.mark == "!!"
    except PipelineError as error:
        click.echo(f"!!  {'Settings':<10} {one_line(str(error))}")
        sick = True
    if sick:
        raise click.exceptions.Exit(1)


def _examine(settings: Settings) -> Iterator[Finding]:
    yield _versions()
    yield _mode(settings)
    catalog, finding = _catalog(settings)
    yield finding
    yield _home(settings)
    yield _journal(settings)
    quote = _quote(settings, catalog) if catalog else None
    yield from _account(settings, quote)
    yield _warehouse(settings)
    yield _dagster(settings)
    if settings.mode == "live":
        yield Finding("--", "Sandbox", "`make demo` runs on it without spending, whatever is set")
    else:
        yield Finding("--", "Sandbox", "to buy real pictures, set APIFRAME_API_KEY=afk_...")


def _versions() -> Finding:
    found = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return Finding("OK", "Versions", f"Python {sys.version.split()[0]}, {found}")


def _mode(settings: Settings) -> Finding:
    if settings.api_key is None:
        return Finding("OK", "Mode", "sandbox: no APIFRAME_API_KEY is set, nothing is spent")
    if settings.mode == "sandbox":
        return Finding("OK", "Mode", f"sandbox at {settings.base_url}: nothing is spent")
    if not settings.api_key.get_secret_value().startswith("afk_"):
        return Finding("!!", "Mode", "live, but APIFRAME_API_KEY does not begin with afk_")
    return Finding("OK", "Mode", f"live at {settings.base_url}, key afk_…: runs spend credits")


def _catalog(settings: Settings) -> tuple[Catalog | None, Finding]:
    from ideogram_pipeline.catalog.reading import read_catalog
    from ideogram_pipeline.errors import PipelineError

    try:
        catalog = read_catalog(settings.catalog)
    except PipelineError as error:
        return None, Finding("!!", "Catalog", str(error))
    says = (
        f"{settings.catalog}: {counted(len(catalog.characters), 'character')}, "
        f"{counted(len(catalog.prompts), 'prompt')}"
    )
    if catalog.rejects:
        rejected = f"{says}; {counted(len(catalog.rejects), 'problem')} in rows that are not used"
        return catalog, Finding("!!", "Catalog", f"{rejected}: see `ideogram-pipeline plan`")
    return catalog, Finding("OK", "Catalog", says)


def _home(settings: Settings) -> Finding:
    nearest = next(
        folder
        for folder in (settings.folder.absolute(), *settings.folder.absolute().parents)
        if folder.exists()
    )
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Finding(
            "!!",
            "Home",
            f"{settings.folder} cannot be written: {nearest} is not a folder that this user may "
            "write to. Mend that, or set IDEOGRAM_PIPELINE_HOME to another one",
        )
    free = shutil.disk_usage(nearest).free
    says = f"{settings.folder} is writable, {free / 1e9:,.1f} GB free"
    if free < _LITTLE_DISK:
        return Finding("!!", "Home", f"{says}: make room, a picture has one or two MB")
    return Finding("OK", "Home", says)


def _journal(settings: Settings) -> Finding:
    from ideogram_pipeline.errors import PipelineError
    from ideogram_pipeline.generation import schema
    from ideogram_pipeline.generation.guarding import has_journal
    from ideogram_pipeline.generation.settlement import questions

    empty = Finding("--", "Journal", "empty: the first run begins it")
    if not has_journal(settings):
        return empty
    try:
        states, _ = _in_journal(settings)
        lost = questions(settings).journal_lost
    except PipelineError as error:
        return Finding("!!", "Journal", str(error))
    if not states and not lost:
        return empty
    under_way = sum(states.get(state, 0) for state in schema.OPEN)
    for_a_person = sum(states.get(state, 0) for state in (schema.UNRESOLVED, schema.EXPIRED))
    says = (
        f"{counted(sum(states.values()), 'attempt')}, {states.get(schema.STORED, 0):,} stored, "
        f"{under_way:,} under way (schema {schema.SCHEMA_VERSION})"
    )
    to_settle = [f"{for_a_person:,} wait for a person"] if for_a_person else []
    if lost:
        to_settle.append("an earlier one was lost, and the account's jobs are not all told apart")
    if to_settle:
        why = ", ".join(to_settle)
        return Finding("!!", "Journal", f"{says}; {why}: see `ideogram-pipeline settle`")
    return Finding("OK", "Journal", says)


def _in_journal(settings: Settings) -> tuple[dict[str, int], int]:
    """Number of attempts by state, and number of ledger entries."""
    from ideogram_pipeline.generation import history
    from ideogram_pipeline.generation.database import open_journal

    with open_journal(settings) as database:
        return history.attempts_by_state(database), history.ledger_total(database)[0]


def _quote(settings: Settings, catalog: Catalog) -> int | None:
    from ideogram_pipeline.errors import PipelineError
    from ideogram_pipeline.generation.plans import make_plan

    try:
        return make_plan(settings, catalog, at=datetime.now(UTC)).quote
    except PipelineError:
        return None  # the journal's own line says why


def _account(settings: Settings, quote: int | None) -> Iterator[Finding]:
    from ideogram_pipeline.errors import PipelineError
    from ideogram_pipeline.generation.account import account_balance

    where = "the embedded sandbox" if settings.uses_embedded_sandbox else settings.base_url
    try:
        account = account_balance(settings)
    except PipelineError as error:
        yield Finding("!!", "Provider", f"{where}: {error}")
        return
    team = f"{account.team_name or 'no team'}, plan {account.plan or 'unknown'}"
    yield Finding("OK", "Provider", f"{where} answers and takes the key: {team}")
    if settings.api_key is not None:
        yield _prices(settings.base_url, settings.api_key)
    if account.credits is None:
        yield Finding("--", "Balance", "the account does not tell it")
        return
    says = counted(account.credits, "credit")
    if quote is None:
        yield Finding("--", "Balance", f"{says}; there is no quote to compare it with")
    elif account.credits - quote < (settings.balance_floor if quote else 0):
        kept = f" above the floor of {settings.balance_floor:,}" if settings.balance_floor else ""
        yield Finding("!!", "Balance", f"{says}{kept} do not cover the quote of {quote:,}")
    else:
        yield Finding("OK", "Balance", f"{says} for a quote of {quote:,}")


def _prices(base_url: str, api_key: SecretStr) -> Finding:
    from ideogram_pipeline.apiframe.client import ApiframeClient
    from ideogram_pipeline.apiframe.errors import ProviderError
    from ideogram_pipeline.apiframe.pricing import CREDITS

    async def ask() -> tuple[float, float] | None:
        async with ApiframeClient(base_url=base_url, api_key=api_key) as client:
            return await client.price_range()

    ours = (min(CREDITS.values()), max(CREDITS.values()))
    says = "quotes take {} to {} credits a picture".format(*ours)
    try:
        listed = asyncio.run(ask())
    except ProviderError as error:
        return Finding("--", "Prices", f"{says}; the provider's list cannot be read: {error}")
    if listed == ours:
        return Finding("OK", "Prices", f"{says}, as in the provider's list")
    theirs = "{:g} to {:g}".format(*listed) if listed else "none"
    return Finding("--", "Prices", f"{says}, the provider's list says {theirs}")


def _warehouse(settings: Settings) -> Finding:
    from ideogram_pipeline.errors import PipelineError
    from ideogram_pipeline.warehouse import query

    path = settings.warehouse_path
    if not path.exists():
        return Finding("--", "Warehouse", f"no {path} yet: the first run publishes it")
    try:
        asked = "SELECT published_at, (SELECT count(*) FROM credit_ledger) FROM warehouse_meta"
        published_at, published = query(path, asked).rows[0]
        _, booked = _in_journal(settings)
    except PipelineError as error:
        return Finding("!!", "Warehouse", str(error))
    says = f"{path}, published {published_at:%Y-%m-%d %H:%M} UTC"
    behind = booked - int(str(published))
    if behind:
        return Finding(
            "--",
            "Warehouse",
            f"{says}, {counted(behind, 'booking')} behind the journal: `ideogram-pipeline publish`",
        )
    return Finding("OK", "Warehouse", f"{says}, all of the journal is in it")


def _dagster(settings: Settings) -> Finding:
    from ideogram_pipeline.errors import ConfigurationError

    try:
        home = settings.dagster_home
    except ConfigurationError as error:
        return Finding("!!", "Dagster", str(error))
    if home == settings.own_dagster_home and not (home / "dagster.yaml").exists():
        return Finding("--", "Dagster", f"no {home} yet: the first run makes it")
    return Finding("OK", "Dagster", f"home is {home}")
