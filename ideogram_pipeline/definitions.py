"""The one Definitions object, which ``workspace.yaml`` loads."""

from ideogram_pipeline.orchestration.project import build_definitions
from ideogram_pipeline.settings import Settings

defs = build_definitions(Settings.load())
