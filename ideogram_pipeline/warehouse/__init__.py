"""The DuckDB file that people query: its tables, how it is published, how it is read.

For notebooks::

    from ideogram_pipeline import warehouse

    warehouse.frame("data/live/warehouse.duckdb", "spend_by_day")

DuckDB and pandas are imported at the first call, not with this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ideogram_pipeline.warehouse.publishing import Published, are_published, attached, publish
    from ideogram_pipeline.warehouse.reading import Result, frame, query, query_together

__all__ = [
    "Published",
    "Result",
    "are_published",
    "attached",
    "frame",
    "publish",
    "query",
    "query_together",
]

_HOME_OF = {
    "Published": "publishing",
    "are_published": "publishing",
    "attached": "publishing",
    "publish": "publishing",
    "Result": "reading",
    "frame": "reading",
    "query": "reading",
    "query_together": "reading",
}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
