"""The project's assets as they run where somebody wants a process for each step."""

import dagster as dg

from ideogram_pipeline.orchestration.project import build_definitions
from ideogram_pipeline.settings import Settings


@dg.definitions
def defs() -> dg.Definitions:
    """Those of the project with another executor, without what runs by itself."""
    project = build_definitions(Settings.load())
    return dg.Definitions(
        assets=project.assets,
        jobs=[dg.define_asset_job("refresh", selection=["generation_plan", "images"])],
        resources=project.resources,
        executor=dg.multiprocess_executor,
    )
