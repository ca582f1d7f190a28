"""What the sandbox says about itself: its OpenAPI document, made from the types it checks with."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from ideogram_pipeline.sandbox import contract

_REF = "#/components/schemas/{model}"

_SCHEMAS: tuple[Any, ...] = (
    contract.GenerateImageRequest,
    contract.JobAccepted,
    contract.Job,
    contract.JobList,
    contract.Me,
    contract.ModelCatalog,
    contract.Upload,
    contract.ErrorResponse,
    contract.ValidationErrorResponse,
    contract.InsufficientCredits,
)

_ERRORS: dict[int, tuple[str, Any]] = {
    400: ("The request is not valid.", contract.ValidationErrorResponse),
    401: ("The API key is missing or wrong.", contract.ErrorResponse),
    402: ("The team has not enough credits.", contract.InsufficientCredits),
    403: ("The API key is inactive, or may not do this.", contract.ErrorResponse),
    404: ("No such job, or another user's.", contract.ErrorResponse),
    409: ("The idempotency key was used with another body.", contract.ErrorResponse),
    429: ("Too many requests: wait for `Retry-After` seconds.", contract.ErrorResponse),
    502: ("The file store did not take the upload.", contract.ErrorResponse),
    503: ("Out of order for the moment.", contract.ErrorResponse),
}

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Within 24 hours the same key gives the original job again.",
    "schema": {"type": "string", "maxLength": contract.MAX_KEY_LENGTH},
}
_JOB_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}
_FILE = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "PNG, JPEG, WebP or GIF by its first bytes, at most 25 MB.",
        }
    },
}


def _reference(model: Any) -> dict[str, Any]:
    return {"$ref": _REF.format(model=model.__name__)}


def _answer(description: str, model: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference(model)}}
    return {"description": description, "content": content}


def _query(adapter: TypeAdapter[Any]) -> list[dict[str, Any]]:
    properties = adapter.json_schema()["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": {key: value for key, value in schema.items() if key != "title"},
        }
        for name, schema in properties.items()
    ]


def _operation(
    name: str,
    summary: str,
    tag: str,
    status: int,
    model: Any,
    errors: tuple[int, ...],
    *,
    links: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    answers = {str(status): _answer("Success.", model)}
    if links:
        answers[str(status)]["links"] = links
    answers |= {str(code): _answer(*_ERRORS[code]) for code in errors}
    return {
        "operationId": name,
        "summary": summary,
        "tags": [tag],
        "responses": answers,
        **more,
    }


def _link(operation: str, parameter: str, pointer: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "parameters": {parameter: f"$response.body#/{pointer}"},
    }


def _body(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {media_type: {"schema": schema}}}


def _schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for model in _SCHEMAS:
        schema = TypeAdapter(model).json_schema(ref_template=_REF)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    return schemas


def _paths() -> dict[str, Any]:
    return {
        "/v2/images/generate": {
            "post": _operation(
                "generateImage",
                "Submit an image generation job",
                "Images",
                202,
                contract.JobAccepted,
                (400, 401, 402, 403, 409, 429, 503),
                links={"job": _link("getJob", "id", "jobId")},
                parameters=[_IDEMPOTENCY_KEY],
                requestBody=_body("application/json", _reference(contract.GenerateImageRequest)),
            )
        },
        "/v2/jobs": {
            "get": _operation(
                "listJobs",
                "List jobs, newest first",
                "Jobs",
                200,
                contract.JobList,
                (400, 401, 403, 429, 503),
                links={
                    "newestJob": _link("getJob", "id", "jobs/0/id"),
                    "nextPage": _link("listJobs", "cursor", "nextCursor"),
                },
                parameters=_query(contract.JOBS_QUERY),
            )
        },
        "/v2/jobs/{id}": {
            "get": _operation(
                "getJob",
                "Get a job",
                "Jobs",
                200,
                contract.Job,
                (400, 401, 403, 404, 429, 503),
                parameters=[_JOB_ID],
            )
        },
        "/v2/me": {
            "get": _operation(
                "getMe",
                "Get the authenticated caller",
                "Account",
                200,
                contract.Me,
                (401, 403, 429, 503),
            )
        },
        "/v2/models": {
            "get": _operation(
                "listModels",
                "List the model catalog",
                "Models",
                200,
                contract.ModelCatalog,
                (400,),
                parameters=_query(contract.MODELS_QUERY),
                security=[],
            )
        },
        "/v2/uploads": {
            "post": _operation(
                "uploadFile",
                "Upload a file to short-lived storage",
                "Uploads",
                201,
                contract.Upload,
                (400, 401, 403, 429, 502, 503),
                requestBody=_body("multipart/form-data", _FILE),
            )
        },
    }


DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Apiframe API (local sandbox)",
        "version": "2.0.0",
        "description": "A local stand-in for Apiframe v2's `ideogram-character`; it is free.",
    },
    "paths": _paths(),
    "security": [{"ApiKeyAuth": []}],
    "components": {
        "schemas": _schemas(),
        "securitySchemes": {"ApiKeyAuth": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
    },
}
"""Served at `/v2/openapi.json`."""
