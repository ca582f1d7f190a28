"""Where the credits went, and whether the provider agrees."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from ideogram_pipeline.orchestration.failures import told_to_people
from ideogram_pipeline.orchestration.following import FOLLOWS, FOLLOWS_ANY
from ideogram_pipeline.orchestration.ledgers import total, total_in_journal, totals_in_warehouse
from ideogram_pipeline.orchestration.metadata import (
    Metadata,
    markdown_table,
    of_published,
    table_definition,
    unless_held,
)
from ideogram_pipeline.orchestration.partitions import (
    CHARACTERS,
    CHARACTERS_TOGETHER,
    characters_of_run,
)
from ideogram_pipeline.orchestration.resources import PipelineResource
from ideogram_pipeline.settings import Settings
from ideogram_pipeline.warehouse import Published, query
from ideogram_pipeline.warehouse.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from ideogram_pipeline.generation.reconciliation import Reconciliation

DAILY = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=50), warn_window=timedelta(hours=26)
)
"""`books_schedule` makes it each day. Only for assets without partitions: Dagster looks at the
newest materialization of any partition, which says nothing of a character."""

LEDGER_EQUALS_PROVIDER = dg.AssetCheckSpec(
    "ledger_equals_provider",
    asset="reconciliation",
    description="Every job that the provider has charged is in our ledger, at the same price, and "
    "the other way round; looked at are those since the two last agreed. A job that only the "
    "provider knows is an orphan: paid, and nobody's. One that only we know is missing.",
)


@dg.asset(
    group_name="books",
    deps=["images"],
    partitions_def=CHARACTERS,
    backfill_policy=CHARACTERS_TOGETHER,
    kinds={"duckdb"},
    owners=["team:finance"],
    metadata=table_definition("credit_ledger"),
    automation_condition=FOLLOWS,
    code_version=f"warehouse-{SCHEMA_VERSION}",
)
def credit_ledger(
    context: dg.AssetExecutionContext, pipeline: PipelineResource
) -> dg.MaterializeResult[None]:
    """Every credit taken or given back, one row an entry, never changed and never deleted.

    Copied from the journal, in which the engine books each charge and refund before it relies on
    it, together with the tables `generations`, `images` and `runs`. What is not yet known is shown
    as unknown, never as 0.
    """
    from ideogram_pipeline.generation.publication import publish_books

    characters = characters_of_run(context)
    with told_to_people(context):
        settings = pipeline.settings()
        found = of_published(settings, Published())
        with unless_held(found):
            # In one run with the pictures, these have just been published together with the books.
            renewed = context.job_def.has_node_named("images") and _is_current(settings)
            published = Published() if renewed else publish_books(settings, characters=characters)
            found |= of_published(settings, published)
            if not published.lag:
                _show_totals(context, settings, characters)
    return dg.MaterializeResult(metadata=found)


def _is_current(settings: Settings) -> bool:
    return total(totals_in_warehouse(settings)) == total_in_journal(settings)


def _show_totals(
    context: dg.AssetExecutionContext, settings: Settings, characters: Sequence[str]
) -> None:
    totals = totals_in_warehouse(settings)
    for character in characters:
        entries, net = totals.get(character, (0, 0))
        context.add_asset_metadata(
            {"dagster/partition_row_count": entries, "credits_spent_ever": net},
            partition_key=character,
        )


@dg.asset(
    group_name="books",
    deps=[credit_ledger],
    automation_condition=FOLLOWS_ANY,
    freshness_policy=DAILY,
    kinds={"html"},
    owners=["team:finance"],
    metadata={"documentation": dg.MetadataValue.path("docs/tables.md")},
)
def spend_report(
    context: dg.AssetExecutionContext, pipeline: PipelineResource
) -> dg.MaterializeResult[None]:
    """A page for people who pay: what was spent by run, character, day, month and speed.

    It also shows what was saved by reusing pictures. One HTML file without anything to install,
    written from the views of the warehouse, which anybody can query as well.
    """
    from ideogram_pipeline.spend.report import write_report

    with told_to_people(context):
        settings = pipeline.settings()
        found: Metadata = {}
        with unless_held(found):
            page = write_report(settings.warehouse_path, settings.folder / "report" / "spend.html")
            found["page"] = dg.MetadataValue.path(page)
            months = query(
                settings.warehouse_path,
                "SELECT month, charges, refunds, net, images FROM spend_by_month"
                " WHERE provider = ? ORDER BY month DESC",
                (settings.provider,),
            )
            found["months"] = markdown_table(months.columns, months.rows)
    return dg.MaterializeResult(metadata=found)


@dg.asset(
    group_name="books",
    deps=[credit_ledger],
    freshness_policy=DAILY,
    kinds={"python"},
    owners=["team:finance"],
    metadata={"provider": dg.MetadataValue.url("https://docs-v2.apiframe.ai/docs/")},
    check_specs=[LEDGER_EQUALS_PROVIDER],
)
def reconciliation(
    context: dg.AssetExecutionContext, pipeline: PipelineResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Our ledger against the provider's own records, job by job.

    It buys nothing, and reads the account's list of jobs back to the last settled point: up to
    there all agreed, and nothing was left to change. A price that the provider changes later is
    found by `ideogram-pipeline reconcile`, which compares everything since our first job.

    A job that only one side has, or a price that differs, is named, and looked at again each time.
    One that only the provider has, and that was made for a picture of the catalog, is adopted:
    booked now, and fetched by the next run.
    """
    from ideogram_pipeline.catalog.remembering import current_catalog
    from ideogram_pipeline.generation.reconciliation import reconcile

    with told_to_people(context):
        settings = pipeline.settings()
        found = reconcile(settings, current_catalog(settings.catalog), whole=False)
    yield dg.MaterializeResult(metadata=_numbers(found))
    yield _compared(found)


