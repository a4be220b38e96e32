"""Pictures painted by rules: the words choose scene and colours, a hash of them the rest."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import re
from typing import Final

from pydantic import BaseModel, Field

from ogpu_jupyter.localnet.services.palettes import first_of, palette


class Prompt(BaseModel):
    prompt: str = Field(
        min_length=1,
        max_length=4000,
        description="What to paint. Scenes, times of day and colours are understood.",
        examples=["a misty mountain lake at sunrise"],
    )
    size: int = Field(default=512, ge=256, le=512, description="Width and height in pixels.")


class Picture(BaseModel):
    image_base64: str = Field(description="A PNG.")


def paint(prompt: Prompt) -> Picture:
    from ogpu_jupyter.localnet.services import canvas, scenery  # noqa: PLC0415 - they need Pillow

    words = _words(prompt.prompt)
    seed = hashlib.sha256(" ".join(words).encode()).digest()
    chance = random.Random(int.from_bytes(seed, "big"))  # noqa: S311 - a brush, not a secret
    sheet = canvas.Canvas(2 * prompt.size, palette(words, chance), chance)
    scenery.SCENES[scene(words)](sheet, frozenset(words))
    buffer = io.BytesIO()
    sheet.finished(prompt.size).save(buffer, "PNG", optimize=True)
    return Picture(image_base64=base64.b64encode(buffer.getvalue()).decode())


def scene(words: list[str]) -> str:
    """The scene that the words ask for; ribbons of colour where they ask for none."""
    return first_of(_SCENES, words) or "ribbons"


def _words(prompt: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", prompt.lower()) or [prompt.strip().lower()]


_SCENES: Final = {
    "cosmos": "space galaxy planet planets saturn nebula cosmos universe astronaut rocket alien",
    "city": "city skyline street town tower towers skyscraper cyberpunk neon building buildings",
    "flowers": "flower flowers rose roses garden bloom blossom tulip daisy lotus bouquet",
    "water": "sea ocean lake river water beach harbour harbor boat ship island wave waves coast",
    "mountains": "mountain mountains hill hills landscape valley alps peak peaks forest tree trees "
    "wood woods jungle desert dune dunes canyon volcano sunset sunrise snow winter night mist fog "
    "meadow field sky sun moon star stars nature",
}
