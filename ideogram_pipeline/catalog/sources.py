"""Finding the two tables of a catalog: a folder of files, or a DuckDB file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

from ideogram_pipeline.catalog.cells import suggestion
from ideogram_pipeline.catalog.csvfile import read_csv
from ideogram_pipeline.catalog.duckdbfile import read_duckdb, read_parquet
from ideogram_pipeline.catalog.rules import CHARACTERS, PROMPTS, Column
from ideogram_pipeline.catalog.sheets import csv_sheet, parquet_sheet, sheet_of
from ideogram_pipeline.catalog.tables import Sheet, Table, Tables
from ideogram_pipeline.errors import CatalogError

_KNOWN = {"characters": CHARACTERS, "prompts": PROMPTS}
_READERS: dict[str, Callable[[Path, Sequence[Column]], Table]] = {
    ".csv": read_csv,
    ".parquet": read_parquet,
}
_SHEETS: dict[str, Callable[[Path, Sequence[Column]], Table | Sheet]] = {
    ".csv": csv_sheet,
    ".parquet": parquet_sheet,
}
_DUCKDB = "duckdb:///"
_ELSEWHERE = "If your catalog is elsewhere, set IDEOGRAM_PIPELINE_CATALOG to its folder."


def open_tables(source: str) -> Tables:
    """Read both tables of ``source`` (`docs/catalog.md` describes its forms).

    Raises:
        CatalogError: with everything that keeps either table from being read.
    """
    if "://" in source and not source.startswith(_DUCKDB):
        scheme = source.partition("://")[0]
        raise CatalogError(
            f"A catalog cannot be read from {scheme}://; give a folder, or a DuckDB file as "
            "duckdb:///path/to/file.duckdb"
        )
    try:
        if source.startswith(_DUCKDB):
            return _from_duckdb(source)
        return _from_folder(Path(source).expanduser())
    except OSError as error:
        raise CatalogError(f"The catalog {source} cannot be opened: {error.strerror}") from None


def files_of(source: str) -> list[Path]:
    """The files that hold the tables of ``source``.

    Of a database none, since its views may reach anywhere.
    """
    if source.startswith(_DUCKDB):
        return []
    folder = Path(source).expanduser()
    files = (folder / f"{name}{suffix}" for name in _KNOWN for suffix in _READERS)
    return [file for file in files if file.is_file()]


def _from_folder(folder: Path) -> Tables:
    if folder.is_file():
        advice = (
            f"write {_DUCKDB}{folder.as_posix()}"
            if folder.suffix in (".duckdb", ".db")
            else "give the folder that holds characters.csv and prompts.csv"
        )
        raise CatalogError(f"The catalog {folder} is a file, not a folder: {advice}")
    if not folder.is_dir():
        raise CatalogError(
            f"No catalog: there is no folder {folder.absolute()}. Put characters.csv and "
            f"prompts.csv there. {_ELSEWHERE}"
        )
    problems = []
    try:
        file = _find_file(folder, "characters")
        characters = _READERS[file.suffix](file, CHARACTERS)
    except CatalogError as error:
        problems.append(str(error))
    try:
        file = _find_file(folder, "prompts")
        prompts = _SHEETS[file.suffix](file, PROMPTS)
    except CatalogError as error:
        problems.append(str(error))
    if problems:
        raise CatalogError("\n".join(problems))
    return Tables(characters, prompts, folder.resolve())


def _find_file(folder: Path, name: str) -> Path:
    found = [suffix for suffix in _READERS if (folder / f"{name}{suffix}").exists()]
    if len(found) > 1:
        files = " and ".join(f"{name}{suffix}" for suffix in found)
        raise CatalogError(f"{folder} holds both {files}; keep the one that counts")
    if not found:
        held = sorted(entry.name for entry in folder.iterdir())[:10]
        raise CatalogError(
            f"There is no {folder.absolute() / name}.csv (nor {name}.parquet). "
            f"The folder holds: {', '.join(held) or 'nothing'}. {_ELSEWHERE}"
        )
    return folder / f"{name}{found[0]}"


def _from_duckdb(source: str) -> Tables:
    # Not urllib's parser of queries: in SQL a plus sign is a plus sign.
    address, _, options = source.removeprefix(_DUCKDB).partition("?")
    path = Path(unquote(address)).expanduser()
    sources = {name: name for name in _KNOWN}
    for option in filter(None, options.split("&")):
        name, _, value = option.partition("=")
        if name not in sources:
            near = suggestion(name, sources) or "; it may be characters or prompts"
            raise CatalogError(f"The catalog {source}: unknown option {name!r}{near}")
        if not value.strip():
            raise CatalogError(f"The catalog {source}: {name} is blank; name a table or a SELECT")
        sources[name] = unquote(value).strip()
    if not path.is_file():
        raise CatalogError(
            f"No catalog: there is no file {path.absolute()}. {_ELSEWHERE} A path that begins at "
            f"the root is written with a fourth slash: {_DUCKDB}/srv/cast.duckdb"
        )
    tables = read_duckdb(path, sources, _KNOWN)
    prompts = sheet_of(tables["prompts"])
    return Tables(tables["characters"], prompts, path.resolve().parent)
