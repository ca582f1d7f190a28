"""What the look of a file may be without a change in what is read."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ideogram_pipeline.catalog.model import Catalog
from ideogram_pipeline.catalog.reading import read_catalog
from ideogram_pipeline.errors import CatalogError

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\ufffd"),
    min_size=1,
    max_size=20,
).filter(lambda text: text.strip() != "")
ROW = st.fixed_dictionaries(
    {
        "character_id": st.sampled_from(["mira", "bo", "nobody"]),
        "prompt": TEXT,
        "aspect_ratio": st.sampled_from(["", "16:9", "16x9"]),
        "seed": st.sampled_from(["", "7", "2147483647", "0", "7.0"]),
        "rendering_speed": st.sampled_from(["", "turbo", "QUALITY", "fast"]),
        "enabled": st.sampled_from(["", "yes", "FALSE"]),
        "title": TEXT | st.just(""),
        "tags": st.sampled_from(["", "a; b", "b"]),
    }
)
CHARACTERS = "character_id,name,reference_image\nmira,Mira,mira.png\nbo,Bo,mira.png\n"


def written(rows: list[dict[str, str]], line_end: str, mark: bool) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return (codecs.BOM_UTF8 if mark else b"") + out.getvalue().encode()


def read(prompts: bytes) -> Catalog:
    with TemporaryDirectory() as name:
        folder = Path(name)
        Image.new("L", (4, 4)).save(folder / "mira.png")
        (folder / "characters.csv").write_text(CHARACTERS)
        (folder / "prompts.csv").write_bytes(prompts)
        return read_catalog(name)


def gist(catalog: Catalog) -> tuple[object, ...]:
    """All that was read, without the folder, the lines and the white space around cells."""
    return (
        {replace(prompt, line=0) for prompt in catalog.prompts},
        {
            (r.row_id, r.column, r.value.strip(), r.reason.replace(catalog.source, ""))
            for r in catalog.rejects
        },
        catalog.digests,
    )


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text('",\n\r ;\x00aé', max_size=30), st.sampled_from(["utf-8", "utf-16", "latin-1"]))
def test_any_bytes_are_read_or_explained(text: str, encoding: str) -> None:
    table = "prompt_id,character_id,prompt\nstorm,mira,x\n" + text
    try:
        catalog = read(table.encode(encoding))
    except CatalogError as error:
        assert "prompts.csv" in str(error)
        assert "131,072" not in str(error)
    else:
        assert [reject.reason for reject in catalog.rejects] or len(catalog.prompts) == 1


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.data(), st.lists(ROW, min_size=1, max_size=6))
def test_order_marks_line_ends_and_white_space_change_nothing(
    data: st.DataObject, rows: list[dict[str, str]]
) -> None:
    rows = [{"prompt_id": f"p{number}", **row} for number, row in enumerate(rows)]
    plain = read(written(rows, "\n", mark=False))

    columns = data.draw(st.permutations(list(rows[0])))
    space = st.sampled_from(["", " ", "\t", "  ", "\n"])
    dressed = [
        {column: data.draw(space) + row[column] + data.draw(space) for column in columns}
        for row in data.draw(st.permutations(rows))
    ]
    line_end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    assert gist(read(written(dressed, line_end, mark=data.draw(st.booleans())))) == gist(plain)
