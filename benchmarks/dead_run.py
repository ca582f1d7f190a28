"""What a run leaves behind that was killed at work: a journal, pictures, jobs at the provider."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, select

from ideogram_pipeline.apiframe.client import ApiframeClient
from ideogram_pipeline.apiframe.model import Accepted
from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.generation import run_records, schema
from ideogram_pipeline.generation.attempt import Attempt
from ideogram_pipeline.generation.database import open_journal
from ideogram_pipeline.generation.journal import Journal
from ideogram_pipeline.generation.limits import Limits
from ideogram_pipeline.generation.plans import make_plan
from ideogram_pipeline.planning.identity import idempotency_key, request_body
from ideogram_pipeline.planning.model import PlannedImage
from ideogram_pipeline.settings import Settings
from ideogram_pipeline_tests.support import AT

RUN_ID = "the-dead-run"
GONE = "https://cdn.apiframe.ai/uploads/gone.png"
"""Where the references of stored pictures were; uploads live an hour or two."""


def leave_behind(settings: Settings, *, in_flight: int) -> None:
    """Add a run that stored what the catalog asks for, but for its last pictures, and was killed.

    Those are paid, each by a job at the provider. Of a quarter of them the run has not noted the
    answer to its request, a quarter it has seen completed, at a half it had yet to look. The
    stored ones are copies of one that is there: attempt, charge and file.

    Args:
        settings: Where the catalog and the provider are, and a journal that holds one picture.
        in_flight: How many are paid and not stored.
    """
    plan = make_plan(settings, read_catalog(settings.catalog), at=AT)
    wanted = list(plan.images("generate"))
    finished = len(wanted) - in_flight
    with open_journal(settings) as database:
        run_records.open_run(
            database,
            RUN_ID,
            provider=settings.provider,
            characters=plan.characters(),
            credits_quoted=plan.quote,
            images_planned=len(wanted),
            images_reused=plan.count("reuse"),
        )
        with database.write() as connection:
            _copy(connection, settings.folder, wanted[:finished])
        asyncio.run(
            _buy(settings, Journal(database, provider=settings.provider), wanted[finished:])
        )


async def _buy(settings: Settings, journal: Journal, wanted: Sequence[PlannedImage]) -> None:
    assert settings.api_key is not None
    async with ApiframeClient(base_url=settings.base_url, api_key=settings.api_key) as client:
        urls = {}
        for reference in {planned.reference for planned in wanted}:
            content = reference.path.read_bytes()
            upload = await client.upload(content, filename="a.png", content_type="image/png")
            urls[reference.sha256] = upload.url
        for number, planned in enumerate(wanted):
            attempt = journal.begin(
                planned,
                request_body(planned, urls),
                run_id=RUN_ID,
                now=client.clock.now(),
                limits=Limits(),
                balance=None,
            )
            assert isinstance(attempt, Attempt)
            outcome = await client.submit(attempt.body, idempotency_key=attempt.idempotency_key)
            assert isinstance(outcome, Accepted)
            if number % 4:
                attempt = journal.accept(attempt, outcome.job_id, now=client.clock.now())
            if number % 4 == 1:
                while not (job := await client.job(outcome.job_id)).is_completed:
                    continue
                journal.complete(attempt, job, now=client.clock.now())


def _copy(connection: Connection, folder: Path, wanted: Sequence[PlannedImage]) -> None:
    of_stored = select(schema.attempts).where(schema.attempts.c.state == schema.STORED)
    stored = dict(connection.execute(of_stored).mappings().one())
    charge = dict(connection.execute(select(schema.ledger)).mappings().one())
    content = (folder / stored["path"]).read_bytes()
    attempts, charges = [], []
    for number, planned in enumerate(wanted, 1):
        path = Path("images", planned.character_id, planned.prompt_id, Path(stored["path"]).name)
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_bytes(content)
        own = {
            "id": stored["id"] + number,
            "fingerprint": planned.fingerprint,
            "idempotency_key": idempotency_key(planned.fingerprint, 1),
            "owner": RUN_ID,
            "run_id": RUN_ID,
            "prompt_id": planned.prompt_id,
            "seed": planned.seed,
            "body": request_body(planned, {planned.reference.sha256: GONE}),
            "job_id": str(uuid.uuid5(uuid.NAMESPACE_URL, planned.fingerprint)),
            "path": path.as_posix(),
        }
        attempts.append(stored | own)
        charges.append(charge | {"entry_id": charge["entry_id"] + number, "attempt_id": own["id"]})
    if wanted:
        connection.execute(schema.attempts.insert(), attempts)
        connection.execute(schema.ledger.insert(), charges)
