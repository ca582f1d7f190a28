"""The API's JSON, read into the types of ``model``.

Strict about one thing, the id, because a job without one cannot be followed and must not vanish
from a listing that is to prove absence. Tolerant about the rest: sources disagree on the shape of
``result`` and on when ``creditCost`` is known, and new fields and statuses will come.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ideogram_pipeline.apiframe.errors import Malformed
from ideogram_pipeline.apiframe.model import MODEL, Account, Job, JobPage, Upload

_JOB_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}")
_RESULT_KEYS: Final = ("images", "image", "urls", "url")
_LONGEST_MESSAGE: Final = 500


def job_id(value: object) -> str | None:
    """``value`` if it can be a job's id (a UUID by the contract; other short words are taken)."""
    return value if isinstance(value, str) and _JOB_ID.fullmatch(value) else None


def job_status(value: object) -> str:
    """A status word in upper case; ``UNKNOWN`` where none is given."""
    word = value.strip().upper() if isinstance(value, str) else ""
    return {"": "UNKNOWN", "CANCELED": "CANCELLED"}.get(word, word)


def decode_job(data: object) -> Job:
    """A job as ``GET /v2/jobs/{id}`` and its list give it.

    Raises:
        Malformed: If there is no usable id.
    """
    fields = _object(data, "a job")
    identity = job_id(fields.get("id"))
    if identity is None:
        raise Malformed(f"The provider sent a job without a usable id: {fields.get('id')!r:.80}")
    submitted = fields.get("input")
    return Job(
        id=identity,
        status=job_status(fields.get("status")),
        model=_text(fields.get("model")) or "",
        created_at=moment(fields.get("createdAt")),
        completed_at=moment(fields.get("completedAt")),
        result_urls=tuple(dict.fromkeys(_urls(fields.get("result")))),
        credit_cost=whole(fields.get("creditCost")),
        error=_words(fields.get("error")),
        expired=fields.get("expired") is True,
        input=submitted if isinstance(submitted, dict) else None,
        raw=fields,
    )


def decode_page(data: object) -> JobPage:
    """A page of jobs.

    Raises:
        Malformed: If it has no list, or any job in it lacks an id.
    """
    fields = _object(data, "a page of jobs")
    jobs = fields.get("jobs")
    if not isinstance(jobs, list):
        raise Malformed("The provider sent a page of jobs without the list 'jobs'.")
    cursor = _text(fields.get("nextCursor"))
    more = fields.get("hasMore")
    return JobPage(
        jobs=tuple(decode_job(job) for job in jobs),
        next_cursor=cursor,
        has_more=more if isinstance(more, bool) else cursor is not None,
    )


def decode_account(data: object) -> Account:
    """The answer of ``GET /v2/me``; its team, and all in it, may be absent."""
    fields = _object(data, "an account")
    found = fields.get("team")
    team: dict[str, Any] = found if isinstance(found, dict) else {}
    return Account(
        credits=whole(team.get("credits")),
        plan=_text(team.get("plan")),
        team_name=_text(team.get("name")),
        team_id=_text(team.get("id")),
        max_concurrent_jobs=whole(team.get("maxConcurrentJobs")),
    )


def decode_price_range(data: object) -> tuple[float, float] | None:
    """The costs of this model in the answer of ``GET /v2/models``; both may be absent."""
    models = _object(data, "a price list").get("models")
    for model in models if isinstance(models, list) else []:
        if isinstance(model, dict) and model.get("id") == MODEL:
            least, most = _number(model.get("costMin")), _number(model.get("costMax"))
            return None if least is None or most is None else (least, most)
    return None


def decode_upload(data: object) -> Upload:
    """The answer of ``POST /v2/uploads``.

    Raises:
        Malformed: If there is no address to use.
    """
    fields = _object(data, "an upload")
    url = next(_urls(fields.get("url")), None)
    if url is None:
        raise Malformed("The provider took an upload but sent no 'url' for it.")
    return Upload(url, moment(fields.get("expiresAt")))


def error_message(body: bytes | None) -> str:
    """What an error answer says, on one line: ``error``, then ``details`` by path.

    Not JSON, it is cut short if it is plain text, and only named if it is a web page.
    """
    text = (body or b"").decode("utf-8", "replace").strip()
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return "(a web page)" if text.startswith("<") else one_line(text)
    if not isinstance(data, dict):
        return one_line(text)
    message = _words(data.get("error")) or _words(data.get("message")) or one_line(text)
    details = data.get("details")
    if isinstance(details, dict):
        found = (
            f"{path}: {', '.join(map(str, said)) if isinstance(said, list) else said}"
            for path, said in details.items()
        )
        message = f"{message} ({'; '.join(found)})" if details else message
    return one_line(message)


def one_line(text: str) -> str:
    """``text`` without line ends and control characters, cut to a readable length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


def whole(value: object) -> int | None:
    """A whole number given as ``15``, ``15.0`` or ``"15"``; anything else is not known."""
    number = _number(value)
    return int(number) if number is not None and number.is_integer() else None


def moment(value: object) -> datetime | None:
    """An ISO 8601 date and time in UTC; one without an offset is taken as UTC."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        if found is None or found.tzinfo is None:
            return found and found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _object(data: object, what: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Malformed(f"The provider sent {type(data).__name__} where {what} was expected.")
    return data


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _words(value: object) -> str | None:
    """An error that may be a string or an object with a ``message``."""
    if isinstance(value, Mapping):
        value = value.get("message") or json.dumps(value)
    return one_line(value) if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _urls(result: object) -> Iterator[str]:
    """Every address in a result: a string, an object with one of ``_RESULT_KEYS``, or a list."""
    if isinstance(result, str):
        if result.startswith(("https://", "http://")):
            yield result
    elif isinstance(result, list):
        for item in result:
            yield from _urls(item)
    elif isinstance(result, Mapping):
        for key in _RESULT_KEYS:
            yield from _urls(result.get(key))
