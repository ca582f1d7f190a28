"""The provider's own routes, under `/v2`."""

from __future__ import annotations

import uuid

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ideogram_pipeline.sandbox import contract, uploads
from ideogram_pipeline.sandbox.core import Sandbox, refuse
from ideogram_pipeline.sandbox.guard import Caller, guarded
from ideogram_pipeline.sandbox.jobs import job_of_user, models_of, page, with_input
from ideogram_pipeline.sandbox.openapi import DOCUMENT
from ideogram_pipeline.sandbox.submission import submit
from ideogram_pipeline.sandbox.webhooks import Webhooks

# A form around a file is a little larger than the file.
_FORM_BYTES = 64 * 1024

_CATALOG: list[contract.ModelEntry] = [
    {
        "id": contract.MODEL,
        "label": "Ideogram Character",
        "modality": "image",
        "description": "One character, consistent over many pictures, from one reference image.",
        "costMin": min(contract.PRICES.values()),
        "costMax": max(contract.PRICES.values()),
        "pricingMode": "flat",
    }
]


def api_routes(sandbox: Sandbox, webhooks: Webhooks) -> list[Route]:
    """All routes under `/v2`."""

    async def generate(request: Request, caller: Caller) -> Response:
        key = idempotency_key(request)
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise refuse(400, "Content-Type must be application/json")
        body = contract.parse_json(contract.GENERATE, await request.body())
        done = submit(sandbox, caller.user, body, key)
        if done.is_new and "webhookUrl" in body:
            webhooks.watch(done.job_id, caller.key, body, base_url(request))
        answer: contract.JobAccepted = {"jobId": done.job_id, "status": done.status}
        return JSONResponse(answer, 202)

    async def jobs(request: Request, caller: Caller) -> Response:
        query = contract.parse_query(contract.JOBS_QUERY, request.query_params)
        whole_team = query.get("scope") == "team"
        if whole_team and not caller.is_admin:
            raise refuse(403, "Only admins can list the team's jobs")
        user = None if whole_team else caller.user
        answer = page(sandbox, user, query, now=sandbox.now_ms(), base_url=base_url(request))
        if query.get("include_models") == "true":
            answer["models"] = models_of(sandbox, user)
        return JSONResponse(answer)

    async def job(request: Request, caller: Caller) -> Response:
        job_id = request.path_params["id"]
        if not contract.is_uuid(job_id):
            raise refuse(400, "Invalid job id")
        row = job_of_user(sandbox, job_id, caller.user)
        if row is None:
            raise refuse(404, "Job not found")
        answer = row.as_json(sandbox.now_ms(), base_url(request))
        return JSONResponse(answer if sandbox.options.hide_input else with_input(row, answer))

    async def me(_request: Request, caller: Caller) -> Response:
        return JSONResponse(_me(sandbox, caller))

    async def models(request: Request) -> Response:
        query = contract.parse_query(contract.MODELS_QUERY, request.query_params)
        modality = query.get("modality")
        chosen = [entry for entry in _CATALOG if modality in (None, entry["modality"])]
        return JSONResponse({"models": chosen})

    async def upload(request: Request, _caller: Caller) -> Response:
        content = await _uploaded(request)
        return JSONResponse(uploads.store(sandbox, content, base_url(request)), 201)

    async def openapi(_request: Request) -> Response:
        return JSONResponse(DOCUMENT)

    return [
        Route("/v2/images/generate", guarded(sandbox, "generate", generate), methods=["POST"]),
        Route("/v2/jobs", guarded(sandbox, "jobs", jobs)),
        Route("/v2/jobs/{id}", guarded(sandbox, "job", job)),
        Route("/v2/me", guarded(sandbox, "me", me)),
        Route("/v2/models", models),
        Route("/v2/uploads", guarded(sandbox, "uploads", upload), methods=["POST"]),
        Route("/v2/openapi.json", openapi),
    ]


def base_url(request: Request) -> str:
    """The address that the client used: URLs in answers are right whatever the port is now."""
    return f"{request.url.scheme}://{request.headers.get('host', request.url.netloc)}"


def idempotency_key(request: Request) -> str | None:
    """The key of a submission.

    Raises:
        Refusal: 400 when it is too long.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and len(key) > contract.MAX_KEY_LENGTH:
        message = f"Idempotency-Key must be at most {contract.MAX_KEY_LENGTH} characters"
        raise refuse(400, message)
    return key or None


def _me(sandbox: Sandbox, caller: Caller) -> contract.Me:
    team: contract.Team = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, "team:sandbox")),
        "name": "Sandbox team",
        "credits": sandbox.balance(sandbox.now_ms()),
        "plan": "sandbox",
        "customerId": None,
    }
    if sandbox.options.tell_max_concurrent:
        team["maxConcurrentJobs"] = sandbox.options.max_concurrent_jobs
    return {
        "user": {
            "id": caller.user,
            "email": f"user-{caller.user[:8]}@sandbox.example",
            "role": "ADMIN" if caller.is_admin else "MEMBER",
        },
        "team": team,
        "apiKey": {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"key:{caller.key}")),
            "name": "Sandbox key",
            "prefix": caller.key[:8],
        },
    }


async def _uploaded(request: Request) -> bytes:
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > uploads.MAX_BYTES + _FORM_BYTES:
        raise refuse(400, "File exceeds the 25 MB limit")
    try:
        async with request.form(max_files=1) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise refuse(400, "No file", details={"file": ["Required"]})
            return await file.read()
    except HTTPException as error:
        raise refuse(400, error.detail) from None
