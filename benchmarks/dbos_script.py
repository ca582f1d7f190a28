"""The job of `naive_script.py` as a DBOS application: a durable workflow for each picture.

After DBOS's own tutorials: workflows on a queue, each under the id of its row, so that none is
started twice; every call of the provider a step with retries, whose result is kept in SQLite. A
second start goes on with the workflows that the first one left, from their last finished step.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import httpx
from dbos import DBOS, SetWorkflowID

from benchmarks.rival import (
    AT_A_TIME,
    TRIES,
    body_of,
    parse_arguments,
    provider,
    rows_of,
    upload_reference,
)

QUEUE = "pictures"

client = httpx.Client(**provider())


def main() -> None:
    """Buy every row's picture once; exit 1 if one could not be had."""
    arguments = parse_arguments(__doc__, folder_help="where pictures and DBOS's database go")
    catalog, folder = arguments.catalog, arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder / 'dbos.sqlite'}"
    DBOS(config={"name": "pictures", "system_database_url": url, "log_level": "ERROR"})
    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=AT_A_TIME, polling_interval_sec=0.1)
    references = {}
    for row in rows_of(catalog / "characters.csv"):
        with SetWorkflowID(f"reference-{row['character_id']}"):
            handed = DBOS.start_workflow(hand_over, str(catalog / row["reference_image"]))
        references[row["character_id"]] = handed.get_result()
    handles = []
    for row in rows_of(catalog / "prompts.csv"):
        name = row["prompt_id"]
        body = body_of(row, references[row["character_id"]])
        target = str(folder / f"{name}.png")
        key = name if arguments.keys else None
        with SetWorkflowID(name):
            handles.append(DBOS.enqueue_workflow(QUEUE, buy, body, target, arguments.poll, key))
    failed = 0
    for handle in handles:
        try:
            handle.get_result(polling_interval_sec=0.1)
        except Exception as error:  # whatever its workflow ended with
            print(repr(error), file=sys.stderr)
            failed += 1
    DBOS.destroy()
    sys.exit(bool(failed))


@DBOS.workflow()
def hand_over(reference: str) -> str:
    """Upload a character's picture; its address."""
    return upload(reference)


@DBOS.workflow()
def buy(body: dict[str, Any], target: str, poll: float, key: str | None) -> None:
    """Order a picture, wait for it, fetch it."""
    fetch(made(order(body, key), poll), target)


@DBOS.step(retries_allowed=True, max_attempts=TRIES)
def upload(reference: str) -> str:
    """Hand a file over."""
    return upload_reference(Path(reference))


@DBOS.step(retries_allowed=True, max_attempts=TRIES)
def order(body: dict[str, Any], key: str | None) -> str:
    """Pay."""
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.post("/v2/images/generate", json=body, headers=headers)
    job_id: str = answer.raise_for_status().json()["jobId"]
    return job_id


@DBOS.step(retries_allowed=True, max_attempts=TRIES)
def made(job_id: str, poll: float) -> str:
    """Wait for a job; the address of its picture."""
    while True:
        time.sleep(poll)
        job = client.get(f"/v2/jobs/{job_id}").raise_for_status().json()
        if job["status"] in ("FAILED", "CANCELLED"):
            raise RuntimeError(job["error"])
        if job["status"] == "COMPLETED":
            url: str = job["result"]["images"][0]
            return url


@DBOS.step(retries_allowed=True, max_attempts=TRIES)
def fetch(url: str, target: str) -> None:
    """Write the picture."""
    Path(target).write_bytes(client.get(url).raise_for_status().content)
