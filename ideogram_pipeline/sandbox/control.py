"""The sandbox's own routes under `/sandbox`, without a key: its truth, and its levers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ideogram_pipeline.sandbox.contract import parse_json
from ideogram_pipeline.sandbox.core import Sandbox
from ideogram_pipeline.sandbox.faults import ScriptedFault
from ideogram_pipeline.sandbox.truth import truth

_TABLES = (
    "account",
    "jobs",
    "idempotency",
    "keys_seen",
    "uploads",
    "blobs",
    "requests",
    "counters",
    "script",
)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Purchase(_Body):
    """Credits that the team buys."""

    credits: int = Field(ge=0)


class Advance(_Body):
    """Seconds that the clock is put forward."""

    advance_seconds: float = Field(ge=0)


class Purge(_Body):
    """The job whose file is purged; none: of all jobs that are completed."""

    job_id: str | None = Field(default=None, alias="jobId")


def control_routes(sandbox: Sandbox) -> list[Route]:
    """All routes under `/sandbox`."""
    state = sandbox.state
    script = TypeAdapter(list[ScriptedFault])

    async def show_truth(request: Request) -> Response:
        summary = request.query_params.get("summary", "0") not in ("", "0", "false")
        return JSONResponse(truth(sandbox, summary=summary))

    async def add_faults(request: Request) -> Response:
        lines = parse_json(script, await request.body())
        sandbox.faults.script(lines)
        return _done()

    async def drop_faults(_request: Request) -> Response:
        state.execute("DELETE FROM script")
        return _done()

    async def buy(request: Request) -> Response:
        purchase = parse_json(TypeAdapter(Purchase), await request.body())
        state.execute("UPDATE account SET purchased = purchased + ?", (purchase.credits,))
        return _done(balance=sandbox.balance(sandbox.now_ms()))

    async def advance(request: Request) -> Response:
        step = round(parse_json(TypeAdapter(Advance), await request.body()).advance_seconds * 1000)
        state.execute("UPDATE account SET clock_offset_ms = clock_offset_ms + ?", (step,))
        return _done()

    async def purge(request: Request) -> Response:
        wanted = parse_json(TypeAdapter(Purge), await request.body() or b"{}")
        sql = "UPDATE jobs SET purged = 1 WHERE finished_ms <= ? AND fate = 'COMPLETED'"
        parameters: tuple[int | str, ...] = (sandbox.now_ms(),)
        if wanted.job_id is not None:
            sql, parameters = f"{sql} AND id = ?", (*parameters, wanted.job_id)
        return _done(purged=state.execute(sql, parameters))

    async def reset(_request: Request) -> Response:
        with state.transaction():
            for table in _TABLES:
                state.execute(f"DELETE FROM {table}")
            sandbox.open_account()
        return _done()

    return [
        Route("/sandbox/truth", show_truth),
        Route("/sandbox/faults", add_faults, methods=["POST"]),
        Route("/sandbox/faults", drop_faults, methods=["DELETE"]),
        Route("/sandbox/credits", buy, methods=["POST"]),
        Route("/sandbox/clock", advance, methods=["POST"]),
        Route("/sandbox/purge", purge, methods=["POST"]),
        Route("/sandbox/reset", reset, methods=["POST"]),
    ]


def _done(**facts: object) -> Response:
    return JSONResponse({"ok": True, **facts})
