"""The fast way and the slow way read the same: cell by cell, row by row and file by file."""

from __future__ import annotations

import csv
import io
import random
import re
import sys
import unicodedata
from pathlib import Path

import duckdb
import pytest
from PIL import Image

from ideogram_pipeline.catalog import reading, sheets
from ideogram_pipeline.catalog.cells import Kind, PictureFile, Refusal
from ideogram_pipeline.catalog.csvfile import read_csv
from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.catalog.pictures import Pictures
from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.catalog.rows import Row
from ideogram_pipeline.catalog.rules import PROMPTS
from ideogram_pipeline.catalog.schedules import Schedule
from ideogram_pipeline.catalog.tables import Table
from ideogram_pipeline.catalog.text import PLAIN_WORDS, WHITE_SPACE, normal_text
from ideogram_pipeline.errors import CatalogError

ALWAYS, NEVER = 0, sys.maxsize
"""From how many rows on the fast way is taken."""

PIECES = [
    *(chr(code) for code in range(0x21)),
    *"\x7f\x85\xa0\u00ad\u0130\u0131\u017f\u212a\u2028\u3000\u200b\u200d\ufe0f\ufeff\ufffd",
    *("e\u0301", "é", "\u0301", "가", "\u1100\u1161", "が", "か\u3099", "Å", "\u212b", "ß", "ﬁ"),
    *("👩\u200d🎤", "❤\ufe0f", "😀", "漢字", "ไทย", "नमस्ते", "مرحبا", "שלום", "Привет", "한국"),
    *("\ud7b0", "\U000e0001", "\U0001f3fb", "\U0010ffff"),
    *("a", "Z", "0", "7", "007", "9", ".", "..", "-", "_", "+", ":", "x", "/", "\\", "'", '"'),
    *(";", ",", " ", "  ", "\r\n", "\n", "\r", "%", "NULL", "nan", "None", "NONE", "true", "Yes"),
    *("FALSE", "1", "1.0", "7.00", "7.", "1e3", "2147483647", "2147483648", "9" * 18, "9" * 19),
    *("16:9", "3:4", "1024x1024", "1280X704", "Auto", "TURBO", "Quality", "weekly", "Never"),
    *("con", "NUL.txt", "com1", "aux.", "lpt9.a.b", "http://x", "data:", "a" * 100, "b" * 101),
    *("0 6 * * mon", "30 */2 LW * *", "* * * * *", "0 0 30 2 *", "0 0 */31 * MON#5"),
    *("word " * 300, "😀" * 600, "é" * 1100, "mira.png"),
]
KINDS = {column.name: column.kind for column in PROMPTS}


def cells(seed: int, number: int) -> list[str]:
    draw = random.Random(seed)
    made = ["".join(draw.choices(PIECES, k=draw.choice([1, 1, 2, 3]))) for _ in range(number)]
    return [*PIECES, *made]


@pytest.mark.parametrize("kind", list(KINDS.values()), ids=list(KINDS))
def test_what_is_certain_is_what_is_parsed(kind: Kind) -> None:
    texts = [text for cell in cells(1, 3000) if (text := cell.strip(" "))]
    fine, value = kind.certain("cell")
    found = duckdb.execute(
        f"SELECT cell, CASE WHEN fine THEN {value} END FROM"
        f" (SELECT cell, coalesce({fine}, false) AS fine FROM (SELECT unnest(?) AS cell))"
        " WHERE fine",
        [texts],
    ).fetchall()
    for cell, read in found:
        parsed = kind.parse(cell)
        assert (tuple(read) if isinstance(read, list) else read) == parsed, repr(cell)
    if not isinstance(kind, PictureFile):
        parsable = 0
        for cell in texts:
            try:
                kind.parse(cell)
            except Refusal:
                continue
            parsable += 1
        assert len(found) > parsable / 10, "most of what is fine takes the fast way"


