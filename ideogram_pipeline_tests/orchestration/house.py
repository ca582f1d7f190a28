"""A small installation for the tests: a catalog of people's rows, settings, looks at Dagster."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import dagster as dg
from PIL import Image, ImageDraw

from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.generation.publication import publish_books, publish_catalog
from ideogram_pipeline.generation.report import RunReport
from ideogram_pipeline.generation.run import generate
from ideogram_pipeline.orchestration.launch import Launch, materialize_characters
from ideogram_pipeline.orchestration.partitions import tagged_characters
from ideogram_pipeline.orchestration.project import build_definitions
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.support import new_run_id

SPEED = 400.0
IMAGES_OF_EACH = 3
"""Pictures of each character: two variations of a prompt that stays, one of a daily prompt."""


def write_catalog(folder: Path, *names: str, budget: int | str = "") -> Path:
    """Write a catalog with two prompts for each character."""
    folder.mkdir(parents=True, exist_ok=True)
    characters = ["character_id,name,reference_image,monthly_credit_budget"]
    prompts = ["prompt_id,character_id,prompt,rendering_speed,variations,refresh,title"]
    for number, name in enumerate(names):
        picture = Image.new("RGB", (96, 96), (50 * number % 255, 90, 200))
        ImageDraw.Draw(picture).ellipse((20, 20, 70, 70), fill=(220, 60, 40))
        picture.save(folder / f"{name}.png")
        characters.append(f"{name},{name.title()},{name}.png,{budget}")
        prompts.append(f"{name}-hill,{name},stands on a hill,turbo,2,never,On the hill")
        prompts.append(f"{name}-book,{name},reads a book,turbo,1,daily,With a book")
    (folder / "characters.csv").write_text("\n".join(characters) + "\n", encoding="utf-8")
    (folder / "prompts.csv").write_text("\n".join(prompts) + "\n", encoding="utf-8")
    return folder


def edit_prompts(folder: Path, old: str, new: str) -> None:
    """Change the prompts as a person would in an editor."""
    file = folder / "prompts.csv"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def settings_for(folder: Path, **others: object) -> Settings:
    """Settings for a home in ``folder`` and a catalog in ``folder``/catalog."""
    values = {"home": folder / "home", "catalog": str(folder / "catalog"), "sandbox_speed": SPEED}
    return Settings.load(**{**values, **others})


def buy(settings: Settings, at: datetime, *names: str) -> RunReport:
    """Buy pictures and publish the books with the engine alone, which takes a second less."""
    catalog = read_catalog(settings.catalog)
    publish_catalog(settings, catalog)
    plan = make_plan(settings, catalog, at=at, characters=names)
    report = generate(settings, catalog, plan, run_id=new_run_id())
    publish_books(settings)
    return report


def launch(settings: Settings, *names: str, **terms: object) -> Launch:
    """Materialize everything for these characters, and expect that it works."""
    done = materialize_characters(settings, names, **terms)
    assert done.failures == [], done.failures
    return done


def run_job(
    settings: Settings, instance: dg.DagsterInstance, job: str, **how: object
) -> dg.ExecuteInProcessResult:
    """Run one job as the UI would: on the environment, not on settings that are handed over."""
    return (
        build_definitions(settings)
        .resolve_job_def(job)
        .execute_in_process(instance=instance, raise_on_error=False, **how)
    )


def asked_for(instance: dg.DagsterInstance, request: dg.RunRequest) -> list[str]:
    """The characters of a run that was asked for."""
    one = request.partition_key
    return [one] if one else tagged_characters(instance, request.tags)


def carry_out(
    settings: Settings, instance: dg.DagsterInstance, request: dg.RunRequest
) -> dg.ExecuteInProcessResult:
    """Run what a schedule or a sensor has asked for, as the daemon would have it run."""
    done = run_job(
        settings,
        instance,
        "refresh",
        partition_key=request.partition_key,
        tags=dict(request.tags),
        run_config=dict(request.run_config),
    )
    assert done.success
    return done


def materializations(
    instance: dg.DagsterInstance, asset: str
) -> list[tuple[str, str | None, dict[str, object]]]:
    """Run id, partition and metadata of every materialization, oldest first."""
    records = instance.fetch_materializations(dg.AssetKey(asset), limit=1000).records
    return [
        (
            record.run_id,
            record.partition_key,
            {name: value.value for name, value in record.asset_materialization.metadata.items()},
        )
        for record in reversed(records)
    ]
