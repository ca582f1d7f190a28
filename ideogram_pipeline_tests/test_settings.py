"""The settings: where they come from, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ideogram_pipeline.errors import ConfigurationError
from ideogram_pipeline.settings import Settings


def test_the_key_decides_the_mode() -> None:
    assert Settings.load().mode == "sandbox"
    assert Settings.load(api_key="afk_sandbox_mine").mode == "sandbox"
    assert Settings.load(api_key="afk_real").mode == "live"
    assert Settings.load(api_key="afk_real").folder == Path("data/live")


def test_the_key_is_not_shown() -> None:
    assert "afk_real" not in repr(Settings.load(api_key="afk_real"))


def test_a_dot_env_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("IDEOGRAM_PIPELINE_MAX_IN_FLIGHT=3\nIDEOGRAM_PIPELINE_TIMEZONE=UTC\n")
    monkeypatch.setenv("IDEOGRAM_PIPELINE_MAX_IN_FLIGHT", "4")
    assert Settings.load().max_in_flight == 4


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MAX_IN_FLIGHT", "many", "IDEOGRAM_PIPELINE_MAX_IN_FLIGHT: Input should be a valid int"),
        ("TIMEZONE", "Mars", "IDEOGRAM_PIPELINE_TIMEZONE: is not an IANA time zone"),
        ("MAX_CREDIT_PER_RUN", "9", "did you mean IDEOGRAM_PIPELINE_MAX_CREDITS_PER_RUN?"),
        ("XYZZY", "1", "IDEOGRAM_PIPELINE_XYZZY: there is no such setting"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(f"IDEOGRAM_PIPELINE_{name}", value)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    assert message in str(caught.value)


def test_a_misspelt_name_in_dot_env_is_refused_too() -> None:
    Path(".env").write_text("IDEOGRAM_PIPELINE_BALANCE_FLOR=100\n")
    with pytest.raises(ConfigurationError, match="BALANCE_FLOOR"):
        Settings.load()
