"""Whether a run would work, in lines that people read and with an exit code for scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ideogram_pipeline.apiframe import pricing
from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline_tests.cli.terminal import embedded, live, typed
from ideogram_pipeline_tests.support import write_catalog


@pytest.fixture
def catalog(tmp_path: Path) -> str:
    return write_catalog(tmp_path / "catalog", prompts=1)


def marks(said: str) -> dict[str, str]:
    """The mark of each line by its subject."""
    return {line.split()[1]: line[:2] for line in said.splitlines()}


def test_a_fresh_installation_is_well(tmp_path: Path, catalog: str) -> None:
    answer = typed("doctor", environment=embedded(tmp_path / "home", catalog))
    assert answer.code == 0
    assert marks(answer.out) == {
        "Versions": "OK",
        "Mode": "OK",
        "Catalog": "OK",
        "Home": "OK",
        "Journal": "--",
        "Provider": "OK",
        "Balance": "OK",
        "Warehouse": "--",
        "Dagster": "--",
        "Sandbox": "--",
    }
    assert "2 characters, 2 prompts" in answer.out
    assert "10,000 credits for a quote of 20" in answer.out


def test_a_key_is_told_by_its_kind_only(tmp_path: Path, catalog: str) -> None:
    with SandboxServer() as server:
        answer = typed("doctor", environment=live(server.url, tmp_path / "home", catalog))
    assert answer.code == 0
    assert f"live at {server.url}, key afk_…: runs spend credits" in answer.out
    assert "Sandbox team, plan sandbox" in answer.out
    assert marks(answer.out)["Prices"] == "OK"


def test_a_price_list_that_is_another_one(
    tmp_path: Path, catalog: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pricing, "CREDITS", {"turbo": 10, "default": 10, "quality": 12})
    with SandboxServer() as server:
        answer = typed("doctor", environment=live(server.url, tmp_path / "home", catalog))
    assert answer.code == 0
    assert (
        "--  Prices     quotes take 10 to 12 credits a picture, the provider's list says 10 to 20\n"
    ) in answer.out


def test_a_dagster_home_of_the_users(
    tmp_path: Path, catalog: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "theirs").mkdir()
    environment = embedded(tmp_path / "home", catalog) | {"DAGSTER_HOME": "~/theirs"}
    answer = typed("doctor", environment=environment)
    assert f"OK  Dagster    home is {tmp_path / 'theirs'}\n" in answer.out


@pytest.mark.parametrize(
    ("options", "sick", "says"),
    [
        (
            SandboxOptions(keys=frozenset({"afk_other"})),
            "Provider",
            "The key in APIFRAME_API_KEY is wrong",
        ),
        (
            SandboxOptions(opening_credits=3),
            "Balance",
            "3 credits do not cover the quote of 20",
        ),
    ],
)
def test_an_account_that_will_not_do(
    tmp_path: Path, catalog: str, options: SandboxOptions, sick: str, says: str
) -> None:
    with SandboxServer(options) as server:
        answer = typed("doctor", environment=live(server.url, tmp_path / "home", catalog))
    assert answer.code == 1
    assert [subject for subject, mark in marks(answer.out).items() if mark == "!!"] == [sick]
    assert says in answer.out


def test_a_server_that_is_down(tmp_path: Path, catalog: str) -> None:
    with SandboxServer() as server:
        gone = server.url
    answer = typed("doctor", environment=live(gone, tmp_path / "home", catalog))
    assert answer.code == 1
    assert f"!!  Provider   {gone}: " in answer.out


def test_every_trouble_is_found_at_once(tmp_path: Path, catalog: str) -> None:
    (tmp_path / "file").write_text("in the way")
    (Path(catalog) / "prompts.csv").write_text("")
    home = embedded(tmp_path / "file" / "home", catalog)
    answer = typed("doctor", environment=home | {"DAGSTER_HOME": "relative"})
    assert answer.code == 1
    found = marks(answer.out)
    assert [found[name] for name in ("Catalog", "Home", "Provider", "Dagster")] == ["!!"] * 4


def test_rejected_rows_are_counted(tmp_path: Path, catalog: str) -> None:
    with (Path(catalog) / "prompts.csv").open("a") as prompts:
        prompts.write("odd,nobody,a scene\n")
    answer = typed("doctor", environment=embedded(tmp_path / "home", catalog))
    assert answer.code == 1
    assert "1 problem in rows that are not used: see `ideogram-pipeline plan`" in answer.out


def test_a_setting_that_is_not_usable(tmp_path: Path, catalog: str) -> None:
    environment = embedded(tmp_path, catalog) | {"IDEOGRAM_PIPELINE_MAX_IN_FLIGHT": "many"}
    answer = typed("doctor", environment=environment)
    assert answer.code == 1
    assert "!!  Settings" in answer.out
    assert "IDEOGRAM_PIPELINE_MAX_IN_FLIGHT" in answer.out
