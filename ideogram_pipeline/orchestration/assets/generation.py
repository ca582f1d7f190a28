"""From a plan with its price to pictures on disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from ideogram_pipeline.errors import PipelineError
from ideogram_pipeline.generation.report import CharacterReport, RunReport
from ideogram_pipeline.orchestration.caller import current_caller
from ideogram_pipeline.orchestration.failures import told_to_people
from ideogram_pipeline.orchestration.metadata import (
    Metadata,
    of_character,
    of_plan,
    of_published,
    of_run,
    sheets_of,
    table_definition,
    unless_held,
)
from ideogram_pipeline.orchestration.outcome import outcome_tags
from ideogram_pipeline.orchestration.partitions import CHARACTERS, CHARACTERS_TOGETHER
from ideogram_pipeline.orchestration.resources import PipelineResource, Terms
from ideogram_pipeline.planning.identity import FINGERPRINT_VERSION

if TYPE_CHECKING:
    from ideogram_pipeline.catalog.model import Catalog

RUN_ID_TAG = "ideogram_pipeline/run_id"
POOL = "apiframe"
"""Steps that buy; see docs/operations.md."""


@dg.asset(
    group_name="generation",
    deps=["characters", "prompt_catalog"],
    partitions_def=CHARACTERS,
    backfill_policy=CHARACTERS_TOGETHER,
    kinds={"duckdb"},
    owners=["team:pipeline"],
    metadata=table_definition("generation_plan"),
    code_version=f"fingerprint-{FINGERPRINT_VERSION}",
)
def generation_plan(
    context: dg.AssetExecutionContext, pipeline: PipelineResource
) -> dg.MaterializeResult[None]:
    """What should exist, what is to be done about it, and what that costs.

    Each prompt, variation and edition of a character is one planned picture: it is reused, fetched,
    bought, or blocked, with the reason in words. The sum of its credits is the exact quote. Making
    a plan spends nothing and needs no network.
    """
    from ideogram_pipeline.catalog.remembering import current_catalog
    from ideogram_pipeline.generation.plans import make_plan
    from ideogram_pipeline.generation.publication import publish_plan

    with told_to_people(context):
        terms = pipeline.terms(context)
        catalog = current_catalog(terms.settings.catalog)
        plan = make_plan(terms.settings, catalog, at=terms.at, characters=terms.characters)
        published = publish_plan(
            terms.settings, plan, run_id=terms.run_id, characters=terms.characters
        )
    for character in terms.characters:
        context.add_asset_metadata(of_plan(plan, character), partition_key=character)
    return dg.MaterializeResult(
        metadata={
            "run_id": terms.run_id,
            "edition_at": terms.at.isoformat(),
            **of_published(terms.settings, published),
        }
    )


@dg.asset(
    group_name="generation",
    deps=[generation_plan],
    partitions_def=CHARACTERS,
    backfill_policy=CHARACTERS_TOGETHER,
    kinds={"python", "image"},
    owners=["team:pipeline"],
    metadata={
        **table_definition("images"),
        "model": dg.MetadataValue.url("https://apiframe.ai/models/ideogram-character"),
    },
    code_version=f"fingerprint-{FINGERPRINT_VERSION}",
    # For who wants fewer runs beside each other; it has no limit of its own. The journal keeps two
    # runs from buying one picture, and their engines share the account's slots, without it.
    pool=POOL,
    # No retry policy: the client repeats what may be repeated, and a policy would answer
    # "terminate" by starting again.
)
def images(
    context: dg.AssetExecutionContext, pipeline: PipelineResource
) -> dg.MaterializeResult[None]:
    """The pictures: the provider's files, untouched, each with its recipe in a file beside it.

    It first brings home what earlier runs have paid for, then buys what the plan says, within the
    limits. **It spends credits** when an API key is set; without one it runs on the sandbox. A
    picture that was deferred or failed does not fail the run: it stands in the metadata and in the
    checks, and the next run goes on with it.
    """
    from ideogram_pipeline.catalog.remembering import current_catalog
    from ideogram_pipeline.generation.publication import publish_books
    from ideogram_pipeline.reproduction.recipe import write_recipes

    with told_to_people(context):
        terms = pipeline.terms(context)
        context.instance.add_run_tags(context.run.run_id, {RUN_ID_TAG: terms.run_id})
        catalog = current_catalog(terms.settings.catalog)
        with _keeping_what_is_done(context, terms, catalog):
            report = _generate(terms, catalog)
        outcome = outcome_tags(report, terms.max_credits)
        context.instance.add_run_tags(context.run.run_id, outcome)
        published = publish_books(terms.settings, characters=terms.characters)
        found = {**of_run(report), **of_published(terms.settings, published)}
        reports = {
            character: report.characters.get(character) or CharacterReport(character)
            for character in terms.characters
        }
        sheets: dict[str, Metadata] = {}
        with unless_held(found):
            if not published.lag:
                write_recipes(terms.settings, characters=terms.characters, only_changed=True)
                new = [name for name, one in reports.items() if one.count("made")]
                sheets = sheets_of(terms.settings, new)
        for character in terms.characters:
            shown = {**of_character(reports[character]), **sheets.get(character, {})}
            context.add_asset_metadata(shown, partition_key=character)
    return dg.MaterializeResult(metadata=found)


def _generate(terms: Terms, catalog: "Catalog") -> RunReport:
    from ideogram_pipeline.generation.plans import make_plan
    from ideogram_pipeline.generation.run import generate

    caller = current_caller()
    plan = make_plan(terms.settings, catalog, at=terms.at, characters=terms.characters)
    report = generate(
        terms.settings,
        catalog,
        plan,
        run_id=terms.run_id,
        max_credits=terms.max_credits,
        goes_on_with=terms.goes_on_with,
        on_progress=caller.on_progress if caller else None,
    )
    if caller:
        caller.reports.append(report)
    return report


@contextmanager
def _keeping_what_is_done(
    context: dg.AssetExecutionContext, terms: Terms, catalog: "Catalog"
) -> Iterator[None]:
    """When the engine cannot go on, publish the books and record the characters that are whole.

    A successful step records every character at its end, once; a failed one would record none.
    """
    from ideogram_pipeline.generation.plans import make_plan
    from ideogram_pipeline.generation.publication import publish_books

    try:
        yield
    except (PipelineError, dg.DagsterExecutionInterruptedError, KeyboardInterrupt):
        try:
            publish_books(terms.settings, characters=terms.characters)
            plan = make_plan(terms.settings, catalog, at=terms.at, characters=terms.characters)
        except PipelineError as error:
            context.log.warning(f"The books could not be published either: {error}")
        else:
            for character, share in plan.shares.items():
                if share.decisions["reuse"] == share.images:
                    context.log_event(
                        dg.AssetMaterialization(
                            context.asset_key,
                            partition=character,
                            metadata={"run_id": terms.run_id, "images": share.images},
                        )
                    )
        raise
