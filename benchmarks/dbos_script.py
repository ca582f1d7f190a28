"""The job of `naive_script.py` as a DBOS application: a durable workflow for each picture.

After DBOS's own tutorials: workflows on a queue, each under the id of its row, so that none is
started twice; every call of the provider a step with retries, whose result is kept in SQLite. A
second start goes on with the workflows that the first one left, from their last finished step.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from dbos import DBOS, SetWorkflowID

MODEL = "ideogram-character"
QUEUE = "pictures"
AT_A_TIME = 8
TRIES = 5

client = httpx.Client(
    base_url=os.environ["APIFRAME_BASE_URL"],
    headers={"X-API-Key": os.environ["APIFRAME_API_KEY"]},
    timeout=60,
)


def main() -> None:
    """Buy every row's picture once; exit 1 if one could not be had."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalog", type=Path, help="folder with characters.csv and prompts.csv")
    parser.add_argument("folder", type=Path, help="where pictures and DBOS's database go")
    parser.add_argument("--poll", type=float, default=2.0, help="seconds between two looks")
    parser.add_argument("--keys", action="store_true", help="send an Idempotency-Key, the row's id")
    arguments = parser.parse_args()
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


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a table."""
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def body_of(row: dict[str, str], reference: str) -> dict[str, Any]:
    """The request for a row's picture."""
    params = {"character_reference_image": reference, "rendering_speed": "turbo"}
    return {"model": MODEL, "prompt": row["prompt"], "ideogramParams": params}


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
    with Path(reference).open("rb") as content:
        answer = client.post("/v2/uploads", files={"file": ("reference.png", content, "image/png")})
    url: str = answer.raise_for_status().json()["url"]
    return url


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
