from __future__ import annotations

import hashlib
import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageStat

from ideogram_pipeline.sandbox.drawing import lettering, png
from ideogram_pipeline.sandbox.drawing.figure import cut_out
from ideogram_pipeline.sandbox.drawing.story import SCENES
from ideogram_pipeline.sandbox.pictures import draw, size_for

DATA = Path(__file__).parents[2] / "data"
JUNIPER = (DATA / "references" / "juniper.png").read_bytes()
PIA = (DATA / "references" / "pia.png").read_bytes()
REQUEST: dict[str, Any] = {
    "prompt": "Juniper walks through a summer meadow on a bright day",
    "seed": 7,
    "width": 704,
    "height": 448,
    "reference": JUNIPER,
    "style_type": "Auto",
    "rendering_speed": "turbo",
}


def _open(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "PNG"
        return picture.convert("RGB")


def _drawn(**changes: Any) -> Image.Image:
    return _open(draw(**{**REQUEST, **changes}))


def _bytes(picture: Image.Image, **options: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, "PNG", **options)
    return target.getvalue()


def _share(picture: Image.Image, colour: tuple[int, int, int], tolerance: int = 24) -> float:
    """Percent of the pixels near ``colour``."""
    bands = picture.split()
    near = [
        band.point([255 * (abs(value - wanted) <= tolerance) for value in range(256)]).tobytes()
        for band, wanted in zip(bands, colour, strict=True)
    ]
    hits = sum(all(pixel) for pixel in zip(*near, strict=True))
    return 100 * hits / (picture.width * picture.height)


def test_the_same_request_gives_the_same_bytes_in_another_process() -> None:
    script = (
        "import hashlib, sys; from pathlib import Path\n"
        "from ideogram_pipeline_tests.sandbox.test_pictures import REQUEST, draw\n"
        "print(hashlib.sha256(draw(**REQUEST)).hexdigest())\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        cwd=DATA.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    cut_out.cache_clear()
    assert answer.stdout.strip() == hashlib.sha256(draw(**REQUEST)).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "Juniper walks through a summer meadow on a bright day!"},
        {"seed": 8},
        {"reference": PIA},
        {"style_type": "Fiction"},
        {"rendering_speed": "quality"},
        {"model_version": "2"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_differs_in_the_request_can_be_seen(change: dict[str, Any]) -> None:
    assert _drawn(**change).tobytes() != _drawn().tobytes()


def test_prompts_that_differ_after_the_caption_ends_differ() -> None:
    long = "word " * 380
    assert _drawn(prompt=long + "a").tobytes() != _drawn(prompt=long + "b").tobytes()


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("size", [(768, 256), (256, 768)], ids=["wide", "tall"])
def test_every_scene_can_be_wide_and_tall(scene: str, size: tuple[int, int]) -> None:
    words = {"parlour": "fireplace", "snowfield": "snow", "space": "planets"}
    prompt = f"Juniper, {words.get(scene, scene)}, rain"
    picture = _drawn(prompt=prompt, width=size[0], height=size[1], rendering_speed="quality")
    assert picture.size == size


@pytest.mark.parametrize("ratio", ["1:1", "3:1", "9:16"])
def test_full_size_pictures_are_modest_files(ratio: str) -> None:
    width, height = size_for(aspect_ratio=ratio, resolution=None, image=None)
    request = {**REQUEST, "width": width, "height": height, "rendering_speed": "quality"}
    content = draw(**request)
    assert _open(content).size == (width, height)
    assert 20_000 < len(content) < 700_000


def test_the_figure_comes_from_the_reference() -> None:
    orange, red = (236, 122, 52), (214, 48, 56)
    fox, girl = _drawn(), _drawn(reference=PIA)
    assert _share(fox, orange) > 2 > 0.2 > _share(girl, orange)
    assert _share(girl, red) > 2 > 0.5 > _share(fox, red)


def test_the_background_of_the_reference_stays_out() -> None:
    assert _share(_drawn(), (206, 228, 236), tolerance=2) < 0.3


def test_a_photograph_becomes_a_round_portrait() -> None:
    photo = Image.linear_gradient("L").resize((400, 300)).convert("RGB")
    figure = cut_out(_bytes(photo)).picture
    assert figure.width == pytest.approx(figure.height, abs=2)
    assert figure.getpixel((2, 2))[3] == 0  # type: ignore[index]
    assert figure.getpixel((figure.width // 2, figure.height // 2))[3] == 255  # type: ignore[index]


def test_every_picture_says_that_it_is_from_the_sandbox() -> None:
    content = draw(**REQUEST)
    picture = _open(content)
    corner = picture.crop((picture.width - 150, 0, picture.width, 40))
    assert _share(corner, lettering.STAMP) > 2
    with Image.open(io.BytesIO(content)) as opened:
        opened.load()
        assert opened.info["Software"] == "ideogram_pipeline sandbox"


def test_turbo_has_fewer_shades_than_quality() -> None:
    turbo, quality = _drawn(), _drawn(rendering_speed="quality")
    skies = [picture.crop((420, 0, 421, 120)) for picture in (turbo, quality)]
    few, many = (len(set(sky.getcolors() or [])) for sky in skies)
    assert few < 12 < many


def test_realistic_is_muted_and_fiction_is_vivid() -> None:
    muted, plain, vivid = (
        ImageStat.Stat(_drawn(style_type=style).convert("HSV")).mean[1]
        for style in ("Realistic", "Auto", "Fiction")
    )
    assert muted < plain < vivid


@pytest.mark.parametrize(
    "prompt",
    ["", " ", "x" * 2000, "🦊 漢字 \ud800 \x00", "Ünïcode \u2013 “quoted”\n\ttabs"],
    ids=["empty", "blank", "one long word", "other scripts", "accents"],
)
def test_any_prompt_can_be_set(prompt: str) -> None:
    assert _drawn(prompt=prompt).size == (704, 448)


def _declared(width: int, height: int) -> bytes:
    """A PNG whose header promises more pixels than it holds."""
    header = b"IHDR" + struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    content = bytearray(_bytes(Image.new("RGB", (4, 4))))
    content[12:33] = header + struct.pack(">I", zlib.crc32(header))
    return bytes(content)


@pytest.mark.parametrize(
    "reference",
    [b"", b"not an image", JUNIPER[:5000], JUNIPER[:60], b"GIF89a", _declared(8000, 8000),
     _declared(11000, 11000), _declared(60000, 60000),
     _bytes(Image.new("RGBA", (64, 64), (9, 9, 9, 0)))],
    ids=["empty", "text", "truncated", "header only", "stub", "40 MP", "121 MP", "3.6 GP",
         "transparent"],
)  # fmt: skip
def test_a_broken_reference_gives_a_stand_in(reference: bytes) -> None:
    assert _drawn(reference=reference).size == (704, 448)
    assert cut_out(reference).picture.size == cut_out(b"another").picture.size


def test_stand_ins_of_different_bytes_differ() -> None:
    assert cut_out(b"one").palette != cut_out(b"two").palette


def _inpainting() -> tuple[Image.Image, Image.Image]:
    image = Image.effect_mandelbrot((960, 832), (-2, -1.5, 1, 1.5), 20).convert("RGB")
    mask = Image.new("L", image.size, 255)
    mask.paste(0, (300, 200, 700, 620))
    return image, mask


def _difference(a: Image.Image, b: Image.Image) -> list[bool]:
    rows = zip(a.tobytes()[::3], a.tobytes()[1::3], a.tobytes()[2::3], strict=True)
    others = zip(b.tobytes()[::3], b.tobytes()[1::3], b.tobytes()[2::3], strict=True)
    return [one != other for one, other in zip(rows, others, strict=True)]


def test_inpainting_changes_only_what_is_black_in_the_mask() -> None:
    image, mask = _inpainting()
    result = _drawn(width=960, height=832, image=_bytes(image), mask=_bytes(mask))
    changed = _difference(result, image)
    black = [value < 128 for value in mask.tobytes()]
    assert not any(c and not b for c, b in zip(changed, black, strict=True))
    assert sum(changed) > 0.95 * sum(black)


def test_inpainting_keeps_the_pixels_of_an_image_that_had_to_be_resized() -> None:
    image, mask = _inpainting()
    small = image.resize((480, 416))
    result = _drawn(width=960, height=832, image=_bytes(small), mask=_bytes(mask))
    expected = small.resize((960, 832), Image.Resampling.BICUBIC)
    for area in ((0, 0, 960, 200), (0, 620, 960, 832), (0, 0, 300, 832), (700, 0, 960, 832)):
        assert result.crop(area).tobytes() == expected.crop(area).tobytes()


@pytest.mark.parametrize("area", [(5, 5, 6, 6), (10, 0, 11, 832), (0, 400, 960, 401)])
def test_inpainting_fills_slivers(area: tuple[int, int, int, int]) -> None:
    image, _ = _inpainting()
    mask = Image.new("L", image.size, 255)
    mask.paste(0, area)
    result = _drawn(width=960, height=832, image=_bytes(image), mask=_bytes(mask))
    result.paste(image.crop(area), area)
    assert result.tobytes() == image.tobytes()


def test_inpainting_with_a_white_mask_changes_nothing() -> None:
    image, _ = _inpainting()
    mask = Image.new("RGB", image.size, "white")
    result = _drawn(width=960, height=832, image=_bytes(image), mask=_bytes(mask))
    assert result.tobytes() == image.tobytes()


def test_a_broken_mask_gives_a_picture_without_inpainting() -> None:
    image, _ = _inpainting()
    assert _drawn(image=_bytes(image), mask=b"broken").tobytes() == _drawn().tobytes()


def test_tiny_pictures_are_small_and_depend_on_the_request() -> None:
    contents = {draw(**{**REQUEST, "seed": seed, "tiny": True}) for seed in range(1, 200)}
    assert len(contents) == 199
    assert all(len(content) < 500 for content in contents)
    assert _open(contents.pop()).size == (16, 16)


@pytest.mark.parametrize("make", [_drawn, lambda: Image.new("RGB", (3, 5), "teal")])
def test_the_png_writer_keeps_every_pixel(make: Callable[[], Image.Image]) -> None:
    picture = make()
    assert _open(png.encode(picture, {"Software": "test"})).tobytes() == picture.tobytes()
