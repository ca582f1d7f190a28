"""The shapes of Apiframe v2's requests and answers, for the part that the sandbox serves.

After the vendor's OpenAPI 2.0.0. Typed dictionaries, because absent and null are different things
there: a field that is not required may be left out, and is refused when it is null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    with_config,
)
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from ideogram_pipeline.sandbox.core import Refusal, refuse

T = TypeVar("T")

MODEL = "ideogram-character"
PRICES = {"turbo": 10, "default": 15, "quality": 20}
"""Credits of one submission by rendering speed (docs-v2.apiframe.ai, ideogram-character)."""
MAX_PROMPT_UNITS = 2000
MAX_KEY_LENGTH = 255
DEFAULT_LIMIT = 20

JobStatus = Literal["QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"]
Modality = Literal["image", "video", "music"]
WebhookEvent = Literal["progress", "completed", "failed"]

# RFC 3986: a scheme, then only characters that a URI may hold.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def _check_uuid(text: str) -> str:
    if not is_uuid(text):
        raise ValueError("Invalid uuid")
    return text


def is_uuid(text: str) -> bool:
    """Whether ``text`` is a UUID in its usual writing."""
    return _UUID.fullmatch(text) is not None


def _check_uri(text: str) -> str:
    if not _URI.fullmatch(text):
        raise ValueError("Invalid URL")
    try:
        urlsplit(text)
    except ValueError:
        raise ValueError("Invalid URL") from None
    return text


def _check_prompt(text: str) -> str:
    # The vendor's validator counts as JavaScript does: UTF-16 code units.
    if len(text.encode("utf-16-le")) // 2 > MAX_PROMPT_UNITS:
        raise ValueError(f"String must contain at most {MAX_PROMPT_UNITS} UTF-16 code unit(s)")
    return text


def _whole_number(value: object) -> object:
    # 7.0 is an integer in JSON and in JavaScript.
    return int(value) if isinstance(value, float) and value.is_integer() else value


Uri = Annotated[
    str, AfterValidator(_check_uri), WithJsonSchema({"type": "string", "format": "uri"})
]
Prompt = Annotated[
    str, Field(min_length=1, max_length=MAX_PROMPT_UNITS), AfterValidator(_check_prompt)
]
Uuid = Annotated[
    str, AfterValidator(_check_uuid), WithJsonSchema({"type": "string", "format": "uuid"})
]
Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]

_STRICT = ConfigDict(extra="forbid", strict=True)


@with_config(_STRICT)
class IdeogramParams(TypedDict):
    """Free strings where the vendor has them: it checks no ratio, size or style."""

    character_reference_image: Uri
    aspect_ratio: NotRequired[str]
    resolution: NotRequired[str]
    style_type: NotRequired[str]
    style_preset: NotRequired[str]
    negative_prompt: NotRequired[str]
    seed: NotRequired[Annotated[int, BeforeValidator(_whole_number)]]
    magic_prompt_option: NotRequired[Literal["Auto", "On", "Off"]]
    rendering_speed: NotRequired[Literal["default", "turbo", "quality"]]
    image: NotRequired[Uri]
    mask: NotRequired[Uri]
    style_reference_images: NotRequired[Annotated[list[Uri], Field(max_length=3)]]


@with_config(_STRICT)
class GenerateImageRequest(TypedDict):
    """The body of `POST /v2/images/generate`."""

    model: Literal["ideogram-character"]
    prompt: Prompt
    ideogramParams: IdeogramParams
    webhookUrl: NotRequired[Uri]
    webhookEvents: NotRequired[Annotated[list[WebhookEvent], Field(min_length=1)]]


@with_config(ConfigDict(extra="forbid"))
class JobsQuery(TypedDict, total=False):
    """The query of `GET /v2/jobs`."""

    status: JobStatus
    model: str
    limit: Annotated[int, Field(ge=1, le=100, json_schema_extra={"default": DEFAULT_LIMIT})]
    cursor: str
    scope: Annotated[Literal["user", "team"], Field(json_schema_extra={"default": "user"})]
    search: Uuid
    include_models: Annotated[
        Literal["true", "false"], Field(json_schema_extra={"default": "false"})
    ]


@with_config(ConfigDict(extra="forbid"))
class ModelsQuery(TypedDict, total=False):
    """The query of `GET /v2/models`."""

    modality: Modality


class ErrorResponse(TypedDict):
    """The usual body of an error."""

    error: str


class ValidationErrorResponse(TypedDict):
    """The body of a 400; ``details`` has the messages by JSON path."""

    error: str
    details: NotRequired[dict[str, list[str]]]


class InsufficientCredits(TypedDict):
    """The body of a 402, in credits."""

    error: Literal["Insufficient credits"]
    creditsRequired: Annotated[int, Field(ge=0)]
    creditsAvailable: Annotated[int, Field(ge=0)]


class JobAccepted(TypedDict):
    """The body of a 202; a replay has the job's status of now."""

    jobId: Uuid
    status: JobStatus


