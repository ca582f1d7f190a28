"""A small catalog on disk that each test spoils in its own way."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ideogram_pipeline.catalog import sheets
from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.errors import CatalogError

CHARACTERS = "character_id,name,reference_image\nmira,Mira,mira.png\n"
PROMPTS = "prompt_id,character_id,prompt\nstorm,mira,lights the lamp\n"


class Cast:
    """The catalog ``cast/`` in the working directory, so that messages name it briefly."""

    folder = Path("cast")

    def __init__(self) -> None:
        self.folder.mkdir()
        self.picture("mira.png")
        self.characters(CHARACTERS)
        self.prompts(PROMPTS)

    def characters(self, content: str | bytes) -> None:
        self._write("characters.csv", content)

    def prompts(self, content: str | bytes) -> None:
        self._write("prompts.csv", content)

    def picture(
        self,
        name: str,
        size: tuple[int, int] = (8, 8),
        colour: object = "teal",
        mode: str = "RGB",
    ) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        Image.new(mode, size, colour).save(path)
        return path

    def read(self) -> Catalog:
        return read_catalog("cast")

    def problems(self) -> list[str]:
        """Every reject of the catalog, as people see it."""
        return [str(reject) for reject in self.read().rejects]

    def error(self) -> str:
        """Why the catalog cannot be read at all."""
        with pytest.raises(CatalogError) as caught:
            self.read()
        return str(caught.value)

    def prompt_problems(self, **cells: str) -> list[str]:
        """The rejects of one prompt with these cells beside the required ones."""
        row = {"prompt_id": "storm", "character_id": "mira", "prompt": "lights the lamp", **cells}
        quoted = ('"' + cell.replace('"', '""') + '"' for cell in row.values())
        self.prompts(",".join(row) + "\n" + ",".join(quoted) + "\n")
        return [problem.removeprefix("cast/prompts.csv, line 2, ") for problem in self.problems()]

    def character_problems(self, **cells: str) -> list[str]:
        """The rejects of one character with these cells beside the required ones."""
        row = {"character_id": "mira", "name": "Mira", "reference_image": "mira.png", **cells}
        self.characters(",".join(row) + "\n" + ",".join(row.values()) + "\n")
        self.prompts("prompt_id,character_id,prompt\n")
        return [
            problem.removeprefix("cast/characters.csv, line 2, ") for problem in self.problems()
        ]

    def _write(self, name: str, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        (self.folder / name).write_bytes(data)


@pytest.fixture(params=["row by row", "as a set"])
def cast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Cast:
    """Each test reads its catalog the way of short tables, and the way of long ones."""
    if request.param == "as a set":
        monkeypatch.setattr(sheets, "MANY_ROWS", 0)
    monkeypatch.chdir(tmp_path)
    return Cast()
