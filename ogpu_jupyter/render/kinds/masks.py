"""Parts of a picture, each as a mask: laid over the picture in its own colour.

A mask is a checked picture, white where its part is. A greyscale PNG, as pipelines give it,
becomes one of a colour that is seen through by giving its grey levels a palette: its pixels
stay packed as they came. Others are turned into such a PNG where Pillow is installed. Each
mask has a box to switch it off, which works without a script.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render import budget
from ogpu_jupyter.render.registry import Kind, number, strings
from ogpu_jupyter.render.safe import esc, one_line
from ogpu_jupyter.render.style import HUES

from .images import Picture, picture, png_chunks
from .scores import share
from .texts import more_html, more_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

MAX_MASKS: Final = 24
_MAX_SIDE: Final = 2000
_MAX_PIXELS: Final = 16_000_000  # to be taken apart here
_DEEP: Final = 2  # such a pixel takes as much as two that are only made smaller
_FEW_PIXELS: Final = _DEEP * _MAX_PIXELS
_OPACITY: Final = 150  # of 255, where a mask is white


@dataclass(frozen=True)
class Mask:
    label: str
    score: float | None
    image: Picture  # greyscale

    def coloured(self, hue: str) -> Picture:
        return _palette(base64.b64decode(self.image.encoded), hue)


@dataclass(frozen=True)
class Masks:
    """The masks, and the picture they are of when the task's data holds it."""

    masks: list[Mask]
    image: Picture | None
    more: int


def _read_masks(value: Json, given: Given) -> Masks | None:
    items = _generated(value) if isinstance(value, dict) else value
    if not isinstance(items, list) or not items:
        return None
    masks: list[Mask] = []
    for item in items[:MAX_MASKS]:
        mask = _mask(item, given)
        if mask is None and masks and budget.current().pixels < _FEW_PIXELS:
            break  # those that are read are a preview
        if mask is None:
            return None
        masks.append(mask)
    images = (picture(given.content(text)) for text in strings(given.data))
    fitting = (i for i in images if i and all(_has_shape(mask.image, i) for mask in masks))
    return Masks(masks, next(fitting, None), len(items) - len(masks))


def _generated(value: dict[str, Json]) -> Json:
    """Mask generation gives masks and scores in two lists, and no labels."""
    masks, scores = value.get("masks"), value.get("scores", value.get("iou_scores"))
    if not isinstance(masks, list) or set(value) - {"masks", "scores", "iou_scores"}:
        return None
    known = scores if isinstance(scores, list) and len(scores) == len(masks) else []
    found = [*known, *[None] * (len(masks) - len(known))]
    return [
        {"label": f"part {n}", "score": score, "mask": mask}
        for n, (mask, score) in enumerate(zip(masks[:1000], found, strict=False), 1)
    ]


def _mask(item: Json, given: Given) -> Mask | None:
    if not isinstance(item, dict) or set(item) - {"label", "score", "mask", "box"}:
        return None
    label, held = item.get("label"), item.get("mask")
    image = picture(given.content(held)) if isinstance(held, str) else _drawn(held)
    grey = _grey(image) if image is not None else None
    if grey is None or not isinstance(label, str):
        return None
    return Mask(label, number(item.get("score")), grey)


def _grey(image: Picture) -> Picture | None:
    """As a PNG of at most 256 levels of grey; None where it can't be made one here."""
    raw = base64.b64decode(image.encoded)
    if image.kind == "png" and raw[25] == 0 and raw[24] <= 8:
        return image
    if image.width * image.height > _MAX_PIXELS:
        return None
    if not budget.current().take_pixels(image.width * image.height * _DEEP):
        return None
    try:
        from PIL import Image  # noqa: PLC0415 - where it is installed
    except ImportError:
        return None
    out = BytesIO()
    try:
        with Image.open(BytesIO(raw), formats=[image.kind.upper()]) as opened:
            clear = "A" in opened.getbands() or "transparency" in opened.info
            flat = opened.convert("RGBA") if clear else opened
            if clear:  # what isn't there is no part
                flat = Image.alpha_composite(Image.new("RGBA", flat.size, "black"), flat)
            flat.convert("L").save(out, "PNG")
    except (OSError, ValueError, SyntaxError, ArithmeticError):  # a picture in its frame alone
        return None
    return picture(base64.b64encode(out.getvalue()).decode())


