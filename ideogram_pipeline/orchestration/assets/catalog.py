"""What people ask for: the two tables of the catalog, read and checked together."""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from ideogram_pipeline.orchestration.failures import told_to_people
from ideogram_pipeline.orchestration.metadata import of_catalog, of_published, table_definition
from ideogram_pipeline.orchestration.partitions import add_characters
from ideogram_pipeline.orchestration.resources import PipelineResource
from ideogram_pipeline.warehouse.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from ideogram_pipeline.catalog.model import Catalog

CATALOG_IS_CLEAN = dg.AssetCheckSpec(
    "catalog_is_clean",
    asset="prompt_catalog",
    description="No row of the catalog was refused. Refused rows are left out, and the others go "
    "on; each stands with file, line and reason in the table `catalog_rejects`. A row that is used "
    "and may not say what was meant is a question in the metadata, and no reason to fail.",
)


@dg.multi_asset(
    group_name="catalog",
    specs=[
        dg.AssetSpec(
            "characters",
            description="The cast: one row a character, with the reference picture that all its "
            "pictures must resemble and the defaults of its prompts. Reading it makes a partition "
            "of every new character; a character that leaves the catalog keeps its partition, its "
            "pictures and its books.",
            kinds={"csv", "duckdb"},
            owners=["team:content"],
            metadata=table_definition("characters"),
            code_version=f"warehouse-{SCHEMA_VERSION}",
        ),
        dg.AssetSpec(
            "prompt_catalog",
            description="The wanted pictures: one row a prompt, with text, size, style, speed, "
            "variations and how often it is made anew. A row that the provider would refuse, or "
            "that says two things at once, is left out and explained in the table "
            "`catalog_rejects`, so that it never stops the others and never costs money.",
            kinds={"csv", "duckdb"},
            owners=["team:content"],
            metadata=table_definition("prompt_catalog"),
            code_version=f"warehouse-{SCHEMA_VERSION}",
        ),
    ],
    check_specs=[CATALOG_IS_CLEAN],
)
def catalog_tables(
    context: dg.AssetExecutionContext, pipeline: PipelineResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Read the catalog, publish it, and keep the partitions in step with it."""
    from ideogram_pipeline.catalog.remembering import current_catalog
    from ideogram_pipeline.generation.publication import publish_catalog

    with told_to_people(context):
        settings = pipeline.settings()
        found = current_catalog(settings.catalog)
        published = publish_catalog(settings, found)
    new = add_characters(context.instance, found.characters)
    version = _version(found)
    where = of_published(settings, published)
    yield dg.MaterializeResult(
        "characters",
        metadata={
            "dagster/row_count": len(found.characters),
            "new_characters": len(new),
            "source": found.source,
            **where,
        },
        data_version=version,
    )
    yield dg.MaterializeResult(
        "prompt_catalog", metadata={**of_catalog(found), **where}, data_version=version
    )
    yield dg.AssetCheckResult(
        passed=not found.rejects,
        check_name="catalog_is_clean",
        asset_key="prompt_catalog",
        severity=dg.AssetCheckSeverity.WARN,
        metadata=of_catalog(found),
    )


def _version(found: "Catalog") -> dg.DataVersion:
    """Changes when anything changes that decides a picture, and only then."""
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(found.digests.items()))
    return dg.DataVersion(hashlib.sha256(lines.encode()).hexdigest())