class Job(TypedDict):
    """One job as `GET /v2/jobs/{id}` shows it; in lists it has no ``input``."""

    id: Uuid
    status: JobStatus
    model: str
    progress: Annotated[int, Field(ge=0, le=100)] | None
    result: Any
    error: str | None
    creditCost: int | None
    webhookStatus: Literal["pending", "delivered", "failed"] | None
    createdAt: Timestamp
    completedAt: Timestamp | None
    expired: bool
    input: NotRequired[dict[str, Any] | None]


class JobList(TypedDict):
    """One page of jobs, newest first."""

    jobs: list[Job]
    nextCursor: str | None
    hasMore: bool
    models: NotRequired[list[str]]


class User(TypedDict):
    """Who an API key belongs to."""

    id: Uuid
    email: Annotated[str, WithJsonSchema({"type": "string", "format": "email"})]
    role: str


class Team(TypedDict):
    """Whose credits are spent."""

    id: Uuid
    name: str
    credits: Annotated[int, Field(ge=0)]
    plan: str
    customerId: str | None
    maxConcurrentJobs: NotRequired[int]


class ApiKey(TypedDict):
    """The key that made the request."""

    id: Uuid
    name: str
    prefix: str


class Me(TypedDict):
    """The body of `GET /v2/me`."""

    user: User
    team: Team | None
    apiKey: ApiKey | None


class ModelEntry(TypedDict):
    """A model with its price range in credits."""

    id: str
    label: str
    modality: Modality
    description: str
    costMin: float
    costMax: float
    pricingMode: Literal["flat", "per-second", "per-output"]


class ModelCatalog(TypedDict):
    """The body of `GET /v2/models`."""

    models: list[ModelEntry]


class Upload(TypedDict):
    """An input file with its short-lived address."""

    id: Uuid
    url: Uri
    kind: Literal["image", "video", "audio"]
    contentType: str
    byteSize: Annotated[int, Field(ge=0)]
    expiresAt: Timestamp


GENERATE = TypeAdapter(GenerateImageRequest)
JOBS_QUERY = TypeAdapter(JobsQuery)
MODELS_QUERY = TypeAdapter(ModelsQuery)


def parse_json(adapter: TypeAdapter[T], body: bytes) -> T:
    """Read and check a JSON body.

    Raises:
        Refusal: 400 with the messages by JSON path.
    """
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise _not_valid(error) from None


def parse_query(adapter: TypeAdapter[T], query: Mapping[str, str]) -> T:
    """Read and check a query; a name that is not known is refused, since it is misspelt.

    Raises:
        Refusal: 400 with the messages by name.
    """
    try:
        return adapter.validate_python(query)
    except ValidationError as error:
        raise _not_valid(error) from None


def _not_valid(error: ValidationError) -> Refusal:
    details: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_input=False):
        path = ".".join(str(step) for step in problem["loc"]) or "body"
        details.setdefault(path, []).append(problem["msg"].removeprefix("Value error, "))
    return refuse(400, "Validation failed", details=details)


def canonical(value: object) -> str:
    """JSON text that is equal for equal values."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
