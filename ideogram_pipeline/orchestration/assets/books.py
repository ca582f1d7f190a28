"""Where the credits went, and whether the provider agrees."""

from collections.abc import Iterator

import dagster as dg

from ideogram_pipeline.generation.reconciliation import Reconciliation
from ideogram_pipeline.generation.service import publish_books, reconcile
from ideogram_pipeline.orchestration.failures import told_to_people
from ideogram_pipeline.orchestration.metadata import (
    Metadata,
    markdown_table,
    of_published,
    table_definition,
)
from ideogram_pipeline.orchestration.partitions import (
    CHARACTERS,
    CHARACTERS_TOGETHER,
    characters_of_run,
)
from ideogram_pipeline.orchestration.resources import PipelineResource
from ideogram_pipeline.spend.report import write_report
from ideogram_pipeline.warehouse import query
from ideogram_pipeline.warehouse.schema import SCHEMA_VERSION

LEDGER_EQUALS_PROVIDER = dg.AssetCheckSpec(
    "ledger_equals_provider",
    asset="reconciliation",
    description="Every job that the provider has charged is in our ledger, at the same price, and "
    "the other way round. A job that only the provider knows is an orphan: paid, and nobody's.",
)


@dg.asset(
    group_name="books",
    deps=["images"],
    partitions_def=CHARACTERS,
    backfill_policy=CHARACTERS_TOGETHER,
    kinds={"duckdb"},
    owners=["team:finance"],
    metadata=table_definition("credit_ledger"),
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
    characters = characters_of_run(context)
    with told_to_people(context):
        settings = pipeline.settings()
        published = publish_books(settings, characters=characters)
        booked = query(
            settings.warehouse_path,
            "SELECT character_id, count(*), sum(credits)::BIGINT FROM credit_ledger"
            " WHERE provider = ? GROUP BY character_id",
            (settings.provider,),
        ).rows
    totals = {character: (entries, net) for character, entries, net in booked}
    for character in characters:
        entries, net = totals.get(character, (0, 0))
        context.add_asset_metadata(
            {"dagster/partition_row_count": entries, "credits_spent_ever": net},
            partition_key=character,
        )
    return dg.MaterializeResult(metadata=of_published(settings, published))


@dg.asset(
    group_name="books",
    deps=[credit_ledger],
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
    with told_to_people(context):
        settings = pipeline.settings()
        page = write_report(settings.warehouse_path, settings.folder / "report" / "spend.html")
        months = query(
            settings.warehouse_path,
            "SELECT month, charges, refunds, net, images FROM spend_by_month WHERE provider = ?"
            " ORDER BY month DESC",
            (settings.provider,),
        )
    return dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.path(page),
            "months": markdown_table(months.columns, months.rows),
        }
    )


@dg.asset(
    group_name="books",
    deps=[credit_ledger],
    kinds={"python"},
    owners=["team:finance"],
    metadata={"provider": dg.MetadataValue.url("https://docs-v2.apiframe.ai/docs/")},
    check_specs=[LEDGER_EQUALS_PROVIDER],
)
def reconciliation(
    context: dg.AssetExecutionContext, pipeline: PipelineResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Our ledger against the provider's own records, job by job.

    It reads the account's list of jobs, buys nothing and changes nothing. A job that the provider
    has and we have not, a price that differs, or an attempt whose fate is unknown is named.
    """
    with told_to_people(context):
        found = reconcile(pipeline.settings())
    yield dg.MaterializeResult(metadata=_numbers(found))
    yield dg.AssetCheckResult(
        passed=not found.orphans and not found.drift,
        check_name="ledger_equals_provider",
        metadata=_numbers(found),
    )


def _numbers(found: Reconciliation) -> Metadata:
    numbers: Metadata = {
        "jobs_seen": found.jobs_seen,
        "jobs_matched": found.matched,
        "jobs_orphaned": len(found.orphans),
        "attempts_unresolved": found.unresolved,
        "credits_in_ledger": found.ledger_net,
        "credits_unknown": found.unknown_credits,
    }
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
    return numbers