def _drawn(rows: Json) -> Picture | None:
    """A picture of rows of true and false, or of 1 and 0."""
    if not isinstance(rows, list) or not 0 < len(rows) <= _MAX_SIDE:
        return None
    if not isinstance(rows[0], list) or not 0 < len(rows[0]) <= _MAX_SIDE:
        return None
    lines = [row for row in rows if isinstance(row, list)]
    if len(lines) < len(rows) or any(len(line) != len(lines[0]) for line in lines):
        return None
    if not all(x in (0, 1) for line in lines for x in line):
        return None
    return greyscale([bytes(255 if x else 0 for x in line) for line in lines])


def greyscale(rows: Sequence[bytes]) -> Picture | None:
    """A PNG with a byte for each of its pixels."""
    size = len(rows[0]).to_bytes(4, "big") + len(rows).to_bytes(4, "big")
    pixels = zlib.compress(b"".join(b"\x00" + row for row in rows), 6)
    chunks = ((b"IHDR", size + b"\x08\x00\x00\x00\x00"), (b"IDAT", pixels), (b"IEND", b""))
    return picture(base64.b64encode(_png(chunks)).decode())


def _png(chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")
        for name, body in chunks
    )


def _palette(raw: bytes, hue: str) -> Picture:
    """The same pixels, read as places in a palette of one colour, from clear to half solid."""
    head, pixels = b"", []
    for name, body in png_chunks(raw):
        if name == b"IHDR":
            head = bytes(body)
        elif name == b"IDAT":
            pixels.append((name, bytes(body)))
    levels = 2 ** head[8]
    colours = bytes.fromhex(hue.removeprefix("#")) * levels
    clear = bytes(round(_OPACITY * n / (levels - 1)) for n in range(levels))
    indexed = head[:9] + b"\x03" + head[10:]
    new = _png([(b"IHDR", indexed), (b"PLTE", colours), (b"tRNS", clear), *pixels, (b"IEND", b"")])
    width, height = (int.from_bytes(head[n : n + 4], "big") for n in (0, 4))
    return Picture("png", width, height, base64.b64encode(new).decode(), len(new))


def _has_shape(mask: Picture, image: Picture) -> bool:
    """The same shape at any size: a model may work on a smaller picture than was sent."""
    return abs(mask.width * image.height / (mask.height * image.width) - 1) < 0.02


def _masks_html(found: Masks) -> str:
    layers = "".join(_layer(n, mask) for n, mask in enumerate(found.masks))
    rows = "".join(_row(n, mask) for n, mask in enumerate(found.masks))
    more = more_html(found.more, "mask")
    return (
        f'<div class="ogpu-seen ogpu-masked"><div class="ogpu-picture">{_ground(found)}{layers}'
        f'</div><ul class="ogpu-parts" aria-label="Parts of the picture">{rows}</ul></div>{more}'
    )


def _ground(found: Masks) -> str:
    if found.image is None:
        size = found.masks[0].image
        return (
            f'<svg class="ogpu-ground" role="img" aria-label="The picture isn\'t here" '
            f'viewBox="0 0 {size.width} {size.height}" width="{size.width}" '
            f'height="{size.height}"></svg>'
        )
    names = ", ".join(esc(mask.label, 60) for mask in found.masks[:10])
    return (
        f'<img src="{found.image.url}" alt="The picture, in which was found: {names}" '
        f'width="{found.image.width}" height="{found.image.height}">'
    )


def _layer(n: int, mask: Mask) -> str:
    image = mask.coloured(HUES[n % len(HUES)])
    return (
        f'<img src="{image.url}" class="ogpu-mask ogpu-m{n}" alt="Mask of {esc(mask.label, 60)}">'
    )


def _row(n: int, mask: Mask) -> str:
    score = "" if mask.score is None else f' <span class="ogpu-n">{share(mask.score)}</span>'
    return (
        f'<li><label class="ogpu-h{n % 8}"><input type="checkbox" checked class="ogpu-t{n}"> '
        f'<i class="ogpu-swatch"></i> <span dir="auto">{esc(mask.label, 120)}</span></label>'
        f"{score}</li>"
    )


def _masks_text(found: Masks) -> str:
    lines = [
        f"{one_line(mask.label, 60)}{'' if mask.score is None else f'  {share(mask.score)}'}"
        f"  [mask, {mask.image.width} \N{MULTIPLICATION SIGN} {mask.image.height}]"
        for mask in found.masks
    ]
    return "\n".join([*lines, *more_text(found.more, "mask")])


MASKS: Final = Kind(
    "masks", _read_masks, _masks_html, _masks_text, ("segmentation", "image-segmentation", "mask")
)
