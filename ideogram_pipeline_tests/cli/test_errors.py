"""What a person sees of an error, and what a script."""

from __future__ import annotations

import click
import pytest

from ideogram_pipeline.cli.errors import as_told_to_people
from ideogram_pipeline.errors import CatalogError


def ended_by(error: BaseException) -> int:
    with pytest.raises(click.exceptions.Exit) as caught, as_told_to_people(debug=False):
        raise error
    return caught.value.exit_code


def test_an_error_for_people_is_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_by(CatalogError("There is no x.csv.\nMake one.")) == 1
    assert capsys.readouterr().err == "Error: There is no x.csv.\nMake one.\n"


def test_a_surprise_is_one_line_and_the_way_to_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_by(KeyError("a\nb")) == 1
    assert capsys.readouterr().err == (
        "Unexpected error: KeyError: 'a\\nb'\n"
        "Run `ideogram-pipeline --debug ...` for the whole traceback.\n"
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_is_one_line(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_by(error) == 130
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Nothing is lost" in said
    assert "`ideogram-pipeline run`" in said


@pytest.mark.parametrize("error", [CatalogError("x"), KeyError("x")])
def test_debug_lets_the_traceback_through(error: Exception) -> None:
    with pytest.raises(type(error)), as_told_to_people(debug=True):
        raise error


def test_wrong_usage_stays_with_click() -> None:
    with pytest.raises(click.UsageError), as_told_to_people(debug=False):
        raise click.UsageError("x")
