"""Pictures made smaller, where Pillow is installed. Nothing here fails: None says it can't.

Only pictures that `images` has checked come here: their size in pixels is bounded.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
import warnings
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from . import budget

if TYPE_CHECKING:
    from PIL.Image import Image

_LARGEST: Final = 1600  # of a side: more is not seen in a notebook
_SMALLEST: Final = 24
_TRIES: Final = 6
_KEPT: Final = 32
_made: OrderedDict[tuple[str, int], tuple[str, str] | None] = OrderedDict()


def thumbnail(encoded: str, room: int) -> tuple[str, str] | None:
    """Type and base64 of the picture in at most `room` characters: as large as that allows.

    A view is drawn many times, so the last ones are kept.
    """
    key = hashlib.sha256(encoded.encode()).hexdigest(), room
    if key not in _made:
        _made[key] = _made_smaller(encoded, room)
        while len(_made) > _KEPT:
            _made.popitem(last=False)
    return _made[key]


def _made_smaller(encoded: str, room: int) -> tuple[str, str] | None:
    """JPEG, or WebP where something shines through; each try from what the last one took."""
    image = _opened(base64.b64decode(encoded), is_preview=True)
    if image is None:
        return None
    has_holes = "A" in image.getbands() or "transparency" in image.info
    mode = "RGBA" if has_holes else "RGB"
    if image.mode == "P":  # colours have no mean before they are looked up
        image = image.convert(mode)
    image = _scaled(image, _LARGEST).convert(mode)
    kind, options = ("webp", {"method": 2}) if has_holes else ("jpeg", {"quality": 82})
    side = min(_LARGEST, max(image.size))
    for _ in range(_TRIES):
        data = _written(_scaled(image, side), kind, **options)
        if data is None or side < _SMALLEST:
            return None
        size = 4 * len(data) // 3 + 4
        if size <= room:
            return kind, base64.b64encode(data).decode()
        side = int(side * min(0.9, 0.95 * math.sqrt(room / size)))
    return None


def _scaled(image: Image, side: int) -> Image:
    if max(image.size) <= side:
        return image
    ratio = side / max(image.size)
    width, height = (max(1, round(length * ratio)) for length in image.size)
    return image.resize((width, height), reducing_gap=2.0)


def converted(data: bytes, kind: str) -> bytes | None:
    """The same picture in another format; what a JPEG can't leave open becomes white."""
    image = _opened(data)
    if image is None:
        return None
    if kind == "jpeg":
        return _written(_on_white(image), "jpeg", quality=92)
    return _written(image, kind)


def _on_white(image: Image) -> Image:
    from PIL import Image as Pillow  # noqa: PLC0415 - only for pictures that are converted

    clear = image.convert("RGBA")
    white = Pillow.new("RGBA", clear.size, (255, 255, 255, 255))
    return Pillow.alpha_composite(white, clear).convert("RGB")


def _opened(data: bytes, *, is_preview: bool = False) -> Image | None:
    """None also for a preview of more pixels than the answer's budget has left."""
    try:
        from PIL import Image as Pillow  # noqa: PLC0415 - only for large pictures
    except ImportError:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes that `images` has bounded already
            image = Pillow.open(io.BytesIO(data), formats=("PNG", "JPEG", "GIF", "WEBP"))
            if is_preview:
                image.draft("RGB", (_LARGEST, _LARGEST))  # a JPEG is read as small as it will be
                if not budget.current().take_pixels(image.width * image.height):
                    return None
            image.load()
    except Exception:  # noqa: BLE001 - a decoder of a stranger's bytes may raise anything
        return None
    return image


def _written(image: Image, kind: str, **options: Any) -> bytes | None:
    out = io.BytesIO()
    try:
        image.save(out, kind, **options)
    except (OSError, ValueError, KeyError):  # a Pillow without that format
        return None
    return out.getvalue()
