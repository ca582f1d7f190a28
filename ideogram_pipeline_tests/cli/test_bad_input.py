"""Bad rows and bad files: each is told with its place, and nothing is bought for it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ideogram_pipeline.sandbox.options import SandboxOptions
from ideogram_pipeline.sandbox.server import SandboxServer
from ideogram_pipeline_tests.cli.terminal import Answer, live, typed
from ideogram_pipeline_tests.support import call, draw_reference

PROMPT_COLUMNS = "prompt_id,character_id,prompt,aspect_ratio,resolution,image,mask,rendering_speed"
CHARACTERS = "character_id,name,reference_image\nmira,Mira,mira.png\n"
PROMPTS = "prompt_id,character_id,prompt\nok,mira,lights the lamp\n"


def picture(size: tuple[int, int] = (64, 64), form: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, "teal").save(content, form)
    return content.getvalue()


BAD_REFERENCES: dict[str, tuple[bytes | None, str]] = {
    "gone": (None, "no file at"),
    "big": (picture() + b"\0" * 11_000_000, "10 MB"),
    "words": (b"this is a letter", "not"),
    "gif": (picture(form="GIF"), "GIF"),
    "half": (picture((400, 400))[:-60], "cut off"),
}
"""Content of a reference, and a word of what is said about it."""

BAD_PROMPTS = {
    "twin,mira,a scene,,,,,": "prompt_id",
    "Dawn,mira,a scene,,,,,": "prompt_id",
    "stranger,mirra,a scene,,,,,": "character_id",
    "fast,mira,a scene,,,,,fast": "rendering_speed",
    "both,mira,a scene,1x1,1024x1024,,,": "resolution",
    "bare,mira,a scene,,,wide.png,,": "mask",
    "odd,mira,a scene,,,wide.png,tall.png,": "mask",
    f"long,mira,{'x' * 1999}\N{GRINNING FACE},,,,,": "prompt",
}
"""A row, and the column that its message names."""


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Answer, dict[str, Any]]]:
    """One good row among all the bad ones: what `run` says, and the provider's books after it."""
    folder = tmp_path_factory.mktemp("spoilt")
    catalog = folder / "catalog"
    catalog.mkdir()
    draw_reference(catalog / "mira.png", "teal")
    (catalog / "wide.png").write_bytes(picture((64, 32)))
    (catalog / "tall.png").write_bytes(picture((32, 64)))
    cast = [CHARACTERS]
    for name, (content, _) in BAD_REFERENCES.items():
        cast.append(f"{name},{name.title()},{name}.png\n")
        if content is not None:
            (catalog / f"{name}.png").write_bytes(content)
    (catalog / "characters.csv").write_text("".join(cast))
    rows = ["ok,mira,lights the lamp,,,,,turbo", "twin,mira,a scene,,,,,", "dawn,mira,a scene,,,,,"]
    (catalog / "prompts.csv").write_text("\n".join([PROMPT_COLUMNS, *rows, *BAD_PROMPTS]) + "\n")
    with SandboxServer(SandboxOptions(speed=100, tiny=True)) as server:
        answer = typed("run", "--yes", environment=live(server.url, folder / "home", str(catalog)))
        yield answer, call(f"{server.url}/sandbox/truth")


def test_the_good_row_is_bought_and_no_other(spoilt: tuple[Answer, dict[str, Any]]) -> None:
    answer, books = spoilt
    assert answer.code == 4, answer.said
    assert "Quote: 10 credits" in answer.out
    assert [(job["prompt"], job["charge"]) for job in books["jobs"]] == [("lights the lamp", 10)]


@pytest.mark.parametrize("name", BAD_REFERENCES)
def test_a_bad_reference_is_told(spoilt: tuple[Answer, dict[str, Any]], name: str) -> None:
    line = list(BAD_REFERENCES).index(name) + 3
    [said] = lines_with(spoilt[0], f"characters.csv, line {line}, column reference_image: ")
    assert BAD_REFERENCES[name][1] in said


@pytest.mark.parametrize("row", BAD_PROMPTS, ids=lambda row: row.split(",")[0])
def test_a_bad_prompt_is_told(spoilt: tuple[Answer, dict[str, Any]], row: str) -> None:
    line = list(BAD_PROMPTS).index(row) + 5
    assert lines_with(spoilt[0], f"prompts.csv, line {line}, column {BAD_PROMPTS[row]}: ")


def lines_with(answer: Answer, text: str) -> list[str]:
    return [line for line in answer.err.splitlines() if text in line]


def without(name: str) -> Callable[[Path], None]:
    return lambda catalog: (catalog / name).unlink()


def with_content(name: str, content: bytes) -> Callable[[Path], None]:
    def write(catalog: Path) -> None:
        (catalog / name).write_bytes(content)

    return write


BAD_FILES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "missing": (without("prompts.csv"), ["prompts"]),
    "empty": (with_content("prompts.csv", b""), ["prompts.csv", "empty"]),
    "wrong encoding": (
        with_content("prompts.csv", PROMPTS.replace("lamp", "l\xe4mp").encode("latin-1")),
        ["prompts.csv", "line 2", "UTF-8"],
    ),
    "unknown column": (
        with_content(
            "prompts.csv", PROMPTS.replace("prompt\n", "prompt,rendering_sped\n").encode()
        ),
        ["prompts.csv", "rendering_sped", "rendering_speed"],
    ),
}
"""How a file is spoilt, and words of what is said about it."""


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    folder.mkdir()
    draw_reference(folder / "mira.png", "teal")
    (folder / "characters.csv").write_text(CHARACTERS)
    (folder / "prompts.csv").write_text(PROMPTS)
    return folder


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_cannot_be_read_stops_everything(
    tmp_path: Path, catalog: Path, name: str
) -> None:
    spoil, words = BAD_FILES[name]
    spoil(catalog)
    with SandboxServer() as server:
        environment = live(server.url, tmp_path / "home", str(catalog))
        for command in (["plan"], ["run", "--yes"]):
            answer = typed(*command, environment=environment)
            assert answer.code == 1
            assert answer.err.startswith("Error: ")
            assert [word for word in words if word not in answer.err] == []
        assert call(f"{server.url}/sandbox/truth")["requests"] == {}


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbf" + PROMPTS.encode(), PROMPTS.replace("\n", "\r\n").encode()]
)
def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(
    tmp_path: Path, catalog: Path, content: bytes
) -> None:
    with SandboxServer() as server:
        environment = live(server.url, tmp_path / "home", str(catalog))
        before = typed("plan", "--json", environment=environment)
        (catalog / "prompts.csv").write_bytes(content)
        assert typed("plan", "--json", environment=environment) == before
    assert '"quote": 15' in before.out
