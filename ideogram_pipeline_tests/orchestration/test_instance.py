"""Dagster's folder is made once, whoever comes first, and a user's own is left alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ideogram_pipeline.errors import ConfigurationError, StorageError
from ideogram_pipeline.orchestration.instance import ensure_dagster_home, main, open_instance
from ideogram_pipeline_tests.orchestration.house import settings_for


def test_several_first_starts_at_once_leave_one_good_instance(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        homes = set(pool.map(lambda _: ensure_dagster_home(settings), range(4)))
    assert homes == {settings.folder / "dagster"}
    with open_instance(settings) as instance:
        assert instance.get_runs() == []
        assert not instance.telemetry_enabled
        assert instance.run_monitoring_enabled


def test_the_file_is_the_users_to_change(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    file = ensure_dagster_home(settings) / "dagster.yaml"
    mine = yaml.safe_load(file.read_text(encoding="utf-8")) | {"run_monitoring": {"enabled": False}}
    file.write_text(yaml.safe_dump(mine), encoding="utf-8")
    assert ensure_dagster_home(settings) == file.parent
    with open_instance(settings) as instance:
        assert not instance.run_monitoring_enabled


def test_a_folder_of_the_users_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(theirs))
    assert ensure_dagster_home(settings_for(tmp_path)) == theirs
    assert list(theirs.iterdir()) == []


@pytest.mark.parametrize("value", ["relative", "/nowhere/at/all"])
def test_a_folder_that_is_none_is_explained(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", value)
    with pytest.raises(ConfigurationError, match=r"DAGSTER_HOME.*is not the absolute path"):
        ensure_dagster_home(settings_for(tmp_path))


def test_a_home_that_is_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(StorageError, match=r"Dagster's folder .* cannot be made"):
        ensure_dagster_home(settings_for(tmp_path))


def test_shells_are_told_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDEOGRAM_PIPELINE_HOME", str(tmp_path / "home"))
    result = CliRunner().invoke(main)
    assert result.exit_code == 0
    assert result.output.strip() == str(tmp_path / "home" / "sandbox" / "dagster")


def test_what_a_killed_first_start_has_left_is_made_anew(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    half_made = settings.folder.resolve() / ".dagster.draft" / "history"
    half_made.mkdir(parents=True)
    (half_made / "runs.db").write_bytes(b"half of a database")
    with open_instance(settings) as instance:
        assert instance.get_runs_count() == 0
