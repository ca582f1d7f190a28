"""The small world of one example: a provider, a catalog, a home on the disk, runs in between."""

from __future__ import annotations

import asyncio
import functools
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import anyio.to_thread
import httpx
import pytest
from pydantic import SecretStr
from starlette.types import ASGIApp

from ideogram_pipeline.apiframe import clock, transport
from ideogram_pipeline.catalog.model import Prompt
from ideogram_pipeline.catalog.prompts import Prompts
from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.errors import PipelineError
from ideogram_pipeline.generation import (
    database,
    engine,
    pacing,
    publication,
    run,
    submitting,
    times,
    watching,
)
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.generation.run import generate
from ideogram_pipeline.planning.plan import Plan
from ideogram_pipeline.sandbox.app import create_app
from ideogram_pipeline.sandbox.core import Sandbox
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.state import State
from ideogram_pipeline.sandbox.truth import truth
from ideogram_pipeline.settings import Settings
from ideogram_pipeline.warehouse import publishing
from ideogram_pipeline_tests.generation.model_runs import HaltableRun, lay_points
from ideogram_pipeline_tests.generation.model_time import SimulatedLoop, SimulatedTime
from ideogram_pipeline_tests.support import AT, KEY, new_run_id, write_catalog

T = TypeVar("T")

URL = "http://sandbox.test"
SPEED = 10.0
"""Jobs take from 0.4 to 1.5 s."""
PATIENCE = 20.0
"""Seconds for which a run waits without any progress, unless it is an impatient one."""
FOLLOW_SECONDS = 2.0
"""How often a run looks after a picture that another is at: seldom, since each look is work."""
LATENCY = 0.02
"""Most seconds of each way between the pipeline and the provider."""


