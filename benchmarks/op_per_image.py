"""One Dagster op per image: dynamic mapping, a process for each op, as many as may be in work.

Dagster's in-process executor would run one op after the other. An op waits for its picture as the
vendor's SDK does.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import httpx

from benchmarks.rival import body_of, provider, rows_of
from benchmarks.vendor_style import generate, parse_arguments, upload_references, wait_for


class Terms(dg.Config):
    """What both ops are told."""

    catalog: str
    folder: str
    second: float


@dg.op(out=dg.DynamicOut())
def rows(config: Terms) -> Iterator[dg.DynamicOutput[dict[str, Any]]]:
    """Hand out the rows of the catalog."""
    catalog = Path(config.catalog)
    references = upload_references(catalog)
    for row in rows_of(catalog / "prompts.csv"):
        found = {"name": row["prompt_id"], "body": body_of(row, references[row["character_id"]])}
        yield dg.DynamicOutput(found, mapping_key=row["prompt_id"].replace("-", "_"))


@dg.op
def picture(config: Terms, row: dict[str, Any]) -> None:
    """Buy one picture."""
    with httpx.Client(**provider()) as client:
        url = wait_for(client, generate(client, row["body"]), config.second)
        content = client.get(url).raise_for_status().content
    Path(config.folder, f"{row['name']}.png").write_bytes(content)


@dg.job(executor_def=dg.multiprocess_executor)
def pictures() -> None:
    """All pictures of a catalog."""
    rows().map(picture)


def main() -> None:
    """Buy every row's picture, on an instance of its own.

    Raises:
        DagsterExecutionStepExecutionError: A picture could not be had.
    """
    arguments = parse_arguments(__doc__)
    terms = {
        "catalog": str(arguments.catalog),
        "folder": str(arguments.folder),
        "second": arguments.second,
    }
    os.environ["DAGSTER_HOME"] = str(arguments.folder)
    (arguments.folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.get() as instance:
        dg.execute_job(
            dg.reconstructable(pictures),
            instance,
            run_config={
                "ops": {name: {"config": terms} for name in ("rows", "picture")},
                "execution": {"config": {"max_concurrent": arguments.at_a_time}},
            },
            raise_on_error=True,
        )
