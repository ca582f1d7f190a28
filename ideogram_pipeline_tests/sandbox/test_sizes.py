from __future__ import annotations

import io

import pytest
from PIL import Image

from ideogram_pipeline.sandbox.sizes import RESOLUTIONS, SIZE_BY_RATIO, size_for


def _png(width: int, height: int) -> bytes:
    target = io.BytesIO()
    Image.new("L", (width, height)).save(target, "PNG")
    return target.getvalue()


def test_supported_sizes_are_the_documented_ones() -> None:
    assert len(RESOLUTIONS) == 69
    assert {(height, width) for width, height in RESOLUTIONS} == RESOLUTIONS
    for width, height in RESOLUTIONS:
        assert width % 32 == height % 32 == 0
        assert 786_432 <= width * height <= 1_048_576


@pytest.mark.parametrize("ratio", SIZE_BY_RATIO)
def test_every_ratio_has_a_supported_size_of_that_ratio(ratio: str) -> None:
    width, height = size_for(aspect_ratio=ratio, resolution=None, image=None)
    across, up = (int(part) for part in ratio.split(":"))
    assert (width, height) in RESOLUTIONS
    assert width / height == pytest.approx(across / up, rel=0.003)


@pytest.mark.parametrize("size", sorted(RESOLUTIONS))
def test_every_resolution_wins_over_the_ratio(size: tuple[int, int]) -> None:
    resolution = f"{size[0]}x{size[1]}"
    assert size_for(aspect_ratio="3:1", resolution=resolution, image=None) == size


@pytest.mark.parametrize("resolution", [None, "", "None"])
def test_no_resolution_leaves_the_ratio(resolution: str | None) -> None:
    assert size_for(aspect_ratio="3:2", resolution=resolution, image=None) == (1248, 832)


@pytest.mark.parametrize(
    ("ratio", "resolution"), [(None, None), ("7:5", None), ("16x9", None), ("3:1", "640x480")]
)
def test_what_is_unknown_gives_a_square(ratio: str | None, resolution: str | None) -> None:
    assert size_for(aspect_ratio=ratio, resolution=resolution, image=None) == (1024, 1024)


@pytest.mark.parametrize(
    ("image", "expected"),
    [((1152, 864), (1152, 864)), ((300, 300), (1024, 1024)), ((1920, 1080), (1312, 736)),
     ((2000, 3000), (832, 1248)), ((9000, 100), (1536, 512))],
)  # fmt: skip
def test_an_inpainting_image_decides_alone(
    image: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert size_for(aspect_ratio="3:1", resolution="512x1536", image=_png(*image)) == expected


def test_a_broken_inpainting_image_gives_a_square() -> None:
    assert size_for(aspect_ratio="3:1", resolution=None, image=b"no image") == (1024, 1024)
