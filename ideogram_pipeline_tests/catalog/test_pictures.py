"""What a picture gets that cannot be sent: a reason, before anything is paid."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from ideogram_pipeline.catalog import pictures
from ideogram_pipeline.catalog.model import Picture
from ideogram_pipeline.catalog.pictures import Pictures
from ideogram_pipeline_tests.catalog.conftest import Cast
from ideogram_pipeline_tests.powers import bound_by_permissions

STARTS = "paths start at the folder of the catalog"


def reason(cast: Cast, cell: str) -> str:
    """Why the reference ``cell`` is refused."""
    (problem,) = cast.character_problems(reference_image=cell)
    found = f" (found {cell!r})"
    assert problem.endswith(found)
    return problem.removeprefix("column reference_image: ").removesuffix(found)


@pytest.mark.parametrize(
    ("name", "form"), [("a.png", "png"), ("a.jpg", "jpeg"), ("a.webp", "webp")]
)
def test_fit_picture(cast: Cast, name: str, form: str) -> None:
    path = cast.picture(name, (12, 9))
    assert cast.character_problems(reference_image=name) == []
    content = path.read_bytes()
    assert cast.read().characters["mira"].reference == Picture(
        path=path.resolve(),
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        width=12,
        height=9,
        format=form,  # type: ignore[arg-type]
    )


def test_jpeg_of_a_phone_with_two_frames(cast: Cast) -> None:
    first, second = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8))
    first.save("cast/a.jpg", "MPO", save_all=True, append_images=[second])
    assert cast.character_problems(reference_image="a.jpg") == []
    assert cast.read().characters["mira"].reference.format == "jpeg"


def test_missing(cast: Cast) -> None:
    assert reason(cast, "anna.png") == f"no file at {Path.cwd()}/cast/anna.png; {STARTS}"


def test_missing_but_there_from_the_working_directory(cast: Cast) -> None:
    Path("refs").mkdir()
    (cast.folder / "mira.png").rename("refs/mira.png")
    assert reason(cast, "refs/mira.png") == (
        f"no file at {Path.cwd()}/cast/refs/mira.png; {STARTS}: did you mean '../refs/mira.png'?"
    )


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("Mira.PNG", "mira.png"),
        ("refs\\anna.png", "refs/anna.png"),
        ("pictures/mira.png", "mira.png"),
        ("zoe.png", "../references/zoe.png"),
        ("zoe\u0308.png", "zo\u00eb.png"),
    ],
)
def test_missing_but_there_under_a_like_name(cast: Cast, cell: str, meant: str) -> None:
    if meant != "mira.png":
        cast.picture(meant)
    assert reason(cast, cell) == (
        f"no file at {Path.cwd()}/cast/{cell}; {STARTS}: did you mean '{meant}'?"
    )


def test_several(cast: Cast) -> None:
    assert reason(cast, "mira.png;mira2.png") == (
        f"no file at {Path.cwd()}/cast/mira.png;mira2.png; exactly one picture is allowed here"
    )


@pytest.mark.parametrize("cell", ["https://example.org/mira.png", "data:image/png;base64+AA=="])
def test_address(cast: Cast, cell: str) -> None:
    assert reason(cast, cell) == (
        "is an address, and what it leads to can change: download the picture "
        "and give the path of the file"
    )


def test_folder(cast: Cast) -> None:
    assert reason(cast, ".") == "is a folder; give the path of one picture"


def test_pipe(cast: Cast) -> None:
    os.mkfifo("cast/pipe")
    assert reason(cast, "pipe") == "is not an ordinary file"


def test_forbidden(cast: Cast) -> None:
    (cast.folder / "mira.png").chmod(0)
    with bound_by_permissions():
        assert reason(cast, "mira.png") == "cannot be read: Permission denied"


def test_endless_name(cast: Cast) -> None:
    assert reason(cast, "x" * 70 + "/" + "y" * 5) == (
        f"no file at {Path.cwd()}/cast/{'x' * 70}/yyyyy; {STARTS}"
    )
    (problem,) = cast.character_problems(reference_image="x" * 300)
    assert problem.startswith("column reference_image: cannot be opened: File name too long")


def test_control_character_in_a_path(cast: Cast) -> None:
    assert reason(cast, "mi\x01ra.png") == (
        "holds the control character U+0001 at position 3: remove it"
    )


def test_11_megabytes(cast: Cast) -> None:
    with (cast.folder / "mira.png").open("r+b") as file:
        file.truncate(11_000_000)
    assert reason(cast, "mira.png") == (
        "is 11.0 MB (11,000,000 bytes); at most 10 MB are allowed: save it smaller"
    )


def test_not_an_image(cast: Cast) -> None:
    (cast.folder / "mira.png").write_text("<svg/>")
    assert reason(cast, "mira.png") == (
        "is not a picture that can be opened; it must be PNG, JPEG or WebP"
    )


def test_empty(cast: Cast) -> None:
    (cast.folder / "mira.png").write_bytes(b"")
    assert reason(cast, "mira.png") == "is an empty file"


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF"])
def test_other_formats_whatever_the_suffix(cast: Cast, form: str) -> None:
    Image.new("RGB", (8, 8)).save("cast/mira.png", form)
    assert reason(cast, "mira.png") == f"is a {form}; save it as PNG, JPEG or WebP"


@pytest.mark.parametrize(
    ("name", "missing", "detail"),
    [
        ("a.png", 100, "Truncated File Read"),
        ("a.png", 12, "truncated PNG file"),
        ("a.jpg", 100, "image file is truncated"),
        ("a.webp", 100, "could not create decoder object"),
    ],
)
def test_truncated(cast: Cast, name: str, missing: int, detail: str) -> None:
    Image.frombytes("L", (64, 64), Random(7).randbytes(64 * 64)).save(cast.folder / name)
    content = (cast.folder / name).read_bytes()
    (cast.folder / name).write_bytes(content[:-missing])
    words = reason(cast, name)
    assert words.startswith(f"is damaged or cut off ({detail}")
    assert words.endswith("); export or copy it again")


def test_damaged(cast: Cast) -> None:
    content = bytearray((cast.folder / "mira.png").read_bytes())
    content[-20] ^= 1
    (cast.folder / "mira.png").write_bytes(content)
    assert reason(cast, "mira.png").startswith("is damaged or cut off (broken PNG file")


@pytest.mark.parametrize(
    ("side", "shown"), [(7_100, "50,410,000"), (12_000, "144,000,000"), (60_000, "far too many")]
)
def test_decompression_bomb(cast: Cast, side: int, shown: str) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = (chunk(b"IHDR", header), chunk(b"IDAT", b""), chunk(b"IEND", b""))
    (cast.folder / "mira.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    assert reason(cast, "mira.png") == (
        f"unpacks to {shown} pixels; at most 50,000,000 are allowed"
    )


class TestImageAndMask:
    @pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P"])
    def test_fit(self, cast: Cast, mode: str) -> None:
        cast.picture("room.jpg", (40, 20))
        mask = Image.new("L", (40, 20), 255)
        mask.paste(0, (5, 5, 9, 9))
        mask.convert(mode).save("cast/mask.png")
        assert cast.prompt_problems(image="room.jpg", mask="mask.png") == []
        (prompt,) = cast.read().prompts
        assert prompt.image and prompt.mask
        assert (prompt.mask.width, prompt.mask.height) == (40, 20)

    def test_size_of_the_row_is_allowed(self, cast: Cast) -> None:
        cast.picture("room.png")
        cast.picture("mask.png", colour="black")
        assert cast.prompt_problems(image="room.png", mask="mask.png", aspect_ratio="16:9") == []

    def test_image_without_mask(self, cast: Cast) -> None:
        assert cast.prompt_problems(image="mira.png", mask="") == [
            "column mask: is blank, but there is an image: give the mask, or blank the image"
        ]

    def test_image_without_a_column_for_masks(self, cast: Cast) -> None:
        assert cast.prompt_problems(image="mira.png") == [
            "column mask: is blank, but there is an image: give the mask, or blank the image"
        ]

    def test_mask_without_image(self, cast: Cast) -> None:
        cast.picture("mask.png", colour="black")
        assert cast.prompt_problems(mask="mask.png") == [
            "column image: is blank, but there is a mask: give the image, or blank the mask"
        ]

    def test_mask_of_another_size(self, cast: Cast) -> None:
        cast.picture("mask.png", (8, 9), "black")
        assert cast.prompt_problems(image="mira.png", mask="mask.png") == [
            "column mask: is 8x9 pixels, but the image is 8x8: they must be of one size "
            "(found 'mask.png')"
        ]

    def test_mask_without_black(self, cast: Cast) -> None:
        cast.picture("mask.png", colour=(200, 200, 200))
        assert cast.prompt_problems(image="mira.png", mask="mask.png") == [
            "column mask: has no black pixel, so nothing would be painted anew: "
            "black is painted anew, white is kept (found 'mask.png')"
        ]

    def test_mask_with_transparent_parts(self, cast: Cast) -> None:
        cast.picture("mask.png", colour=(0, 0, 0, 0), mode="RGBA")
        assert cast.prompt_problems(image="mira.png", mask="mask.png") == [
            "column mask: has transparent parts, whose meaning the model does not define: "
            "fill them with black (painted anew) or white (kept) (found 'mask.png')"
        ]

    def test_both_missing_files_are_named(self, cast: Cast) -> None:
        problems = cast.prompt_problems(image="a.png", mask="b.png")
        assert [problem.partition(";")[0] for problem in problems] == [
            f"column image: no file at {Path.cwd()}/cast/a.png",
            f"column mask: no file at {Path.cwd()}/cast/b.png",
        ]


def test_picture_of_many_rows_is_decoded_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    inspect = pictures.inspect_picture

    def counting(path: Path, *, is_mask: bool = False) -> Picture:
        decoded.append(path)
        return inspect(path, is_mask=is_mask)

    monkeypatch.setattr(pictures, "inspect_picture", counting)
    shelf = Pictures(cast.folder)
    assert shelf.inspect("mira.png") is shelf.inspect("mira.png")
    assert len(decoded) == 1
