"""Faults on demand: by probability, or by a script that is worked off in order.

A *before* fault refuses the request, and nothing has happened. An *after* fault harms the answer
of a request whose effect has happened: a submission is accepted and charged. A *job* fault decides
at submission how the job will end. A *download* fault harms one delivery of a picture.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ideogram_pipeline.sandbox.state import State

Stage = Literal["before", "after", "job", "download"]
Route = Literal["generate", "jobs", "job", "me", "models", "uploads", "picture"]

Probability = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class _Kind:
    """When a fault strikes, and on which routes where nothing else is asked for."""

    stage: Stage
    routes: tuple[Route, ...]


_SUBMIT_BEFORE = _Kind("before", ("generate",))
_SUBMIT_AFTER = _Kind("after", ("generate",))
_POLL = _Kind("before", ("jobs", "job"))
_JOB = _Kind("job", ("generate",))
_DOWNLOAD = _Kind("download", ("picture",))


class Faults(BaseModel):
    """How likely each fault is, from 0 to 1; the docstrings are the help text of the command."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rate_limited: Annotated[Probability, _SUBMIT_BEFORE] = 0.0
    """429 with `Retry-After`; nothing accepted."""
    unavailable_before: Annotated[Probability, _SUBMIT_BEFORE] = 0.0
    """503; nothing accepted."""
    unavailable_after: Annotated[Probability, _SUBMIT_AFTER] = 0.0
    """503 although the submission was accepted and charged."""
    html_500: Annotated[Probability, _SUBMIT_BEFORE] = 0.0
    """500 with an HTML page; nothing accepted."""
    html_500_after: Annotated[Probability, _SUBMIT_AFTER] = 0.0
    """500 with an HTML page although the submission was accepted and charged."""
    lost_before: Annotated[Probability, _SUBMIT_BEFORE] = 0.0
    """Connection dropped; nothing accepted."""
    lost_after: Annotated[Probability, _SUBMIT_AFTER] = 0.0
    """Accepted and charged, then the connection dropped without an answer."""
    truncated_json: Annotated[Probability, _SUBMIT_AFTER] = 0.0
    """Accepted and charged; the right status with half of the JSON body."""
    slow: Annotated[Probability, _Kind("after", ("generate", "jobs", "job", "me", "uploads"))] = 0.0
    """The answer comes late (real seconds, by the server's `slow_seconds`)."""
    job_failed: Annotated[Probability, _JOB] = 0.0
    """The job ends FAILED by a fault of the provider; its credits come back."""
    job_refused: Annotated[Probability, _JOB] = 0.0
    """The job ends FAILED by the content policy; its credits come back."""
    job_failed_no_refund: Annotated[Probability, _JOB] = 0.0
    """The job ends FAILED and its credits do not come back."""
    job_cancelled: Annotated[Probability, _JOB] = 0.0
    """The job ends CANCELLED; its credits come back."""
    url_later: Annotated[Probability, _JOB] = 0.0
    """The job is COMPLETED for a while before its result has a URL."""
    truncated_download: Annotated[Probability, _DOWNLOAD] = 0.0
    """Half of the file, then the connection is closed."""
    short_download: Annotated[Probability, _DOWNLOAD] = 0.0
    """Half of the file, delivered as if it were whole."""
    not_an_image: Annotated[Probability, _DOWNLOAD] = 0.0
    """200 with an HTML page where the picture should be."""
    cdn_503: Annotated[Probability, _DOWNLOAD] = 0.0
    """503 from the file server."""
    cdn_404: Annotated[Probability, _DOWNLOAD] = 0.0
    """404 from the file server, this once."""
    purged: Annotated[Probability, _DOWNLOAD] = 0.0
    """The file is gone for good: 404, and the job says `expired`."""
    upload_failed: Annotated[Probability, _Kind("before", ("uploads",))] = 0.0
    """502 to an upload: the provider's file store did not take it."""
    poll_rate_limited: Annotated[Probability, _POLL] = 0.0
    """429 with `Retry-After` to a look at jobs."""
    poll_unavailable: Annotated[Probability, _POLL] = 0.0
    """503 to a look at jobs."""


KINDS: dict[str, _Kind] = {
    name: next(item for item in field.metadata if isinstance(item, _Kind))
    for name, field in Faults.model_fields.items()
}
"""Every fault by name."""


class ScriptedFault(BaseModel):
    """One line of a script: let ``after`` matching requests pass, then strike ``times``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    fault: str
    times: int = Field(default=1, ge=1)
    route: Route | None = None
    """The only route to strike; without it, the routes that the fault is usual on."""
    after: int = Field(default=0, ge=0)
    seconds: float | None = Field(default=None, ge=0)
    """`Retry-After` of a 429, the delay of a slow answer, or how long a URL is missing."""
    error: str | None = None
    """The `error` text of a job that fails."""

    @field_validator("fault")
    @classmethod
    def _check_name(cls, value: str) -> str:
        if value not in KINDS:
            raise ValueError(f"unknown fault; known are {', '.join(KINDS)}")
        return value


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that is to happen now."""

    name: str
    stage: Stage
    seconds: float | None = None
    error: str | None = None


class FaultPlan:
    """Decides request by request; its memory is the state, so it outlives the server."""

    def __init__(self, state: State, faults: Faults, seed: int) -> None:
        self._state = state
        self._seed = seed
        self._chances: dict[tuple[Route, bool], list[tuple[str, float]]] = {}
        for name, probability in faults:
            if probability:
                kind = KINDS[name]
                for route in kind.routes:
                    chances = self._chances.setdefault((route, kind.stage == "job"), [])
                    chances.append((name, probability))

    def script(self, lines: Iterable[ScriptedFault]) -> None:
        """Append lines to the script."""
        with self._state.transaction():
            for line in lines:
                self._state.execute(
                    "INSERT INTO script(fault, route, times, after, seconds, error)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (line.fault, line.route, line.times, line.after, line.seconds, line.error),
                )

    def strike(self, route: Route, *, job: bool = False) -> Strike | None:
        """The fault for one request on ``route``, or, with ``job``, for one new job.

        A script has precedence; per route its lines strike one after the other.
        """
        scripted = self._next_scripted(route, job)
        if scripted:
            return scripted
        for name, probability in self._chances.get((route, job), ()):
            draw = self._state.bump(f"draw/{name}")
            if random.Random(f"{self._seed}/{name}/{draw}").random() < probability:
                return Strike(name, KINDS[name].stage)
        return None

    def _next_scripted(self, route: Route, job: bool) -> Strike | None:
        if not self._state.row("SELECT 1 FROM script LIMIT 1"):
            return None
        with self._state.transaction():
            for row in self._state.rows("SELECT * FROM script ORDER BY position"):
                position, name, only, times, after, seconds, error = row
                kind = KINDS[name]
                if (kind.stage == "job") != job or route not in ([only] if only else kind.routes):
                    continue
                if after:
                    sql, strike = "UPDATE script SET after = after - 1 WHERE position = ?", None
                else:
                    strike = Strike(name, kind.stage, seconds, error)
                    sql = "UPDATE script SET times = times - 1 WHERE position = ?"
                    if times == 1:
                        sql = "DELETE FROM script WHERE position = ?"
                self._state.execute(sql, (position,))
                return strike
        return None
