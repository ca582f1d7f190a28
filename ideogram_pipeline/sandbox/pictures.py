"""Pictures of the sandbox: free, deterministic in the request, and never mistaken for bought ones.

The figure comes from the reference, the scene from the words of the prompt and the seed, the
colours from style and model version, the amount of detail from the rendering speed. The caption
repeats the prompt, so that a gallery shows at a glance which request made which picture.
"""

from __future__ import annotations

import hashlib

from PIL import Image, ImageChops

from ideogram_pipeline.sandbox.drawing import lettering, png, story
from ideogram_pipeline.sandbox.drawing.composition import compose
from ideogram_pipeline.sandbox.drawing.figure import Figure, cut_out, read_picture
from ideogram_pipeline.sandbox.drawing.paint import Colour, Dice, Look
from ideogram_pipeline.sandbox.drawing.story import Story
from ideogram_pipeline.sandbox.sizes import size_for

__all__ = ["draw", "size_for"]

_DETAIL = {"turbo": 0, "default": 1, "quality": 2}
_DREAMS: tuple[Colour, ...] = ((255, 120, 190), (120, 110, 255), (60, 210, 220), (255, 190, 90))
_SMALLEST_SCENE = 160  # pixels: for a smaller hole of a mask, a scene is drawn and scaled down


def draw(
    *,
    prompt: str,
    seed: int,
    width: int,
    height: int,
    reference: bytes,
    style_type: str,
    rendering_speed: str,
    image: bytes | None = None,
    mask: bytes | None = None,
    model_version: str = "1",
    tiny: bool = False,
) -> bytes:
    """Draw the picture of one request.

    Args:
        prompt: The text as submitted; some of its words choose scene, time and weather.
        seed: Decides the composition, together with the prompt.
        width: Pixels, as ``size_for`` gives them.
        height: Pixels, as ``size_for`` gives them.
        reference: The character's picture; a broken one gives a stand-in figure.
        style_type: ``Auto``, ``Fiction`` or ``Realistic``, case ignored.
        rendering_speed: ``turbo``, ``default`` or ``quality``: little to much detail.
        image: For inpainting, with ``mask``: the picture to be repainted in part.
        mask: Black is repainted, white is kept. A broken image or mask is left out of account.
        model_version: Another version paints the same request visibly otherwise.
        tiny: Draw 16x16 pixels that only tell requests apart, for load tests.

    Returns:
        PNG bytes, the same for the same arguments.
    """
    digest = hashlib.sha256()
    for part in (prompt, seed, width, height, style_type, rendering_speed, model_version):
        digest.update(f"{part}\0".encode(errors="surrogatepass"))
    for content in (reference, image or b"", mask or b""):
        digest.update(hashlib.sha256(content).digest())
    texts = {"Software": "ideogram_pipeline sandbox", "Request": digest.hexdigest()}
    if tiny:
        return png.encode(_tiny(digest.digest()), texts)

    figure = cut_out(reference)
    look = _look(style_type, rendering_speed, model_version, seed)
    key = (seed, model_version, hashlib.sha256(prompt.encode(errors="surrogatepass")).hexdigest())
    tale = story.read(prompt, Dice(key, "story"), figure.palette)
    base, hole = _inpainting(image, mask, (width, height))
    if base is not None and hole is not None:
        return png.encode(_repainted(base, hole, tale, look, figure, key), texts)

    caption = lettering.set_caption(prompt, width, height)
    page = Image.new("RGB", (width, height))
    page.paste(compose((width, height - caption.height), tale, look, figure, key))
    details = f"{rendering_speed} · {style_type} · seed {seed} · model {model_version}"
    lettering.write_caption(page, caption, details, figure.palette)
    lettering.press_stamp(page, max(14, min(width, height) // 36))
    return png.encode(page, texts)


def _look(style_type: str, rendering_speed: str, model_version: str, seed: int) -> Look:
    turn = 0 if model_version == "1" else 40 + Dice("version", model_version).below(280)
    return Look(
        style=style_type.capitalize(),
        detail=_DETAIL.get(rendering_speed.lower(), 1),
        hue_shift=turn,
        dream=Dice("dream", seed).pick(_DREAMS),
    )


def _inpainting(
    image: bytes | None, mask: bytes | None, size: tuple[int, int]
) -> tuple[Image.Image | None, Image.Image | None]:
    """The image at the size of the result, and a hole: white where the mask is black."""
    base = None if image is None else read_picture(image)
    stencil = None if mask is None else read_picture(mask)
    if base is None or stencil is None:
        return None, None
    base = base.convert("RGB")
    if base.size != size:
        base = base.resize(size, Image.Resampling.BICUBIC)
    keep = stencil.convert("L").resize(size, Image.Resampling.NEAREST)
    return base, ImageChops.invert(keep).point(lambda value: 255 * (value >= 128))


def _repainted(
    base: Image.Image, hole: Image.Image, tale: Story, look: Look, figure: Figure, key: object
) -> Image.Image:
    """``base`` with a scene in the hole; every other pixel stays as it is."""
    area = hole.getbbox()
    if area is None:
        return base
    wide, tall = area[2] - area[0], area[3] - area[1]
    size = max(wide, _SMALLEST_SCENE), max(tall, _SMALLEST_SCENE)
    scene = compose(size, tale, look, figure, key)
    lettering.press_stamp(scene, max(12, min(size) // 20))
    if size != (wide, tall):
        scene = scene.resize((wide, tall), Image.Resampling.BOX)
    base.paste(scene, area[:2], hole.crop(area))
    return base


def _tiny(digest: bytes) -> Image.Image:
    """A mirrored pattern of two colours, 16x16 pixels, from the hash of the request."""
    picture = Image.new("P", (8, 8))
    picture.putpalette([*digest[:3], *(255 - part for part in digest[:3])])
    for row in range(8):
        for column in range(4):
            if digest[8 + row] >> column & 1:
                picture.putpixel((column, row), 1)
                picture.putpixel((7 - column, row), 1)
    return picture.resize((16, 16), Image.Resampling.NEAREST)
