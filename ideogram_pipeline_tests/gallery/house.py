"""A small house to show: a warehouse, pictures and references, all invented."""

from __future__ import annotations

import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from ideogram_pipeline.settings import Settings
from ideogram_pipeline.warehouse import publish
from ideogram_pipeline.warehouse.changes import Replace

NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
RUN = "20261122T183000-0a1b2c"
CREDITS = {"turbo": 3, "default": 6, "quality": 9}

Row = dict[str, object]


def png(colour: tuple[int, int, int] | str = "teal", size: tuple[int, int] = (64, 48)) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, colour).save(target, "PNG")
    return target.getvalue()


@cache
def _empty_warehouse() -> bytes:
    """Made once, because making the tables takes longer than filling them."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "warehouse.duckdb")
        publish(path, [], complete=True)
        return path.read_bytes()


class House:
    """Rows gathered by table, to be published as the whole of the warehouse."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings.load(api_key=None, home=home, catalog=str(home / "catalog"))
        (home / "catalog").mkdir(parents=True, exist_ok=True)
        self.tables: dict[str, list[Row]] = {
            "characters": [],
            "prompt_catalog": [],
            "generation_plan": [],
            "generations": [],
            "images": [],
        }

    def character(self, character_id: str, name: str, reference: bytes | None = None) -> None:
        content = reference or png("gold")
        file = self.settings.home / "references" / f"{character_id}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.tables["characters"].append(
            {
                "character_id": character_id,
                "name": name,
                "reference_image": str(file.absolute()),
                "reference_sha256": hashlib.sha256(content).hexdigest(),
                "updated_at": NOW,
            }
        )

    def prompt(
        self,
        character_id: str,
        prompt_id: str,
        text: str = "reading under a lamp",
        *,
        title: str | None = None,
        tags: Sequence[str] = (),
        variations: int = 1,
        refresh: str = "never",
        enabled: bool = True,
    ) -> None:
        self.tables["prompt_catalog"].append(
            {
                "prompt_id": prompt_id,
                "character_id": character_id,
                "prompt": text,
                "variations": variations,
                "refresh": refresh,
                "enabled": enabled,
                "title": title,
                "tags": list(tags),
                "updated_at": NOW,
            }
        )

    def plan(
        self,
        character_id: str,
        prompt_id: str,
        *,
        variation: int = 1,
        edition: str = "base",
        fingerprint: str | None = None,
        decision: str = "generate",
        reason: str = "new",
        speed: str = "default",
        text: str = "reading under a lamp",
    ) -> str:
        """Plan one image; its fingerprint, when none is given, is made from its place."""
        fingerprint = fingerprint or self.fingerprint(prompt_id, variation, edition)
        self.tables["generation_plan"].append(
            {
                "planned_at": NOW,
                "run_id": RUN,
                "character_id": character_id,
                "prompt_id": prompt_id,
                "variation": variation,
                "edition": edition,
                "decision": decision,
                "reason": reason,
                "credits": CREDITS[speed] if decision == "generate" else 0,
                "rendering_speed": speed,
                "seed": self.seed(fingerprint),
                "fingerprint": fingerprint,
                "prompt": text,
                "reproducible": True,
                "title": None,
                "tags": [],
            }
        )
        return fingerprint

    def attempt(
        self,
        character_id: str,
        prompt_id: str,
        *,
        variation: int = 1,
        edition: str = "base",
        fingerprint: str | None = None,
        number: int = 1,
        status: str = "stored",
        error: str | None = None,
        speed: str = "default",
        credits: int | None = None,  # noqa: A002  the column's name
        magic_prompt: str = "Off",
        text: str = "reading under a lamp",
    ) -> str:
        """Add a row of ``generations`` and give its job id."""
        fingerprint = fingerprint or self.fingerprint(prompt_id, variation, edition)
        job_id = f"job-{fingerprint[:12]}-{number}"
        params = {
            "aspect_ratio": "4:3",
            "character_reference_image": "https://cdn.apiframe.ai/u/1",
            "magic_prompt_option": magic_prompt,
            "rendering_speed": speed,
            "seed": self.seed(fingerprint),
            "style_type": "Auto",
        }
        self.tables["generations"].append(
            {
                "provider": "sandbox",
                "run_id": RUN,
                "character_id": character_id,
                "prompt_id": prompt_id,
                "variation": variation,
                "edition": edition,
                "fingerprint": fingerprint,
                "attempt": number,
                "idempotency_key": f"ip1-{fingerprint}-{number}",
                "job_id": job_id,
                "status": status,
                "rendering_speed": speed,
                "seed": self.seed(fingerprint),
                "request": json.dumps(
                    {"model": "ideogram-character", "prompt": text, "ideogramParams": params}
                ),
                "reference_sha256": "ab" * 32,
                "expected_credits": CREDITS[speed],
                "credits": credits,
                "submitted_at": NOW,
                "error": error,
            }
        )
        return job_id

    def picture(
        self,
        character_id: str,
        prompt_id: str,
        content: bytes | None = None,
        *,
        variation: int = 1,
        edition: str = "base",
        fingerprint: str | None = None,
        speed: str = "default",
        magic_prompt: str = "Off",
        text: str = "reading under a lamp",
    ) -> Path:
        """Store a picture, with the attempt that bought it."""
        fingerprint = fingerprint or self.fingerprint(prompt_id, variation, edition)
        content = content or png(f"#{fingerprint[:6]}")
        job_id = self.attempt(
            character_id,
            prompt_id,
            variation=variation,
            edition=edition,
            fingerprint=fingerprint,
            speed=speed,
            credits=CREDITS[speed],
            magic_prompt=magic_prompt,
            text=text,
        )
        path = f"images/{character_id}/{prompt_id}/{edition}-v{variation}-a1.png"
        file = self.settings.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        try:
            with Image.open(io.BytesIO(content)) as image:
                width, height = image.size
        except OSError:
            width, height = 64, 48
        self.tables["images"].append(
            {
                "provider": "sandbox",
                "fingerprint": fingerprint,
                "character_id": character_id,
                "prompt_id": prompt_id,
                "variation": variation,
                "edition": edition,
                "seed": self.seed(fingerprint),
                "path": path,
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
                "width": width,
                "height": height,
                "format": "png",
                "job_id": job_id,
                "run_id": RUN,
                "created_at": NOW,
            }
        )
        return file

    def publish(self) -> Settings:
        if not self.settings.warehouse_path.exists():
            self.settings.folder.mkdir(parents=True, exist_ok=True)
            self.settings.warehouse_path.write_bytes(_empty_warehouse())
        changes = [Replace(table, rows) for table, rows in self.tables.items()]
        changes.append(Replace("publications", self._marks()))
        publish(self.settings.warehouse_path, changes, complete=True)
        return self.settings

    def _marks(self) -> list[Row]:
        """Another one for a character as soon as a row of it is another."""
        of_whom = defaultdict[str, list[Row]](list)
        for table in ("generations", "images"):
            for row in self.tables[table]:
                of_whom[str(row["character_id"])].append(row)
        return [
            {"character_id": name, "mark": hashlib.sha256(repr(rows).encode()).hexdigest()}
            for name, rows in of_whom.items()
        ]

    @staticmethod
    def fingerprint(prompt_id: str, variation: int, edition: str) -> str:
        return hashlib.sha256(f"{prompt_id}\n{variation}\n{edition}".encode()).hexdigest()

    @staticmethod
    def seed(fingerprint: str) -> int:
        return int(fingerprint[:7], 16) + 1
