"""The script that people write: a picture for each row of a catalog, with asyncio and httpx.

It is what a competent engineer has working after an afternoon, and it does much right: eight
pictures at a time, patience with a busy server, no second try of what was refused, a picture noted
in a log right after it was written, and a next start that goes on where the last one ended. What it
does not know is a job that was paid before it died, or whose answer was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx

# One file, as such scripts are; so what `rival.py` gives the others is written here once more.
MODEL = "ideogram-character"
AT_A_TIME = 8
TRIES = 5


class JobFailed(Exception):
    """The provider could not make the picture."""


def main() -> None:
    """Buy what the log does not name; exit 1 if a picture could not be had."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalog", type=Path, help="folder with characters.csv and prompts.csv")
    parser.add_argument("folder", type=Path, help="where pictures and the log go")
    parser.add_argument("--poll", type=float, default=2.0, help="seconds between two looks")
    parser.add_argument("--keys", action="store_true", help="send an Idempotency-Key, the row's id")
    parser.add_argument("--at-a-time", type=int, default=AT_A_TIME, help="pictures in work")
    arguments = parser.parse_args()
    sys.exit(asyncio.run(buy_all(**vars(arguments))) > 0)


async def buy_all(catalog: Path, folder: Path, poll: float, keys: bool, at_a_time: int) -> int:
    """Buy every row's picture; how many could not be had."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "done.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    done = {json.loads(line)["prompt_id"] for line in lines}
    prompts = [row for row in rows_of(catalog / "prompts.csv") if row["prompt_id"] not in done]
    if not prompts:
        return 0
    async with httpx.AsyncClient(
        base_url=os.environ["APIFRAME_BASE_URL"],
        headers={"X-API-Key": os.environ["APIFRAME_API_KEY"]},
        timeout=60,
    ) as client:
        shop = Shop(client, folder, poll, keys, at_a_time)
        references = {
            row["character_id"]: await shop.upload(catalog / row["reference_image"])
            for row in rows_of(catalog / "characters.csv")
        }
        had = await asyncio.gather(
            *(shop.buy(row, references[row["character_id"]]) for row in prompts)
        )
    return had.count(False)


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a table."""
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def is_refusal(error: Exception) -> bool:
    """Whether the same request would fare no better."""
    if not isinstance(error, httpx.HTTPStatusError):
        return False
    return error.response.is_client_error and error.response.status_code != 429


class Shop:
    """One start of the script."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        folder: Path,
        poll: float,
        keys: bool,
        at_a_time: int = AT_A_TIME,
    ) -> None:
        self._client = client
        self._folder = folder
        self._poll = poll
        self._keys = keys
        self._gate = asyncio.Semaphore(at_a_time)

    async def upload(self, reference: Path) -> str:
        """Hand over a character's picture; its address."""
        files = {"file": (reference.name, reference.read_bytes(), "image/png")}
        answer = await self._client.post("/v2/uploads", files=files)
        url: str = answer.raise_for_status().json()["url"]
        return url

    async def buy(self, row: dict[str, str], reference: str) -> bool:
        """Order a picture, wait for it, fetch it and note it; from the start again on errors."""
        async with self._gate:
            for tried in range(TRIES):
                try:
                    job_id = await self._order(row, reference)
                    picture = await self._get(await self._made(job_id))
                except (httpx.HTTPError, JobFailed) as error:
                    print(f"{row['prompt_id']}: {error!r}", file=sys.stderr)
                    if is_refusal(error):
                        break
                    await asyncio.sleep(2**tried)
                    continue
                (self._folder / f"{row['prompt_id']}.png").write_bytes(picture.content)
                with (self._folder / "done.jsonl").open("a") as log:
                    log.write(json.dumps({"prompt_id": row["prompt_id"], "job": job_id}) + "\n")
                return True
        return False

    async def _order(self, row: dict[str, str], reference: str) -> str:
        params = {"character_reference_image": reference, "rendering_speed": "turbo"}
        body = {"model": MODEL, "prompt": row["prompt"], "ideogramParams": params}
        # A key does not sell twice, but neither does it give back what a killed start has paid: the
        # reference has another address now, so this is another request, and is refused (409).
        headers = {"Idempotency-Key": row["prompt_id"]} if self._keys else {}
        answer = await self._client.post("/v2/images/generate", json=body, headers=headers)
        job_id: str = answer.raise_for_status().json()["jobId"]
        return job_id

    async def _made(self, job_id: str) -> str:
        """Wait for a job; the address of its picture."""
        while True:
            await asyncio.sleep(self._poll)
            job: dict[str, Any] = (await self._get(f"/v2/jobs/{job_id}")).json()
            if job["status"] in ("FAILED", "CANCELLED"):
                raise JobFailed(job["error"])
            if job["status"] == "COMPLETED":
                url: str = job["result"]["images"][0]
                return url

    async def _get(self, url: str) -> httpx.Response:
        """Ask for something that costs nothing, again while the server is busy."""
        for tried in range(TRIES):
            answer = await self._client.get(url)
            if answer.status_code != 429 and answer.status_code < 500:
                break
            await asyncio.sleep(float(answer.headers.get("Retry-After", 2**tried)))
        return answer.raise_for_status()


if __name__ == "__main__":
    main()
