from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.state import State
from ideogram_pipeline_tests.sandbox.calls import Calls, Clock

Start = Callable[..., Calls]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts sandboxes in memory, by options."""
    with ExitStack() as opened:

        def start_one(**options: Any) -> Calls:
            clock = Clock()
            state = opened.enter_context(State())
            return Calls(state, SandboxOptions(clock=clock, **options), clock)

        yield start_one


@pytest.fixture
def api(start: Start) -> Calls:
    """A sandbox without faults."""
    return start()
