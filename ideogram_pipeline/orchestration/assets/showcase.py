"""What people look at."""

import dagster as dg

from ideogram_pipeline.orchestration.failures import told_to_people
from ideogram_pipeline.orchestration.following import FOLLOWS
from ideogram_pipeline.orchestration.metadata import Metadata, unless_held
from ideogram_pipeline.orchestration.partitions import (
    CHARACTERS,
    CHARACTERS_TOGETHER,
    characters_of_run,
)
from ideogram_pipeline.orchestration.resources import PipelineResource


@dg.asset(
    group_name="showcase",
    deps=["images"],
    partitions_def=CHARACTERS,
    backfill_policy=CHARACTERS_TOGETHER,
    automation_condition=FOLLOWS,
    kinds={"html", "image"},
    owners=["team:content"],
    metadata={"documentation": dg.MetadataValue.path("README.md")},
)
def gallery(
    context: dg.AssetExecutionContext, pipeline: PipelineResource
) -> dg.MaterializeResult[None]:
    """Pages of every picture beside the reference that it has to look like.

    A folder of plain HTML that opens without a server and can be copied anywhere: a first page with
    the whole cast, and a page for each character with its prompts, editions and variations.
    """
    from ideogram_pipeline.gallery.site import build_gallery

    characters = characters_of_run(context)
    with told_to_people(context):
        found: Metadata = {}
        with unless_held(found):
            first_page = build_gallery(
                pipeline.settings(), characters=characters, only_changed=True
            )
            found["first_page"] = dg.MetadataValue.path(first_page)
    return dg.MaterializeResult(metadata=found)