def test_plain_words_are_left_as_they_are() -> None:
    every = "".join(map(chr, range(0x110000)))
    words = PLAIN_WORDS.partition("( ")[0]
    plain = set("".join(re.findall(words, every)))
    second_of_pairs = set()
    for code in range(0x110000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            second_of_pairs.add(chr(int(parts[1], 16)))
    # The second and third parts of Hangul syllables, which are joined without a table.
    second_of_pairs |= set(map(chr, [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]))
    for character in plain:
        assert normal_text(character) == character, hex(ord(character))
        assert unicodedata.combining(character) == 0, hex(ord(character))
    assert not plain & second_of_pairs


def test_white_space_is_pythons() -> None:
    found = duckdb.execute(
        # There are no letters from D800 to DFFF, and no spaces after them.
        "SELECT code FROM range(1, 55296) AS codes(code)"
        " WHERE regexp_full_match(chr(code::INT), ?)",
        [WHITE_SPACE],
    ).fetchall()
    spaces = {code for code in range(0x110000) if not chr(code).strip()}
    assert {code for (code,) in found} == spaces


def outcome(monkeypatch: pytest.MonkeyPatch, folder: Path, many: int) -> object:
    monkeypatch.setattr(sheets, "MANY_ROWS", many)
    try:
        catalog = read_catalog(str(folder))
    except CatalogError as error:
        return str(error)
    return gist(catalog)


def gist(catalog: Catalog) -> tuple[object, ...]:
    return list(catalog.prompts), catalog.rejects, catalog.digests


def folder_of(tmp_path: Path) -> Path:
    Image.new("L", (4, 4)).save(tmp_path / "mira.png")
    (tmp_path / "characters.csv").write_text(
        "character_id,name,reference_image,prompt_prefix\nmira,Mira,mira.png,\n"
        f"bo,Bo,mira.png,{'long ' * 60}\nlost,Lost,nowhere.png,\n"
    )
    return tmp_path


def row(draw: random.Random, number: int) -> dict[str, str]:
    """A good row, spoiled in a cell or two now and then."""
    good = {
        "prompt_id": f"p{number}",
        "character_id": draw.choice(["mira", "bo"]),
        "prompt": draw.choice(["at the beach", "in einem Café", "海辺で 😀", "x" * 990]),
        "aspect_ratio": draw.choice(["", "", "16:9"]),
        "resolution": "",
        "seed": draw.choice(["", "", "7", "8.0", "2147483640"]),
        "rendering_speed": draw.choice(["", "turbo", "QUALITY"]),
        "image": "",
        "mask": "",
        "variations": draw.choice(["", "1", "9"]),
        "refresh": draw.choice(["", "weekly", "0 6 * * MON", "0 6  * * mon"]),
        "enabled": draw.choice(["", "no"]),
        "title": draw.choice(["", "A title"]),
        "tags": draw.choice(["", "a; b", "a;;b", "b;b"]),
    }
    for _ in range(draw.choice([0, 0, 1, 2])):
        name = draw.choice(list(good))
        good[name] = draw.choice(
            [
                "",
                "P1",
                "p2",
                "lost",
                "nobody",
                "1280x704",
                "None",
                " x",
                "x ",
                *draw.sample(PIECES, 9),
            ]
        )
    return good


@pytest.mark.parametrize("seed", range(12))
def test_rows_come_out_the_same(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)
    out = io.StringIO(newline="")
    quoting = draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    line_end = draw.choice(["\n", "\r\n"])
    rows = [row(draw, number) for number in range(150)]
    if seed % 2:
        # Cells that DuckDB's reader is believed with, so that the rows are put to the test.
        rows = [
            {name: cell.strip().replace("\r", "").replace("\0", "") for name, cell in found.items()}
            for found in rows
        ]
    writer = csv.DictWriter(out, list(rows[0]), lineterminator=line_end, quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    folder = folder_of(tmp_path)
    (folder / "prompts.csv").write_bytes(out.getvalue().encode())
    slow = outcome(monkeypatch, folder, NEVER)
    assert outcome(monkeypatch, folder, ALWAYS) == slow
    if not isinstance(slow, str):
        assert slow[0], "some rows are good"
        assert slow[1], "some are not"


def test_files_come_out_the_same(tmp_path: Path) -> None:
    """What DuckDB is believed to have read is what our reader reads, at the same lines."""
    draw = random.Random(5)
    path = tmp_path / "prompts.csv"
    at_once = 0
    for _ in range(150):
        body = "".join(
            draw.choices(
                ['"', ",", "\n", "\r\n", "\r", " ", "a", "mira", '""', "é", "\t", '","', '"\n'],
                weights=[3, 6, 4, 1, 0.3, 1, 6, 5, 1, 1, 0.3, 3, 2],
                k=draw.choice([0, 3, 20]),
            )
        )
        good = 'p1,mira,x\np2,mira,"two\nlines, and ""more"""\n' * draw.randrange(2)
        last = draw.choice(["", "p3,mira,x", "p3,mira,x\n", "\n"])
        content = "prompt_id,character_id,prompt\n" + good + body + last
        if draw.random() < 0.3:
            content = content.replace("\r", "").replace("\n", "\r\n")
        data = b"\xef\xbb\xbf" * (draw.random() < 0.3) + content.encode()
        path.write_bytes(data)
        sheet = sheets._at_once(path, PROMPTS)
        if sheet is None:
            continue
        at_once += 1
        slow = read_csv(path, PROMPTS)
        found = sheet.connection.execute("FROM sheet ORDER BY line").fetchall()
        assert [(line, list(texts)) for line, *texts in found] == slow.rows, data
        assert not slow.malformed
        assert sheet.columns == slow.columns
    assert at_once > 20


def test_each_different_schedule_is_read_once_and_its_rows_are_not_read_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        f"p{number},mira,at the beach,{('', 'weekly', '0 6 * * MON', ' 30 9  * * fri')[number % 4]}"
        for number in range(400)
    ]
    rows[200] = "p200,mira,at the beach,* * * * *"
    folder = folder_of(tmp_path)
    (folder / "prompts.csv").write_text("prompt_id,character_id,prompt,refresh\n" + "\n".join(rows))
    parsed: list[str] = []
    one_by_one: list[int] = []
    parse, read_rows = Schedule.parse, reading.read_rows

    def parsing(schedule: Schedule, cell: str) -> str | None:
        parsed.append(cell)
        return parse(schedule, cell)

    def reading_rows(table: Table, pictures: Pictures) -> list[Row]:
        if "prompts" in table.name:
            one_by_one.extend(line for line, _ in table.rows)
        return read_rows(table, pictures)

    monkeypatch.setattr(sheets, "MANY_ROWS", ALWAYS)
    monkeypatch.setattr(Schedule, "parse", parsing)
    monkeypatch.setattr(reading, "read_rows", reading_rows)
    catalog = read_catalog(str(folder))
    assert (len(catalog.prompts), one_by_one) == (399, [202])
    assert len(parsed) == 4, "three schedules, and the bad one again for its message"
    assert set(catalog.prompts.refreshes()) == {"never", "weekly", "0 6 * * MON", "30 9 * * FRI"}
