"""Jobs: their rows, what the clock says about them, and the pages that list them."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Literal, cast

from ideogram_pipeline.sandbox import contract
from ideogram_pipeline.sandbox.contract import JobStatus, is_uuid
from ideogram_pipeline.sandbox.core import HOUR_MS, Sandbox, refuse, timestamp
from ideogram_pipeline.sandbox.state import Parameters

RETENTION_MS = 24 * HOUR_MS
"""How long result files live, counted from the creation of the job."""

_COLUMNS = (
    "id, user, idempotency_key, input, charge, refund, fate, error, shape, created_ms, started_ms,"
    " finished_ms, result_ms, reference, image, mask, webhook_status, purged"
)

# The same rules as JobRow.status, for filtering in the database.
_STATUS_SQL: dict[str, str] = {
    "QUEUED": "started_ms > :now",
    "PROCESSING": "started_ms <= :now AND finished_ms > :now",
    "COMPLETED": "finished_ms <= :now AND fate = 'COMPLETED'",
    "FAILED": "finished_ms <= :now AND fate = 'FAILED'",
    "CANCELLED": "finished_ms <= :now AND fate = 'CANCELLED'",
}


@dataclass(frozen=True, slots=True)
class JobRow:
    """One row of the table of jobs, in its order; times are milliseconds since 1970."""

    id: str
    user: str
    idempotency_key: str | None
    input: str
    charge: int
    refund: int
    fate: JobStatus
    error: str | None
    shape: str
    created_ms: int
    started_ms: int
    finished_ms: int
    result_ms: int
    reference: str | None
    image: str | None
    mask: str | None
    webhook_status: Literal["pending", "delivered", "failed"] | None
    purged: int

    def status(self, now: int) -> JobStatus:
        """What the provider says about the job at ``now``."""
        if now < self.started_ms:
            return "QUEUED"
        return "PROCESSING" if now < self.finished_ms else self.fate

    def progress(self, now: int) -> int | None:
        """Percent; nothing once the job has ended without a picture."""
        status = self.status(now)
        if status == "PROCESSING":
            share = (now - self.started_ms) / (self.finished_ms - self.started_ms)
            return min(99, int(100 * share))
        return {"QUEUED": 0, "COMPLETED": 100}.get(status)

    def expired(self, now: int) -> bool:
        """The picture was made, and its file is gone."""
        gone = bool(self.purged) or now >= self.created_ms + RETENTION_MS
        return gone and self.status(now) == "COMPLETED"

    def has_url(self, now: int) -> bool:
        """The result names its file; it keeps doing so when the file is gone."""
        return self.status(now) == "COMPLETED" and now >= self.result_ms

    def as_json(self, now: int, base_url: str) -> contract.Job:
        """The job as the API shows it in lists."""
        status = self.status(now)
        result: object = None
        if self.has_url(now):
            url = f"{base_url}/cdn/images/{self.id}-0.png"
            result = {"images": [url]} if self.shape == "images" else url
        ended = now >= self.finished_ms
        return {
            "id": self.id,
            "status": status,
            "model": contract.MODEL,
            "progress": self.progress(now),
            "result": result,
            "error": self.error if ended else None,
            "creditCost": self.charge - (self.refund if ended else 0),
            "webhookStatus": self.webhook_status,
            "createdAt": timestamp(self.created_ms),
            "completedAt": timestamp(self.finished_ms) if ended else None,
            "expired": self.expired(now),
        }


def job_of_user(sandbox: Sandbox, job_id: str, user: str) -> JobRow | None:
    """A user's own job."""
    job = find_job(sandbox, job_id)
    return job if job and job.user == user else None


def find_job(sandbox: Sandbox, job_id: str) -> JobRow | None:
    """The job with this id, whoever owns it."""
    row = sandbox.state.row(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (job_id.lower(),))
    return JobRow(*row) if row else None


def all_jobs(sandbox: Sandbox) -> list[JobRow]:
    """Every job of the team, oldest first."""
    rows = sandbox.state.rows(f"SELECT {_COLUMNS} FROM jobs ORDER BY created_ms, id")
    return [JobRow(*row) for row in rows]


def with_input(job: JobRow, shown: contract.Job) -> contract.Job:
    """The job as `GET /v2/jobs/{id}` shows it."""
    return cast(contract.Job, {**shown, "input": json.loads(job.input)})


def page(
    sandbox: Sandbox, user: str | None, query: contract.JobsQuery, *, now: int, base_url: str
) -> contract.JobList:
    """One page of jobs, newest first; a job that arrives later never shifts a page.

    Args:
        sandbox: Whose jobs.
        user: Only this user's jobs; `None` for all of the team.
        query: What is asked for.
        now: The time of the answer.
        base_url: Where result URLs point to.

    Raises:
        Refusal: 400 for a cursor that is not ours.
    """
    conditions = ["1"]
    values: dict[str, str | int] = {"now": now}
    if user is not None:
        conditions.append("user = :user")
        values["user"] = user
    if "status" in query:
        conditions.append(_STATUS_SQL[query["status"]])
    if "search" in query:
        conditions.append("id = :search")
        values["search"] = query["search"].lower()
    if "cursor" in query:
        conditions.append("(created_ms, id) < (:cursor_ms, :cursor_id)")
        values["cursor_ms"], values["cursor_id"] = _read_cursor(query["cursor"])
    if query.get("model", contract.MODEL) != contract.MODEL:
        conditions.append("0")
    limit = query.get("limit", contract.DEFAULT_LIMIT)
    # One more than is shown tells whether there are more.
    rows = sandbox.state.rows(
        f"SELECT {_COLUMNS} FROM jobs WHERE {' AND '.join(conditions)}"
        " ORDER BY created_ms DESC, id DESC LIMIT :rows",
        {**values, "rows": limit + 1},
    )
    jobs = [JobRow(*row) for row in rows[:limit]]
    more = len(rows) > limit
    return {
        "jobs": [job.as_json(now, base_url) for job in jobs],
        "nextCursor": _cursor_after(jobs[-1]) if more else None,
        "hasMore": more,
    }


def models_of(sandbox: Sandbox, user: str | None) -> list[str]:
    """The models that a user, or the team, has jobs of."""
    sql: str = "SELECT 1 FROM jobs LIMIT 1"
    parameters: Parameters = ()
    if user is not None:
        sql, parameters = "SELECT 1 FROM jobs WHERE user = ? LIMIT 1", (user,)
    return [contract.MODEL] if sandbox.state.row(sql, parameters) else []


def _cursor_after(job: JobRow) -> str:
    return base64.urlsafe_b64encode(f"{job.created_ms}:{job.id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[int, str]:
    try:
        text = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode()
        created, _, job_id = text.partition(":")
        if len(created) <= 16 and created.isdecimal() and is_uuid(job_id):
            return int(created), job_id
    except (binascii.Error, ValueError):
        pass
    raise refuse(400, "Invalid cursor", details={"cursor": ["Invalid cursor"]})
