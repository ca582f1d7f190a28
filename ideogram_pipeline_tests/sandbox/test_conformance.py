"""The sandbox keeps the contract that it states, and states the one that Apiframe does."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from ideogram_pipeline.sandbox.app import create_app
from ideogram_pipeline.sandbox.openapi import DOCUMENT
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.state import State
from ideogram_pipeline_tests.sandbox.calls import KEY

STATE = State()
OPTIONS = SandboxOptions(tiny=True, speed=1e6, opening_credits=10**9)
document = schemathesis.openapi.from_asgi("/v2/openapi.json", create_app(OPTIONS, STATE))

SETTINGS = settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", autouse=True)
def _close_state() -> Iterator[None]:
    yield
    STATE.close()


def checks_too_strict_for(case):
    """No schema can tell which cursor was issued, or what the bytes of a file are."""
    beyond_schema = "cursor" in (case.query or {}) or case.operation.path == "/v2/uploads"
    return [positive_data_acceptance] if beyond_schema else []


@document.parametrize()
@SETTINGS
def test_every_answer_is_one_that_the_document_names(case):
    excluded = checks_too_strict_for(case)
    case.call_and_validate(headers={"X-API-Key": KEY}, excluded_checks=excluded)


class Walk(document.as_state_machine()):  # type: ignore[misc]
    """From a submission to its job, and from page to page."""

    def get_call_kwargs(self, case):
        return {"headers": {"X-API-Key": KEY}}

    def validate_response(self, response, case, additional_checks=None, **_):
        case.validate_response(response, excluded_checks=checks_too_strict_for(case))


def test_walks_along_the_links_keep_the_contract():
    Walk.run(settings=settings(SETTINGS, max_examples=15, stateful_step_count=6))


# What follows is read off the vendor's own document (OpenAPI of version 2.0.0).

SCHEMAS = DOCUMENT["components"]["schemas"]
JOB = {
    "id",
    "status",
    "model",
    "progress",
    "error",
    "creditCost",
    "webhookStatus",
    "createdAt",
    "completedAt",
}


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        ("post /v2/images/generate", "202 400 401 402 403 429 503"),
        ("get /v2/jobs", "200 400 401 403 429"),
        ("get /v2/jobs/{id}", "200 400 401 403 404 429"),
        ("get /v2/me", "200 401 403 429"),
        ("get /v2/models", "200 400"),
        ("post /v2/uploads", "201 400 401 403 429 502"),
    ],
)
def test_the_vendors_statuses_are_documented(operation, statuses):
    method, path = operation.split()
    assert set(statuses.split()) <= set(DOCUMENT["paths"][path][method]["responses"])


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Job", JOB),
        ("JobAccepted", {"jobId", "status"}),
        ("JobList", {"jobs", "nextCursor", "hasMore"}),
        ("Me", {"user", "team", "apiKey"}),
        ("User", {"id", "email", "role"}),
        ("Team", {"id", "name", "credits", "plan", "customerId"}),
        ("ApiKey", {"id", "name", "prefix"}),
        ("ModelEntry", {"id", "label", "modality"}),
        ("Upload", {"id", "url", "kind", "contentType", "byteSize", "expiresAt"}),
        ("InsufficientCredits", {"error", "creditsRequired", "creditsAvailable"}),
        ("ErrorResponse", {"error"}),
        ("ValidationErrorResponse", {"error"}),
    ],
)
def test_the_vendors_required_fields_are_required(name, fields):
    assert fields <= set(SCHEMAS[name]["required"])


def test_the_request_is_the_vendors():
    body, params = SCHEMAS["GenerateImageRequest"], SCHEMAS["IdeogramParams"]
    assert body["additionalProperties"] is params["additionalProperties"] is False
    assert set(body["required"]) == {"prompt", "model", "ideogramParams"}
    assert params["required"] == ["character_reference_image"]
    prompt = body["properties"]["prompt"]
    assert (prompt["minLength"], prompt["maxLength"]) == (1, 2000)
    kinds = {
        name: (field["type"], field.get("format") or tuple(field.get("enum", ())))
        for name, field in params["properties"].items()
    }
    free = ("string", ())
    uri = ("string", "uri")
    assert kinds == {
        "aspect_ratio": free,
        "character_reference_image": uri,
        "image": uri,
        "magic_prompt_option": ("string", ("Auto", "On", "Off")),
        "mask": uri,
        "negative_prompt": free,
        "rendering_speed": ("string", ("default", "turbo", "quality")),
        "resolution": free,
        "seed": ("integer", ()),
        "style_preset": free,
        "style_reference_images": ("array", ()),
        "style_type": free,
    }
    styles = params["properties"]["style_reference_images"]
    assert (styles["maxItems"], styles["items"]["format"]) == (3, "uri")
    assert body["properties"]["webhookEvents"]["minItems"] == 1


def test_the_parameters_are_the_vendors():
    parameters = {
        parameter["name"]: parameter["schema"]
        for parameter in DOCUMENT["paths"]["/v2/jobs"]["get"]["parameters"]
    }
    assert set(parameters) == {
        "status",
        "model",
        "limit",
        "cursor",
        "scope",
        "search",
        "include_models",
    }
    limit = parameters["limit"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 100, 20)
    (key,) = DOCUMENT["paths"]["/v2/images/generate"]["post"]["parameters"]
    assert (key["name"], key["in"], key["schema"]["maxLength"]) == (
        "Idempotency-Key",
        "header",
        255,
    )
    assert DOCUMENT["paths"]["/v2/models"]["get"]["security"] == []
    scheme = DOCUMENT["components"]["securitySchemes"]["ApiKeyAuth"]
    assert (scheme["in"], scheme["name"]) == ("header", "X-API-Key")
