"""A client that does what the vendor's SDK does, in as many threads as pictures may be in work.

Its ``waitFor`` looks at a job at once, then after 2 s, and waits longer by half from look to look,
up to 5 s (apiframe-nodejs-sdk, `src/resources/jobs.ts`). The SDK is for Node; this is its way.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks.rival import body_of, provider, rows_of, upload_reference

FIRST_WAIT = 2.0
LONGEST_WAIT = 5.0
GROWTH = 1.5


def main() -> None:
    """Buy every row's picture; nothing is tried again but what is refused as too much."""
    arguments = parse_arguments(__doc__)
    references = upload_references(arguments.catalog)
    with (
        httpx.Client(**provider(), limits=httpx.Limits(max_connections=None)) as client,
        ThreadPoolExecutor(arguments.at_a_time) as threads,
    ):

        def buy(row: Mapping[str, str]) -> None:
            body = body_of(dict(row), references[row["character_id"]])
            url = wait_for(client, generate(client, body), arguments.second)
            picture = client.get(url).raise_for_status().content
            Path(arguments.folder, f"{row['prompt_id']}.png").write_bytes(picture)

        list(threads.map(buy, rows_of(arguments.catalog / "prompts.csv")))


def parse_arguments(description: str | None) -> argparse.Namespace:
    """Read the command line: ``catalog``, ``folder``, ``at_a_time`` and ``second``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("catalog", type=Path, help="folder with characters.csv and prompts.csv")
    parser.add_argument("folder", type=Path, help="where pictures go")
    parser.add_argument("--at-a-time", type=int, default=8, help="pictures in work")
    parser.add_argument(
        "--second", type=float, default=1.0, help="how long one of the real ones is"
    )
    return parser.parse_args()


def upload_references(catalog: Path) -> dict[str, str]:
    """Upload every character's picture; the addresses by character."""
    return {
        row["character_id"]: upload_reference(catalog / row["reference_image"])
        for row in rows_of(catalog / "characters.csv")
    }


def generate(client: httpx.Client, body: Mapping[str, object]) -> str:
    """Submit, again after a 429's ``Retry-After``; the id of the job."""
    while (answer := client.post("/v2/images/generate", json=body)).status_code == 429:
        time.sleep(float(answer.headers["Retry-After"]))
    job_id: str = answer.raise_for_status().json()["jobId"]
    return job_id


def wait_for(client: httpx.Client, job_id: str, second: float) -> str:
    """Look at one job until it is done; the address of its picture.

    Args:
        client: Of the provider.
        job_id: The job.
        second: How long a second of the real provider is here.
    """
    wait = FIRST_WAIT
    while True:
        job = client.get(f"/v2/jobs/{job_id}").raise_for_status().json()
        if job["status"] == "COMPLETED":
            url: str = job["result"]["images"][0]
            return url
        if job["status"] in ("FAILED", "CANCELLED"):
            raise RuntimeError(f"{job_id}: {job['error']}")
        time.sleep(wait * second)
        wait = min(LONGEST_WAIT, wait * GROWTH)


if __name__ == "__main__":
    main()
