"""Which painters make which scene: one for what is behind the figure, one for what is before it."""

from __future__ import annotations

from collections.abc import Callable

from ideogram_pipeline.sandbox.drawing import city, country, forest, rooms, shore, space
from ideogram_pipeline.sandbox.drawing.canvas import Canvas
from ideogram_pipeline.sandbox.drawing.story import Story

Painter = Callable[[Canvas, Story], None]


def _nothing(_canvas: Canvas, _story: Story) -> None:
    """For scenes with nothing before the figure."""


PAINTERS: dict[str, tuple[Painter, Painter]] = {
    "meadow": (country.meadow, country.meadow_front),
    "garden": (country.garden, country.meadow_front),
    "snowfield": (country.snowfield, country.snow_front),
    "forest": (forest.forest, forest.forest_front),
    "beach": (shore.beach, shore.beach_front),
    "harbour": (shore.harbour, _nothing),
    "reef": (shore.reef, shore.reef_front),
    "city": (city.city, city.street_front),
    "space": (space.space, _nothing),
    "kitchen": (rooms.kitchen, rooms.kitchen_front),
    "library": (rooms.library, _nothing),
    "parlour": (rooms.parlour, rooms.parlour_front),
}
