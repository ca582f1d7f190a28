"""What really happened, by the provider's own books: for tests, demos and reconciliations."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from ideogram_pipeline.sandbox.core import Sandbox, timestamp
from ideogram_pipeline.sandbox.jobs import JobRow, all_jobs


def truth(sandbox: Sandbox, *, summary: bool = False) -> dict[str, Any]:
    """All books at this moment of the sandbox's clock; credits are integers.

    `balance` is `opening` + `purchased` - `charges` + `refunds`. `peakInFlight` counts jobs that
    wait as well as those that are worked on. `requests` has, by route, how often each status was
    answered, `lost` for no answer at all. `firstJobAt` and `downloads.lastAt` are the moments of
    the first accepted submission and of the last picture served. `submissions` of a key counts
    every request that named it, `jobs` what was made and charged for it.

    Args:
        sandbox: Whose books.
        summary: Leave out the lists of jobs and of idempotency keys.
    """
    state = sandbox.state
    with state.transaction():
        now = sandbox.now_ms()
        opening, purchased, charged, peak = state.row(
            "SELECT opening, purchased, charged, peak_in_flight FROM account"
        )
        counters = dict(state.rows("SELECT name, value FROM counters"))
        keys = state.rows("SELECT key, submissions, jobs FROM keys_seen ORDER BY key")
        requests: dict[str, dict[str, int]] = {}
        for route, status, number in state.rows("SELECT * FROM requests ORDER BY route, status"):
            requests.setdefault(route, {})[status] = number
        uploads = state.row("SELECT count(*), coalesce(sum(byte_size), 0) FROM uploads")
        balance = sandbox.balance(now)
        jobs = all_jobs(sandbox)
    books: dict[str, Any] = {
        "now": timestamp(now),
        "opening": opening,
        "purchased": purchased,
        "charges": charged,
        "refunds": balance - opening - purchased + charged,
        "balance": balance,
        "jobCount": len(jobs),
        "firstJobAt": _moment(jobs[0].created_ms if jobs else None),
        "jobsByStatus": dict(Counter(job.status(now) for job in jobs)),
        "peakInFlight": peak,
        "requests": requests,
        "uploads": {"count": uploads[0], "bytes": uploads[1]},
        "downloads": {
            "count": counters.get("downloads", 0),
            "bytes": counters.get("bytes_served", 0),
            "lastAt": _moment(counters.get("last_download_ms")),
        },
        "keyCount": len(keys),
        "keysWithSeveralJobs": sum(made > 1 for _, _, made in keys),
    }
    if not summary:
        books["idempotencyKeys"] = {
            key: {"submissions": submissions, "jobs": made} for key, submissions, made in keys
        }
        books["jobs"] = [_job(job, now) for job in jobs]
    return books


def _moment(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else timestamp(milliseconds)


def _job(job: JobRow, now: int) -> dict[str, Any]:
    body = json.loads(job.input)
    ended = now >= job.finished_ms
    return {
        "id": job.id,
        "user": job.user,
        "idempotencyKey": job.idempotency_key,
        "status": job.status(now),
        "charge": job.charge,
        "refund": job.refund if ended else 0,
        "error": job.error if ended else None,
        "expired": job.expired(now),
        "prompt": body["prompt"],
        "seed": body["ideogramParams"].get("seed"),
        "createdAt": timestamp(job.created_ms),
        "startedAt": timestamp(job.started_ms),
        "completedAt": timestamp(job.finished_ms),
        "input": body,
    }
