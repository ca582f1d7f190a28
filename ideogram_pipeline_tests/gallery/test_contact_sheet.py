from __future__ import annotations

import base64
import io
import random
from pathlib import Path

import pytest
from PIL import Image

from ideogram_pipeline.gallery.contact_sheet import as_markdown, contact_sheet
from ideogram_pipeline_tests.gallery.house import png


def noise(seed: int) -> bytes:
    target = io.BytesIO()
    pixels = random.Random(seed).randbytes(200 * 160 * 3)
    Image.frombytes("RGB", (200, 160), pixels).save(target, "PNG")
    return target.getvalue()


def files(folder: Path, contents: list[bytes]) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def opened(sheet: bytes) -> Image.Image:
    with Image.open(io.BytesIO(sheet)) as image:
        return image.convert("RGB")


@pytest.mark.parametrize("max_bytes", [30_000, 5_000])
def test_24_pictures_of_pure_noise_fit(tmp_path: Path, max_bytes: int) -> None:
    paths = files(tmp_path, [noise(seed) for seed in range(24)])
    sheet = contact_sheet(paths, max_bytes=max_bytes)
    assert len(sheet) <= max_bytes
    assert opened(sheet).width > opened(sheet).height


def test_calm_pictures_stay_large(tmp_path: Path) -> None:
    sheet = contact_sheet(files(tmp_path, [png("teal"), png("gold"), png("plum")]))
    assert opened(sheet).width > 3 * 160


def test_a_bound_that_nothing_fits_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 tiles do not fit into 20 bytes"):
        contact_sheet(files(tmp_path, [png()]), max_bytes=20)


def test_an_unreadable_file_is_a_grey_tile_beside_the_others(tmp_path: Path) -> None:
    whole = noise(1)
    paths = files(tmp_path, [png("red", (80, 80)), b"not a picture", whole[: len(whole) // 2], b""])
    image = opened(contact_sheet([*paths, tmp_path / "gone.png"], columns=5))
    middle = image.height // 2
    red, *others = (image.getpixel((image.width * (2 * n + 1) // 10, middle)) for n in range(5))
    assert isinstance(red, tuple)
    assert red[0] > 200 and red[1] < 60
    for grey in others:
        assert isinstance(grey, tuple)
        assert max(grey) - min(grey) < 12


def test_pictures_beyond_the_last_tile_are_left_out(tmp_path: Path) -> None:
    paths = files(tmp_path, [png()]) * 30
    assert contact_sheet(paths) == contact_sheet(paths[:24])
    assert contact_sheet(paths, most_tiles=6) == contact_sheet(paths[:6])


def test_no_pictures_make_one_grey_tile() -> None:
    image = opened(contact_sheet([]))
    assert image.width == image.height


def test_a_transparent_picture_lies_on_white(tmp_path: Path) -> None:
    target = io.BytesIO()
    Image.new("RGBA", (80, 80), (0, 0, 0, 0)).save(target, "PNG")
    image = opened(contact_sheet(files(tmp_path, [target.getvalue()])))
    assert min(image.getpixel((image.width // 2, image.height // 2))) > 245  # type: ignore[arg-type]


def test_a_picture_with_a_palette_keeps_its_colours(tmp_path: Path) -> None:
    target = io.BytesIO()
    Image.new("RGB", (400, 400), (200, 40, 40)).quantize(8).save(target, "PNG")
    image = opened(contact_sheet(files(tmp_path, [target.getvalue()])))
    red, green, _ = image.getpixel((image.width // 2, image.height // 2))  # type: ignore[misc]
    assert red > 180 and green < 60


def test_markdown_embeds_the_very_bytes_and_no_text_breaks_out(tmp_path: Path) -> None:
    sheet = contact_sheet(files(tmp_path, [png()]))
    text = as_markdown(sheet, "a](javascript:x) <b>\n![")
    start, _, data = text.partition("(data:image/webp;base64,")
    assert base64.b64decode(data.removesuffix(")"), validate=True) == sheet
    assert start == "![a\\](javascript:x) \\<b\\> !\\[]"
    assert "\n" not in text
