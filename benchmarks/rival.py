"""What `dbos_script.py` and `pixeltable_script.py` share, so that each shows only its own way.

Nothing of the project is imported here: the interpreter that has DBOS and Pixeltable need not have
the pipeline.
"""

from __future__ import annotations

import argparse
import csv
import os
from pathlib import Path
from typing import Any

import httpx

# As in `naive_script.py`: nobody has more pictures in work, or more patience, than the others.
MODEL = "ideogram-character"
AT_A_TIME = 8
TRIES = 5


def parse_arguments(description: str | None, *, folder_help: str) -> argparse.Namespace:
    """Read the command line: ``catalog``, ``folder``, ``poll`` and ``keys``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("catalog", type=Path, help="folder with characters.csv and prompts.csv")
    parser.add_argument("folder", type=Path, help=folder_help)
    parser.add_argument("--poll", type=float, default=2.0, help="seconds between two looks")
    parser.add_argument("--keys", action="store_true", help="send an Idempotency-Key, the row's id")
    return parser.parse_args()


def provider() -> dict[str, Any]:
    """How to reach the provider, for a client of httpx."""
    return {
        "base_url": os.environ["APIFRAME_BASE_URL"],
        "headers": {"X-API-Key": os.environ["APIFRAME_API_KEY"]},
        "timeout": 60,
    }


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a table."""
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def body_of(row: dict[str, str], reference: str) -> dict[str, Any]:
    """The request for a row's picture."""
    params = {"character_reference_image": reference, "rendering_speed": "turbo"}
    return {"model": MODEL, "prompt": row["prompt"], "ideogramParams": params}


def upload_reference(reference: Path) -> str:
    """Upload a character's picture; its address."""
    files = {"file": (reference.name, reference.read_bytes(), "image/png")}
    with httpx.Client(**provider()) as client:
        answer = client.post("/v2/uploads", files=files)
    url: str = answer.raise_for_status().json()["url"]
    return url
