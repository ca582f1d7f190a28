"""Reading a CSV file: UTF-8, commas, with the lines of the file kept for messages."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from ideogram_pipeline.catalog.rules import Column
from ideogram_pipeline.catalog.tables import Table, match_columns
from ideogram_pipeline.errors import CatalogError

_AS_UTF8 = (
    "Save it as UTF-8: in Excel as 'CSV UTF-8 (Comma delimited)', "
    "in LibreOffice as 'Text CSV' with the character set 'Unicode (UTF-8)'."
)
_DOUBLED = 'or write it twice ("") where it belongs to a text in quotation marks'
_LINE_END = re.compile("\r\n|\r|\n")
_CELL = re.compile(r' *(?P<open>")[^"]*(?:""[^"]*)*(?P<close>"?)|[^,\r\n]*')
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read_csv(path: Path, known: Sequence[Column]) -> Table:
    """Read the table in ``path``; a byte order mark and any line ends are fine.

    Args:
        path: The file, as the user named it.
        known: The columns that it may have.

    Raises:
        CatalogError: it is not a CSV file in UTF-8 with a fit header; the text says what to do.
    """
    text = _decode(path)
    reader = csv.reader(StringIO(text, newline=""), strict=True, skipinitialspace=True)
    columns: tuple[Column, ...] = ()
    rows: list[tuple[int, Sequence[str]]] = []
    malformed: list[tuple[int, Sequence[str], str]] = []
    line = 1
    try:
        for cells in reader:
            if not any(cells) or not any(map(str.strip, cells)):
                pass  # blank lines, and the rows of bare commas that spreadsheets leave behind
            elif not columns:
                columns = _header(f"{path}, line {line}", cells, known)
            elif len(cells) == len(columns):
                rows.append((line, cells))
            else:
                reason = _wrong_length(len(cells), len(columns), line, reader.line_num)
                malformed.append((line, cells, reason))
            line = reader.line_num + 1
    except csv.Error:
        raise CatalogError(_broken_row(path, text, line, columns)) from None
    if not columns:
        names = ",".join(column.name for column in known)
        raise CatalogError(f"{path} is empty; its first line must name the columns: {names}")
    return Table(str(path), columns, rows, malformed)


def _decode(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CatalogError(f"{path.absolute()} cannot be read: {error.strerror}") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise CatalogError(f"{path} is in UTF-16, not UTF-8. {_AS_UTF8}")
    if content.startswith(b"PK\x03\x04"):
        raise CatalogError(f"{path} is a spreadsheet or ZIP file, not CSV. {_AS_UTF8}")
    content = content.removeprefix(codecs.BOM_UTF8)
    if (nul := content.find(0)) >= 0:
        line = _line_of(content, nul)
        raise CatalogError(f"{path}, line {line}: a NUL byte, so this is no UTF-8. {_AS_UTF8}")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line, byte = _line_of(content, error.start), content[error.start]
        letter = bytes([byte]).decode("cp1252", "replace")
        meant = f" (in Windows-1252 it would be {letter!r})" if letter != "\ufffd" else ""
        raise CatalogError(
            f"{path}, line {line}: the byte 0x{byte:02X} is not UTF-8{meant}. {_AS_UTF8}"
        ) from None


def _line_of(content: bytes, offset: int) -> int:
    return len(_LINE_END.findall(content[:offset].decode("latin-1"))) + 1


def _header(where: str, cells: list[str], known: Sequence[Column]) -> tuple[Column, ...]:
    if len(cells) == 1:
        for separator, plural in _SEPARATORS.items():
            if separator in cells[0]:
                raise CatalogError(
                    f"{where}: the columns are separated by {plural}; "
                    "save the file again with commas as separators"
                )
    return match_columns(where, cells, known)


def _wrong_length(cells: int, columns: int, first: int, last: int) -> str:
    reason = f"the row has {cells} cells, but there are {columns} columns"
    if last > first:
        return f"{reason}; it runs to line {last}, so a closing quotation mark may be missing"
    if cells > columns:
        return f"{reason}; a text with a comma in it must stand in quotation marks"
    return f"{reason}; a comma may be missing"


def _broken_row(path: Path, text: str, first: int, columns: Sequence[Column]) -> str:
    """Explain why the reader gave up in the row that begins at line ``first``."""
    row = "".join(StringIO(text, newline="").readlines()[first - 1 :])
    position = number = 0
    while found := _CELL.match(row, position):
        position = found.end()
        ends_well = row[position : position + 1] in ("", ",", "\r", "\n")
        if found["open"] and not (found["close"] and ends_well):
            column = columns[number].name if number < len(columns) else str(number + 1)
            opened = first + len(_LINE_END.findall(row, 0, found.start("open")))
            closed = first + len(_LINE_END.findall(row, 0, position))
            if not found["close"]:
                return (
                    f"{path}, line {opened}, column {column}: a quotation mark opens here and is "
                    f"never closed; close it, {_DOUBLED}"
                )
            return (
                f"{path}, line {closed}, column {column}: text follows the quotation mark that "
                f"closes the one of line {opened}; put the marks around the whole cell, {_DOUBLED}"
            )
        if row[position : position + 1] != ",":
            break
        position, number = position + 1, number + 1
    return (
        f"{path}, line {first}: a cell of more than {csv.field_size_limit():,} characters; "
        "a closing quotation mark may be missing"
    )
