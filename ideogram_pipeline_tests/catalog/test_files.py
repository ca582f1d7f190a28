"""What a catalog gets whose files cannot be read as tables: one error with every reason."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.errors import CatalogError
from ideogram_pipeline_tests.catalog.conftest import CHARACTERS, PROMPTS, Cast

AS_UTF8 = (
    "Save it as UTF-8: in Excel as 'CSV UTF-8 (Comma delimited)', "
    "in LibreOffice as 'Text CSV' with the character set 'Unicode (UTF-8)'."
)
ELSEWHERE = "If your catalog is elsewhere, set IDEOGRAM_PIPELINE_CATALOG to its folder."


def error_of(source: str) -> str:
    with pytest.raises(CatalogError) as caught:
        read_catalog(source)
    return str(caught.value)


def test_good_catalog(cast: Cast) -> None:
    catalog = cast.read()
    assert catalog.rejects == ()
    assert catalog.source == "cast"
    (prompt,) = catalog.prompts
    assert (prompt.prompt_id, prompt.prompt, prompt.line) == ("storm", "lights the lamp", 2)
    assert (prompt.variations, prompt.refresh, prompt.enabled, prompt.tags) == (
        1,
        "never",
        True,
        (),
    )
    mira = catalog.characters["mira"]
    assert (mira.name, mira.line) == ("Mira", 2)
    assert mira.reference.path == Path("cast/mira.png").resolve()


def test_missing_folder(cast: Cast) -> None:
    assert error_of("cats") == (
        f"No catalog: there is no folder {Path.cwd()}/cats. "
        f"Put characters.csv and prompts.csv there. {ELSEWHERE}"
    )


def test_missing_file(cast: Cast) -> None:
    (cast.folder / "prompts.csv").rename(cast.folder / "Prompts.xlsx")
    assert cast.error() == (
        f"There is no {Path.cwd()}/cast/prompts.csv (nor prompts.parquet). The folder holds: "
        f"Prompts.xlsx, characters.csv, mira.png. {ELSEWHERE}"
    )


def test_file_instead_of_folder(cast: Cast) -> None:
    assert error_of("cast/prompts.csv") == (
        "The catalog cast/prompts.csv is a file, not a folder: "
        "give the folder that holds characters.csv and prompts.csv"
    )


def test_path_that_the_system_refuses(cast: Cast) -> None:
    assert error_of("x" * 300) == (f"The catalog {'x' * 300} cannot be opened: File name too long")


def test_database_without_its_scheme(cast: Cast) -> None:
    Path("cast.duckdb").touch()
    assert error_of("cast.duckdb") == (
        "The catalog cast.duckdb is a file, not a folder: write duckdb:///cast.duckdb"
    )


def test_unknown_scheme(cast: Cast) -> None:
    assert error_of("s3://bucket/cast") == (
        "A catalog cannot be read from s3://; give a folder, or a DuckDB file as "
        "duckdb:///path/to/file.duckdb"
    )


def test_both_forms_of_one_table(cast: Cast) -> None:
    (cast.folder / "prompts.parquet").touch()
    assert cast.error() == (
        "cast holds both prompts.csv and prompts.parquet; keep the one that counts"
    )


def test_unreadable_file(cast: Cast) -> None:
    (cast.folder / "prompts.csv").unlink()
    (cast.folder / "prompts.csv").mkdir()
    assert cast.error() == f"{Path.cwd()}/cast/prompts.csv cannot be read: Is a directory"


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "  \n,,\n"])
def test_empty_file(cast: Cast, content: str) -> None:
    cast.characters(content)
    assert cast.error() == (
        "cast/characters.csv is empty; its first line must name the columns: character_id,name,"
        "reference_image,style_type,rendering_speed,aspect_ratio,prompt_prefix,prompt_suffix,"
        "monthly_credit_budget"
    )


def test_header_alone_is_an_empty_catalog(cast: Cast) -> None:
    cast.characters("character_id,name,reference_image\n")
    cast.prompts("prompt_id,character_id,prompt\n")
    catalog = cast.read()
    assert (catalog.characters, tuple(catalog.prompts), catalog.rejects) == ({}, (), ())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf16(cast: Cast, encoding: str) -> None:
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    cast.prompts(mark + PROMPTS.encode(encoding))
    assert cast.error() == f"cast/prompts.csv is in UTF-16, not UTF-8. {AS_UTF8}"


def test_utf16_without_a_mark(cast: Cast) -> None:
    cast.prompts(PROMPTS.encode("utf-16-le"))
    assert cast.error() == f"cast/prompts.csv, line 1: a NUL byte, so this is no UTF-8. {AS_UTF8}"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_cp1252(cast: Cast, line_end: str) -> None:
    text = PROMPTS + "noon,mira,sits in a café\n"
    cast.prompts(text.replace("\n", line_end).encode("cp1252"))
    assert cast.error() == (
        "cast/prompts.csv, line 3: the byte 0xE9 is not UTF-8 "
        f"(in Windows-1252 it would be 'é'). {AS_UTF8}"
    )


def test_byte_of_no_encoding(cast: Cast) -> None:
    cast.prompts(PROMPTS.encode() + b"noon,mira,\x81\n")
    assert cast.error() == (f"cast/prompts.csv, line 3: the byte 0x81 is not UTF-8. {AS_UTF8}")


def test_workbook_called_csv(cast: Cast) -> None:
    cast.prompts(b"PK\x03\x04\x14\x00")
    assert cast.error() == f"cast/prompts.csv is a spreadsheet or ZIP file, not CSV. {AS_UTF8}"


@pytest.mark.parametrize(
    ("separator", "plural"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")]
)
def test_other_separators(cast: Cast, separator: str, plural: str) -> None:
    cast.prompts(PROMPTS.replace(",", separator))
    assert cast.error() == (
        f"cast/prompts.csv, line 1: the columns are separated by {plural}; "
        "save the file again with commas as separators"
    )


def test_misspelt_column(cast: Cast) -> None:
    cast.prompts("prompt_id,character_id,prompt,rendering_sped\nstorm,mira,x,turbo\n")
    assert cast.error() == (
        "cast/prompts.csv, line 1, column 4: unknown column 'rendering_sped'; "
        "did you mean 'rendering_speed'?"
    )


def test_all_problems_of_both_headers_at_once(cast: Cast) -> None:
    cast.characters("character_id,reference_image,colour,\n")
    cast.prompts("\nprompt_id,prompt,seed,Prompt_ID,SEED\n")
    assert cast.error().splitlines() == [
        "cast/characters.csv, line 1, column 3: unknown column 'colour'; the columns are "
        "character_id, name, reference_image, style_type, rendering_speed, aspect_ratio, "
        "prompt_prefix, prompt_suffix, monthly_credit_budget",
        "cast/characters.csv, line 1, column 4: the column has no name; name it or delete it",
        "cast/characters.csv, line 1: the column name is missing; "
        "it must be there and filled in every row",
        "cast/prompts.csv, line 2, column 4: prompt_id is already column 1; delete one of the two",
        "cast/prompts.csv, line 2, column 5: seed is already column 3; delete one of the two",
        "cast/prompts.csv, line 2: the column character_id is missing; "
        "it must be there and filled in every row",
    ]


def test_unclosed_quotation_mark(cast: Cast) -> None:
    cast.prompts(PROMPTS + '"a\nb",mira,"two\nlines"\nnoon,mira,"sits\neve,mira,walks\n')
    assert cast.error() == (
        "cast/prompts.csv, line 6, column prompt: a quotation mark opens here and is never "
        'closed; close it, or write it twice ("") where it belongs to a text in quotation marks'
    )


def test_unclosed_quotation_mark_that_meets_another(cast: Cast) -> None:
    cast.prompts(PROMPTS + 'noon,mira,"sits\neve,mira,"walks"\n')
    assert cast.error() == (
        "cast/prompts.csv, line 4, column prompt: text follows the quotation mark that closes the "
        "one of line 3; put the marks around the whole cell, "
        'or write it twice ("") where it belongs to a text in quotation marks'
    )


def test_unclosed_quotation_mark_in_the_header(cast: Cast) -> None:
    cast.prompts('prompt_id,"character_id,prompt\nstorm,mira,x\n')
    assert cast.error().startswith(
        "cast/prompts.csv, line 1, column 2: a quotation mark opens here and is never closed;"
    )


def test_endless_cell(cast: Cast) -> None:
    cast.prompts(PROMPTS + f"noon,mira,{'x' * 140_000}\n")
    assert cast.error() == (
        "cast/prompts.csv, line 3: a cell of more than 131,072 characters; "
        "a closing quotation mark may be missing"
    )


def test_rows_of_the_wrong_length_do_not_stop_the_others(cast: Cast) -> None:
    cast.prompts(
        PROMPTS + "noon,mira,sits, then sleeps\n" + "eve,mira\n" + 'a,"mira,x\nb,mira",x,y\n'
        "\n,,\nnight,mira,sleeps\n"
    )
    catalog = cast.read()
    assert [(prompt.prompt_id, prompt.line) for prompt in catalog.prompts] == [
        ("storm", 2),
        ("night", 9),
    ]
    assert [str(reject) for reject in catalog.rejects] == [
        "cast/prompts.csv, line 3: the row has 4 cells, but there are 3 columns; a text with a "
        "comma in it must stand in quotation marks (found 'noon,mira,sits,then sleeps')",
        "cast/prompts.csv, line 4: the row has 2 cells, but there are 3 columns; "
        "a comma may be missing (found 'eve,mira')",
        "cast/prompts.csv, line 5: the row has 4 cells, but there are 3 columns; it runs to "
        "line 6, so a closing quotation mark may be missing (found 'a,mira,x\\nb,mira,x,y')",
    ]
    assert [reject.row_id for reject in catalog.rejects] == ["noon", "eve", "a"]


def test_line_ends_in_a_cell_become_spaces_and_lines_are_those_of_the_file(cast: Cast) -> None:
    cast.prompts(
        'prompt_id,character_id,prompt\r\nstorm,mira,"lights\r\n\r\nthe lamp"\r\nnoon,mira,\r\n'
    )
    catalog = cast.read()
    assert [(prompt.prompt, prompt.line) for prompt in catalog.prompts] == [("lights the lamp", 2)]
    assert [(reject.line, reject.column) for reject in catalog.rejects] == [(5, "prompt")]


def test_mark_and_windows_line_ends_are_fine(cast: Cast) -> None:
    expected = cast.read()
    cast.characters(codecs.BOM_UTF8 + CHARACTERS.replace("\n", "\r\n").encode())
    cast.prompts(codecs.BOM_UTF8 + PROMPTS.replace("\n", "\r\n").encode())
    assert cast.read() == expected