class Site:
    """What outlives an example, because it is dear to make: settings, and prepared statements."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.catalog = read_catalog(
            write_catalog(folder / "catalog", characters=("ann",), prompts=1)
        )
        self.reference = self.catalog.characters["ann"].reference.path.read_bytes()
        self.settings = Settings.load(
            api_key=SecretStr(KEY),
            base_url=URL,
            catalog=self.catalog.source,
            home=self.home,
            requests_per_minute=100_000,
        )
        self.engine = functools.cache(database._engine)
        self.tally: Counter[str] = Counter()
        """How often what has happened, over all examples."""


class World:
    """All that an example is made of; ``close`` leaves nothing of it behind."""

    def __init__(
        self, site: Site, *, keys_ignored: bool, input_hidden: bool, max_in_flight: int
    ) -> None:
        self.time = SimulatedTime(AT)
        self.input_hidden = input_hidden
        self.is_whole = True
        """The journal was never lost."""
        self.settings = site.settings.model_copy(update={"max_in_flight": max_in_flight})
        self.reference = site.reference
        self.tally = site.tally
        self.tally["examples"] += 1
        self._site = site
        self._catalog = site.catalog
        self._runs: list[HaltableRun] = []
        self._state = State()
        options = SandboxOptions(
            speed=SPEED,
            tiny=True,
            clock=self.time.utc,
            ignore_idempotency_keys=keys_ignored,
            hide_input=input_hidden,
        )
        self._app = create_app(options, self._state)
        self._sandbox = Sandbox(options, self._state)
        self._patch = pytest.MonkeyPatch()
        self._simulate()

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return database.journal_path(self.settings)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The rows of the catalog."""
        return tuple(self._catalog.prompts)

    def want(self, more: int) -> None:
        """Add rows to the catalog."""
        for number in range(len(self.prompts) + 1, len(self.prompts) + 1 + more):
            row = replace(self.prompts[0], prompt_id=f"ann-{number}", prompt=f"scene {number}")
            self._catalog = replace(self._catalog, prompts=Prompts.of((*self.prompts, row)))

    def reword(self, index: int) -> None:
        """Change the text of a row, and so the picture that it asks for."""
        rows = list(self.prompts)
        rows[index] = replace(rows[index], prompt=f"{rows[index].prompt}, again")
        self._catalog = replace(self._catalog, prompts=Prompts.of(rows))

    def plan(self) -> Plan:
        """What there is to do."""
        return make_plan(self.settings, self._catalog, at=AT)

    def lose_journal(self, *, and_warehouse: bool = False) -> None:
        """Delete the journal, and what it could be restored from, while no run is at work."""
        if and_warehouse:
            self.settings.warehouse_path.unlink(missing_ok=True)
        kept = "published" if self.settings.warehouse_path.exists() else "not published"
        self.tally[f"journals lost, {kept}"] += self.journal.exists()
        self._site.engine(self.journal).dispose()
        for suffix in ("", "-wal", "-shm"):
            self.journal.with_name(self.journal.name + suffix).unlink(missing_ok=True)
        self.is_whole = False

    def new_run(self, patience: float = PATIENCE, *, publishes: bool = False) -> HaltableRun:
        """A run over the whole catalog, not begun yet; it may publish the books in the end."""
        settings = self.settings.model_copy(update={"patience": patience})
        catalog = self._catalog

        def work() -> None:
            plan = make_plan(settings, catalog, at=AT)
            try:
                generate(settings, catalog, plan, run_id=new_run_id())
            except PipelineError:
                publish()
                raise
            publish()

        def publish() -> None:
            if publishes:
                publication.publish_books(settings, characters=list(catalog.characters))

        self.tally["runs"] += 1
        made = HaltableRun(work)
        self._runs.append(made)
        return made

    def pull(self, method: str, path: str, body: object | None = None) -> None:
        """Use one of the sandbox's levers."""

        async def send() -> httpx.Response:
            way = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=way, base_url=URL) as lever:
                return await lever.request(method, f"/sandbox/{path}", json=body)

        asyncio.run(send()).raise_for_status()

    def truth(self) -> dict[str, Any]:
        """What the provider knows."""
        return truth(self._sandbox)

    def close(self) -> None:
        """Bury what has not ended, and remove the home."""
        for left in self._runs:
            left.bury()
        self._patch.undo()
        self._state.close()
        if self._site.home.exists():
            shutil.rmtree(self._site.home)

    def _simulate(self) -> None:
        """Put simulated time and the sandbox in the place of the machine's clock and network."""
        patch = self._patch
        patch.setattr(asyncio.events, "new_event_loop", lambda: SimulatedLoop(self.time))
        simulated = SimpleNamespace(monotonic=self.time.monotonic)
        for module in (clock, engine, pacing, run, submitting, watching):
            patch.setattr(module, "time", simulated)
        calendar = SimpleNamespace(now=self.time.now, fromisoformat=datetime.fromisoformat)
        for module in (clock, publishing, submitting, times):
            patch.setattr(module, "datetime", calendar)
        # Starlette's way to call what is not a coroutine; simulated time cannot wait for a thread.
        patch.setattr(anyio.to_thread, "run_sync", _run_here)
        patch.setattr(transport, "open_transport", lambda: _Wire(self._app))
        patch.setattr(engine, "FOLLOW_SECONDS", FOLLOW_SECONDS)
        patch.setattr(database, "_engine", self._site.engine)
        patch.setattr(watching, "set", _InOrder, raising=False)
        lay_points(patch)


class _InOrder(dict[str, None]):
    """A set of job ids in the order they came; that of a real one is drawn anew each time."""

    def __init__(self, items: Iterable[str]) -> None:
        super().__init__(dict.fromkeys(items))

    def discard(self, item: str) -> None:
        self.pop(item, None)


async def _run_here(func: Callable[..., T], *args: Any, **_options: Any) -> T:
    return func(*args)


class _Wire(httpx.AsyncBaseTransport):
    """The way to the provider; a request may be lost on it when its sender is killed."""

    def __init__(self, app: ASGIApp) -> None:
        self._provider = httpx.ASGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(random.uniform(0, LATENCY))
        answer = await self._provider.handle_async_request(request)
        await asyncio.sleep(random.uniform(0, LATENCY))
        return answer
