"""Every setting, read from the environment or a ``.env`` file, shared by CLI and Dagster."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ideogram_pipeline.errors import ConfigurationError

Mode = Literal["sandbox", "live"]

SANDBOX_KEY_PREFIX = "afk_sandbox_"

_PREFIX = "IDEOGRAM_PIPELINE_"
_ENV_FILE = ".env"


class Settings(BaseSettings):
    """The settings of one installation; every limit is a ceiling, none is a target."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_file=_ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    api_key: SecretStr | None = Field(default=None, validation_alias="APIFRAME_API_KEY")
    """The Apiframe key (`afk_...`). Without one everything runs on the embedded sandbox."""

    base_url: str = Field(default="https://api.apiframe.ai", validation_alias="APIFRAME_BASE_URL")
    """Where the API is."""

    home: Path = Path("data")
    """Folder of `sandbox/` and `live/`: pictures, journal, warehouse, Dagster's instance."""

    catalog: str = "data/catalog"
    """A folder with `characters` and `prompts` (CSV or Parquet), or a `duckdb:///` URL."""

    journal_url: str | None = None
    """A `sqlite:///` URL of the journal file; unset, `journal.sqlite` in the mode's folder."""

    max_in_flight: int = Field(default=8, ge=1, le=2000)
    """Most jobs at the provider at a time, of all runs on this machine together; the account's own
    limit is respected as well."""

    requests_per_minute: int = Field(default=400, ge=10, le=100_000)
    """Most API requests a minute, of all runs on this machine together (accounts are reported to
    allow 500)."""

    max_credits_per_run: int | None = Field(default=None, ge=0)
    """Most credits that one run may commit; what is over it is deferred."""

    balance_floor: int = Field(default=0, ge=0)
    """Credits of the account's balance that are never touched."""

    poll_interval: float = Field(default=3.0, gt=0, le=60)
    """Most seconds for which a job may have ended before we look."""

    patience: float = Field(default=900.0, gt=0)
    """Seconds without any progress after which a run leaves running jobs to the next run."""

    timezone: str = "UTC"
    """IANA name of the zone in which a day, week or month of `refresh` begins, and in which a cron
    expression is read."""

    result_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """More places that pictures may be fetched from, comma-separated, besides `*.apiframe.ai`.
    Each is a `host` or `host:port`, both meaning https, or a whole origin such as
    `http://127.0.0.1:9000`; there are no wildcards."""

    alert_webhook: SecretStr | None = None
    """An `https://` address that is told of failed and unfinished runs, as `{"text": ...}`, which
    is what incoming webhooks of Slack and others take. A secret, like the key."""

    sandbox_speed: float = Field(default=30.0, gt=0)
    """How many times faster than a real provider the embedded sandbox draws."""

    @field_validator("result_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(host.strip().lower() for host in value.split(",") if host.strip())
        return value

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http(s) URL such as https://api.apiframe.ai")
        return value.rstrip("/")

    @field_validator("alert_webhook")
    @classmethod
    def _check_webhook(cls, value: SecretStr | None) -> SecretStr | None:
        parts = urlsplit(value.get_secret_value()) if value else None
        if parts and not (parts.scheme in ("http", "https") and parts.hostname):
            raise ValueError("must be an http(s) URL")
        return value

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is not an IANA time zone such as Europe/Berlin") from None
        return value

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the environment; ``overrides`` win over it.

        Raises:
            ConfigurationError: naming the variable, without showing a secret value.
        """
        _refuse_misspelt(cls.model_fields)
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise ConfigurationError(_explain(error)) from None

    @property
    def mode(self) -> Mode:
        """`live` with a real key; `sandbox` without one or with a sandbox key."""
        if self.api_key is None or self.api_key.get_secret_value().startswith(SANDBOX_KEY_PREFIX):
            return "sandbox"
        return "live"

    @property
    def provider(self) -> str:
        """Name written beside every amount, so that sandbox and real money never add up."""
        return "sandbox" if self.mode == "sandbox" else "apiframe"

    @property
    def uses_embedded_sandbox(self) -> bool:
        """Whether a run starts its own sandbox server instead of calling ``base_url``."""
        return self.api_key is None

    @property
    def folder(self) -> Path:
        """The folder of this mode: all that runs write is below it."""
        return self.home / self.mode

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file that people query."""
        return self.folder / "warehouse.duckdb"

    @property
    def images_folder(self) -> Path:
        """Where pictures are filed by character and prompt."""
        return self.folder / "images"

    @property
    def gallery_folder(self) -> Path:
        """Where the pages that show the pictures are; ``index.html`` is the first one."""
        return self.folder / "gallery"

    @property
    def report_path(self) -> Path:
        """The page that shows what was spent."""
        return self.folder / "report" / "spend.html"

    @property
    def own_dagster_home(self) -> Path:
        """The folder that the pipeline makes for Dagster where the user names none."""
        return self.folder.resolve() / "dagster"

    @property
    def dagster_home(self) -> Path:
        """Dagster's folder: ``DAGSTER_HOME`` if it is set, else ``own_dagster_home``.

        Raises:
            ConfigurationError: ``DAGSTER_HOME`` is not the absolute path of a folder.
        """
        theirs = os.environ.get("DAGSTER_HOME")
        if not theirs:
            return self.own_dagster_home
        home = Path(theirs).expanduser()
        if not home.is_absolute() or not home.is_dir():
            raise ConfigurationError(
                f"DAGSTER_HOME: {theirs!r} is not the absolute path of a folder. Make the folder, "
                "or unset the variable to use the pipeline's own."
            )
        return home

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of ``timezone``."""
        return ZoneInfo(self.timezone)


def _refuse_misspelt(fields: Iterable[str]) -> None:
    """Refuse a name that nobody reads: a limit under it would be no limit."""
    known = [f"{_PREFIX}{field}".upper() for field in fields]
    for name in sorted({*os.environ, *dotenv_values(_ENV_FILE)}):
        if name.startswith(_PREFIX) and name not in known:
            nearest = get_close_matches(name, known, n=1)
            advice = f"did you mean {nearest[0]}?" if nearest else "see docs/settings.md."
            raise ConfigurationError(f"{name}: there is no such setting; {advice}")


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        field = str(problem["loc"][0]) if problem["loc"] else "settings"
        name = field if field.isupper() else f"IDEOGRAM_PIPELINE_{field.upper()}"
        lines.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}")
    return "A setting is not usable:\n  " + "\n  ".join(lines)
