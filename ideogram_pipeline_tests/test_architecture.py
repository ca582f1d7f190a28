"""The rooms look downward only, Dagster stays in its room, and importing stays cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ideogram_pipeline

PACKAGE = Path(ideogram_pipeline.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

LEVELS = [
    {"definitions"},
    {"cli"},
    {"orchestration"},
    {"gallery", "spend", "reproduction"},
    {"generation"},
    {"planning"},
    {"catalog"},
    {"warehouse"},
    {"apiframe"},
    {"sandbox"},
]
LEVEL = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}
SHARED = {"errors", "files", "pages", "settings"}


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            yield f"{node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downward(module: Path) -> None:
    room = room_of(module)
    for name in imports(module):
        parts = name.split(".")
        if parts[0] == "dagster":
            assert room in {"orchestration", "definitions"}, f"{room} imports {name}"
        if parts[0] in {"httpx", "aiohttp", "starlette", "uvicorn"}:
            assert room in {"apiframe", "sandbox"}, f"{room} imports {name}"
        if parts[0] != "ideogram_pipeline" or len(parts) == 1:
            continue
        target = parts[1]
        if target in SHARED | {room} or target not in LEVEL:
            continue
        assert LEVEL[room] < LEVEL[target], f"{room} may not import {name}"


def test_every_room_has_its_place() -> None:
    rooms = {room_of(module) for module in MODULES} - {"__init__"}
    assert rooms == set(LEVEL) | SHARED


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("ideogram_pipeline.cli", {"dagster", "duckdb", "pandas", "pydantic", "sqlalchemy"}),
        ("ideogram_pipeline.warehouse", {"duckdb", "pandas"}),
        ("ideogram_pipeline.generation.run", {"dagster", "pandas", "starlette", "uvicorn"}),
        (
            "ideogram_pipeline.definitions",
            {"PIL", "aiohttp", "httpx", "jinja2", "pandas", "rich", "sqlalchemy", "starlette"},
        ),
    ],
)
def test_importing_stays_cheap(module: str, absent: set[str]) -> None:
    code = f"import {module}, sys; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert absent.isdisjoint(loaded), absent.intersection(loaded)
