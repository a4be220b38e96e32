"""What every picture is made with: gradients, lights, land, stars and mist.

Everything is drawn at twice its size and made smaller at the end, which smooths the edges.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from ogpu_jupyter.localnet.services.palettes import Color, Palette, mix

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

Point = tuple[float, float]


class Canvas:
    def __init__(self, side: int, palette: Palette, chance: random.Random) -> None:
        self.side = side
        self.palette = palette
        self.chance = chance
        self.image = Image.new("RGB", (side, side), palette.horizon)

    @property
    def pen(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.image)

    def finished(self, size: int) -> Image.Image:
        return self.image.resize((size, size), Image.Resampling.LANCZOS)

    def gradient(self, colors: list[Color], top: float = 0.0, bottom: float = 1.0) -> None:
        """From the first color to the last, down the picture."""
        first, last = round(top * self.side), round(bottom * self.side)
        pen = self.pen
        for y in range(first, last):
            place = (y - first) / max(last - first - 1, 1) * (len(colors) - 1)
            index = min(int(place), len(colors) - 2)
            color = mix(colors[index], colors[index + 1], place - index)
            pen.line([(0, y), (self.side, y)], fill=color)

    def glow(self, x: float, y: float, radius: float, color: Color, strength: float = 1.0) -> None:
        """A light that fades outwards; place and radius in parts of the side."""
        reach = round(2 * radius * self.side)
        fade = Image.radial_gradient("L").resize((reach, reach), Image.Resampling.BICUBIC)
        mask = fade.point(lambda v: round(max(0.0, 1 - v / 181) ** 2 * 255 * strength))
        at = (round((x - radius) * self.side), round((y - radius) * self.side))
        self.image.paste(color, (*at, at[0] + reach, at[1] + reach), mask)

    def disc(self, x: float, y: float, radius: float, color: Color) -> None:
        s = self.side
        box = ((x - radius) * s, (y - radius) * s, (x + radius) * s, (y + radius) * s)
        self.pen.ellipse(box, fill=color)

    def noise(self, roughness: float = 0.5) -> Callable[[float], float]:
        """A smooth random line over 0..1, between about -1 and 1."""
        waves = [
            (2.0**n * self.chance.uniform(0.7, 1.3), self.chance.uniform(0, math.tau), roughness**n)
            for n in range(7)
        ]
        total = sum(weight for _, _, weight in waves)
        return lambda x: sum(w * math.sin(f * x * math.tau + p) for f, p, w in waves) / total * 1.4

    def ridge(self, height: float, swing: float, color: Color, roughness: float) -> list[Point]:
        """Land up to a random line around `height`; the line is given back."""
        line = self.noise(roughness)
        steps = self.side // 4
        edge = [
            (i / steps * self.side, (height - swing * line(i / steps)) * self.side)
            for i in range(steps + 1)
        ]
        self.pen.polygon([*edge, (self.side, self.side), (0, self.side)], fill=color)
        return edge

    def stars(self, count: int, below: float = 1.0) -> None:
        pen, s = self.pen, self.side
        for _ in range(count):
            x, y = self.chance.random() * s, self.chance.random() * s * below
            radius = self.chance.choice((0.6, 0.8, 1.0, 1.4, 2.2)) * s / 1024
            color = mix(self.palette.top, self.palette.light, self.chance.uniform(0.4, 1))
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)

    def haze(self, y: float, thickness: float, color: Color, strength: float) -> None:
        """A soft band of mist."""
        column = Image.new("L", (1, self.side))
        for row in range(self.side):
            distance = (row / self.side - y) / thickness
            column.putpixel((0, row), round(255 * strength * math.exp(-distance * distance)))
        mask = column.resize((self.side, self.side))
        self.image.paste(color, (0, 0, self.side, self.side), mask)
