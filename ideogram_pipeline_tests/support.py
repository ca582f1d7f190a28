"""What tests of several rooms need: a small catalog, a sandbox server, settings for both."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from pydantic import SecretStr

from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.generation.report import RunReport
from ideogram_pipeline.generation.run import generate
from ideogram_pipeline.planning.plan import Plan
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline.settings import Settings

KEY = "afk_test_0123456789"
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def new_run_id() -> str:
    """Name a run."""
    return uuid.uuid4().hex


def draw_reference(path: Path, colour: str) -> None:
    """Draw a picture that is fit to be a character's reference."""
    picture = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(picture).ellipse((20, 12, 76, 84), fill=colour)
    picture.save(path)


def write_catalog(
    folder: Path,
    *,
    characters: Sequence[str] = ("ann", "bob"),
    prompts: int = 3,
    columns: Mapping[str, str] | None = None,
) -> str:
    """Write a catalog of valid rows and return its source.

    Args:
        folder: Made if it is missing.
        characters: Their ids.
        prompts: Rows for each character.
        columns: More columns of ``prompts.csv``, the same value in each row.
    """
    folder.mkdir(parents=True, exist_ok=True)
    colours = ("crimson", "royalblue", "seagreen", "orange", "purple", "teal")
    cast = ["character_id,name,reference_image,rendering_speed"]
    more = dict(columns or {})
    rows = [",".join(["prompt_id", "character_id", "prompt", *more])]
    for index, name in enumerate(characters):
        draw_reference(folder / f"{name}.png", colours[index % len(colours)])
        cast.append(f"{name},{name.title()},{name}.png,turbo")
        for number in range(1, prompts + 1):
            cells = [f"{name}-{number}", name, f"scene {number} at the beach", *more.values()]
            rows.append(",".join(cells))
    (folder / "characters.csv").write_text("\n".join(cast) + "\n")
    (folder / "prompts.csv").write_text("\n".join(rows) + "\n")
    return str(folder)


@dataclass(frozen=True)
class Bench:
    """A sandbox server, and a pipeline set up to buy from it."""

    server: SandboxServer
    settings: Settings

    def catalog(self) -> Catalog:
        """Read the catalog."""
        return read_catalog(self.settings.catalog)

    def plan(self, at: datetime = AT) -> Plan:
        """Plan all of the catalog."""
        return make_plan(self.settings, self.catalog(), at=at)

    def run(self, at: datetime = AT, **options: Any) -> RunReport:
        """Plan and carry out."""
        catalog = self.catalog()
        plan = make_plan(self.settings, catalog, at=at)
        return generate(self.settings, catalog, plan, run_id=new_run_id(), **options)

    def truth(self) -> dict[str, Any]:
        """What the provider knows: jobs, charges, refunds, requests."""
        return call(f"{self.server.url}/sandbox/truth")

    def tell(self, what: str, body: object) -> None:
        """Change the sandbox: ``faults``, ``clock``, ``credits``, ``purge``."""
        call(f"{self.server.url}/sandbox/{what}", body)


def call(url: str, body: object | None = None) -> Any:
    """Ask a local server; with a body, POST it as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@contextmanager
def bench(
    folder: Path, options: SandboxOptions | None = None, catalog: str | None = None, **more: Any
) -> Iterator[Bench]:
    """Start a sandbox server and yield it with settings that point to it."""
    options = options or SandboxOptions(speed=100, tiny=True)
    source = catalog or write_catalog(folder / "catalog")
    with SandboxServer(options) as server:
        values = {"home": folder / "home", "poll_interval": 0.2, "requests_per_minute": 100_000}
        settings = Settings.load(
            api_key=SecretStr(KEY), base_url=server.url, catalog=source, **(values | more)
        )
        yield Bench(server, settings)