def _compared(found: "Reconciliation") -> dg.AssetCheckResult:
    """Pass only what the provider's records prove; what they do not tell is a warning."""
    reasons = []
    if found.drift is None:
        reasons.append("Unknown: the provider does not state what each job cost.")
    if found.missing:
        reasons.append("The provider no longer lists jobs of ours; it may have dropped them.")
    wrong = bool(found.orphans or found.drift)
    return dg.AssetCheckResult(
        passed=not wrong and not reasons,
        check_name="ledger_equals_provider",
        severity=dg.AssetCheckSeverity.WARN
        if reasons and not wrong
        else dg.AssetCheckSeverity.ERROR,
        description=" ".join(reasons) or None,
        metadata=_numbers(found),
    )


def _numbers(found: "Reconciliation") -> Metadata:
    numbers: Metadata = {
        "jobs_seen": found.jobs_seen,
        "jobs_matched": found.matched,
        "jobs_adopted": len(found.adopted),
        "jobs_orphaned": len(found.orphans),
        "jobs_missing": len(found.missing),
        "attempts_unresolved": found.unresolved,
        "credits_in_ledger": found.ledger_net,
        "credits_unknown": found.unknown_credits,
    }
    moments = {"jobs_since": found.since, "settled_until": found.settled}
    numbers.update(
        {name: dg.MetadataValue.timestamp(at) for name, at in moments.items() if at is not None}
    )
    # Numbers that the provider did not tell are left out; 0 would be a claim.
    told = {
        "credits_charged_by_provider": found.provider_charged,
        "balance": found.balance,
        "drift": found.drift,
    }
    numbers.update({name: value for name, value in told.items() if value is not None})
    if found.orphans:
        numbers["orphans"] = markdown_table(
            ("job", "created", "status", "credits"),
            [(o.job_id, o.created_at, o.status, o.credit_cost) for o in found.orphans],
        )
    if found.missing:
        numbers["missing"] = markdown_table(("job",), [(job_id,) for job_id in found.missing])
    return numbers
