"""The scenes: mountains, water, cities, flowers, planets and ribbons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageFilter

from ogpu_jupyter.localnet.services.palettes import Color, mix
from ogpu_jupyter.localnet.services.texts import word_set

if TYPE_CHECKING:
    from collections.abc import Callable

    from ogpu_jupyter.localnet.services.canvas import Canvas, Point

Words = frozenset[str]

_NIGHT: Final = word_set(
    "night midnight dark moon moonlight stars starry galaxy space nebula planet planets saturn "
    "cosmos universe neon cyberpunk"
)
_TREES: Final = word_set("forest tree trees wood woods jungle snow winter alps lake")


def sky(canvas: Canvas, words: Words, horizon: float) -> Point:
    """Sky with sun or moon, and where that stands."""
    colors = canvas.palette
    middle = mix(colors.top, colors.horizon, 0.55)
    canvas.gradient([colors.top, middle, colors.horizon], 0, horizon)
    dark = bool(words & _NIGHT)
    if dark:
        canvas.stars(260, horizon)
    x = canvas.chance.uniform(0.22, 0.78)
    y = horizon * (canvas.chance.uniform(0.25, 0.5) if dark else canvas.chance.uniform(0.5, 0.82))
    canvas.glow(x, y, 0.5, mix(colors.horizon, colors.light, 0.6), 0.75)
    canvas.glow(x, y, 0.16, colors.light, 0.9)
    if dark:
        _crescent(canvas, x, y)
    else:
        canvas.disc(x, y, 0.055, colors.light)
        _clouds(canvas, horizon)
    return x, y


def _crescent(canvas: Canvas, x: float, y: float) -> None:
    s, radius = canvas.side, 0.045
    mask = Image.new("L", (s, s), 0)
    pen = ImageDraw.Draw(mask)
    for cx, cy, fill in ((x, y, 255), (x + 0.02, y - 0.009, 0)):
        pen.ellipse(
            ((cx - radius) * s, (cy - radius) * s, (cx + radius) * s, (cy + radius) * s), fill=fill
        )
    canvas.image.paste(canvas.palette.light, (0, 0, s, s), mask)


def _clouds(canvas: Canvas, horizon: float) -> None:
    layer = Image.new("L", (canvas.side, canvas.side), 0)
    pen, chance, s = ImageDraw.Draw(layer), canvas.chance, canvas.side
    for _ in range(chance.randint(2, 5)):
        x, y, width = (
            chance.random(),
            chance.uniform(0.08, 0.6) * horizon,
            chance.uniform(0.1, 0.25),
        )
        for _ in range(14):
            cx, cy = x + chance.gauss(0, width / 2), y + chance.gauss(0, 0.008)
            w, h = width * chance.uniform(0.2, 0.6), chance.uniform(0.004, 0.014)
            pen.ellipse(((cx - w) * s, (cy - h) * s, (cx + w) * s, (cy + h) * s), fill=120)
    soft = layer.filter(ImageFilter.GaussianBlur(s / 90))
    canvas.image.paste(mix(canvas.palette.horizon, (255, 255, 255), 0.55), (0, 0, s, s), soft)


def mountains(canvas: Canvas, words: Words) -> None:
    sky(canvas, words, 0.72)
    _ranges(canvas, words, 0.5, 1.0)


def _ranges(canvas: Canvas, words: Words, first: float, last: float) -> None:
    """Ranges of mountains, paler the further they are, with mist between them."""
    colors, count = canvas.palette, 5
    soft = bool(words & frozenset(("desert", "dune", "dunes", "sand", "hill", "hills", "meadow")))
    for number in range(count):
        share = number / (count - 1)
        height = first + (last - first) * share * 0.72
        tone = mix(mix(colors.far, colors.horizon, 0.45), colors.near, share**1.2)
        edge = canvas.ridge(height, 0.11 - 0.04 * share, tone, 0.3 if soft else 0.56)
        if number >= count - 2 and words & _TREES:
            _conifers(canvas, edge, mix(tone, colors.near, 0.6), 0.03 + 0.03 * share)
        if number < count - 1:
            canvas.haze(height + 0.1, 0.05, mix(colors.horizon, colors.light, 0.3), 0.35)


def _conifers(canvas: Canvas, edge: list[Point], color: Color, height: float) -> None:
    pen, chance, s = canvas.pen, canvas.chance, canvas.side
    for x, y in edge[:: max(1, round(9 - 60 * height))]:
        if chance.random() < 0.25:
            continue
        tall = height * s * chance.uniform(0.5, 1.2)
        for tier in range(3):
            top, wide = y - tall * (1 - tier * 0.26), tall * (0.12 + 0.07 * tier)
            low = top + tall * 0.46
            pen.polygon([(x, top), (x - wide, low), (x + wide, low)], fill=color)
        pen.rectangle(
            (x - tall * 0.03, y - tall * 0.1, x + tall * 0.03, y + tall * 0.2), fill=color
        )


def water(canvas: Canvas, words: Words) -> None:
    """Land and sky stand on their heads in the lower part, broken by ripples."""
    horizon = 0.56
    x, _ = sky(canvas, words, horizon)
    if words & frozenset(("sea", "ocean", "waves", "wave")):
        canvas.ridge(horizon - 0.01, 0.012, mix(canvas.palette.far, canvas.palette.near, 0.2), 0.5)
    else:
        _ranges(canvas, words, horizon - 0.16, horizon + 0.02)
    _mirror(canvas, horizon)
    _ripples(canvas, horizon, x)
    if words & frozenset(("boat", "ship", "harbour", "harbor", "sea")):
        _boat(canvas, horizon)


def _mirror(canvas: Canvas, horizon: float) -> None:
    s = canvas.side
    line = round(horizon * s)
    upper = canvas.image.crop((0, max(0, 2 * line - s), s, line))
    flipped = upper.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((s, s - line))
    tinted = Image.blend(flipped, Image.new("RGB", flipped.size, canvas.palette.near), 0.32)
    canvas.image.paste(tinted.filter(ImageFilter.GaussianBlur(s / 300)), (0, line))


def _ripples(canvas: Canvas, horizon: float, light_x: float) -> None:
    pen, chance, s = canvas.pen, canvas.chance, canvas.side
    for _ in range(420):
        depth = chance.random() ** 1.6
        y = (horizon + 0.004 + depth * (1 - horizon)) * s
        bright = chance.random() < 0.45
        x = chance.gauss(light_x, 0.03 + 0.08 * depth) if bright else chance.random()
        half = chance.uniform(0.008, 0.05) * (0.3 + depth)
        under = canvas.image.getpixel((min(max(round(x * s), 0), s - 1), min(round(y), s - 1)))
        target = canvas.palette.light if bright else canvas.palette.near
        color = mix(under, target, 0.6 if bright else 0.22)  # type: ignore[arg-type]
        box = ((x - half) * s, y, (x + half) * s, y + (1 + 3 * depth) * s / 700)
        pen.ellipse(box, fill=color)


def _boat(canvas: Canvas, horizon: float) -> None:
    s, chance = canvas.side, canvas.chance
    x, y, size = chance.uniform(0.25, 0.75), horizon + chance.uniform(0.06, 0.14), 0.06

    def at(points: list[Point]) -> list[Point]:
        return [((x + px * size) * s, (y + py * size) * s) for px, py in points]

    dark, sail = canvas.palette.near, mix(canvas.palette.light, (255, 255, 255), 0.4)
    canvas.pen.polygon(at([(-1, 0), (1.1, 0), (0.7, 0.4), (-0.7, 0.4)]), fill=dark)
    canvas.pen.polygon(at([(0.05, -2.2), (0.05, -0.1), (1.0, -0.1)]), fill=sail)
    canvas.pen.polygon(at([(-0.08, -1.9), (-0.08, -0.1), (-0.8, -0.1)]), fill=mix(sail, dark, 0.2))


def city(canvas: Canvas, words: Words) -> None:
    sky(canvas, words, 0.85)
    colors = canvas.palette
    for share, base in ((0.15, 0.5), (0.5, 0.58), (1.0, 0.68)):
        tone = mix(mix(colors.far, colors.horizon, 0.35), colors.near, share)
        _skyline(canvas, base, tone, lit=0.12 + 0.3 * share)
        canvas.haze(0.98, 0.22, colors.horizon, 0.28 * (1 - share))
    canvas.haze(1.0, 0.08, mix(colors.horizon, colors.light, 0.3), 0.4)


def _skyline(canvas: Canvas, base: float, tone: Color, lit: float) -> None:
    pen, chance, s = canvas.pen, canvas.chance, canvas.side
    x = -0.02
    while x < 1.0:
        width = chance.uniform(0.045, 0.11)
        top = base + chance.gauss(0, 0.07)
        pen.rectangle((x * s, top * s, (x + width) * s, s), fill=tone)
        if chance.random() < 0.3:
            middle = (x + width / 2) * s
            pen.line([(middle, (top - 0.06) * s), (middle, top * s)], fill=tone, width=s // 250)
        _windows(canvas, x, top, width, tone=tone, lit=lit)
        x += width + chance.choice((0.0, 0.0, 0.008))


def _windows(
    canvas: Canvas, x: float, top: float, width: float, *, tone: Color, lit: float
) -> None:
    pen, chance, s = canvas.pen, canvas.chance, canvas.side
    columns = int(width / 0.013)
    for row in range(int((1 - top) / 0.018)):
        for column in range(columns):
            if chance.random() < lit:
                left = (x + 0.005 + column * 0.013) * s
                upper = (top + 0.01 + row * 0.018) * s
                color = mix(tone, canvas.palette.light, chance.uniform(0.4, 0.95))
                pen.rectangle((left, upper, left + 0.006 * s, upper + 0.009 * s), fill=color)


def flowers(canvas: Canvas, words: Words) -> None:
    del words
    colors, chance = canvas.palette, canvas.chance
    canvas.gradient([mix(colors.horizon, colors.light, 0.5), colors.horizon, colors.far])
    for _ in range(26):  # out of focus behind
        color = mix(colors.far, colors.light, chance.random())
        canvas.glow(chance.random(), chance.random(), chance.uniform(0.05, 0.18), color, 0.5)
    heads = sorted(
        (
            chance.uniform(0.3, 0.62),
            (i + 0.5) / 5 + chance.gauss(0, 0.03),
            chance.uniform(0.08, 0.15),
        )
        for i in range(5)
    )
    for y, x, radius in heads:
        _stem(canvas, x, y)
        _bloom(canvas, x, y, radius)


def _stem(canvas: Canvas, x: float, y: float) -> None:
    s, bend = canvas.side, canvas.chance.uniform(-0.06, 0.06)
    green = mix((44, 110, 66), canvas.palette.near, 0.35)
    points = [((x + bend * (t / 20) ** 2) * s, (y + (1.02 - y) * t / 20) * s) for t in range(21)]
    canvas.pen.line(points, fill=green, width=s // 90, joint="curve")
    for side in (-1, 1):
        lx, ly = points[9 + 2 * side]
        leaf = [(0, 0), (0.05, -0.035), (0.11, -0.04), (0.06, 0.005)]
        canvas.pen.polygon([(lx + side * a * s, ly + b * s) for a, b in leaf], fill=green)


def _bloom(canvas: Canvas, x: float, y: float, radius: float) -> None:
    chance, colors, s = canvas.chance, canvas.palette, canvas.side
    petals, turn = chance.choice((5, 6, 8, 11)), chance.random() * math.tau
    hue = chance.choice((colors.horizon, colors.light, colors.top, colors.far))
    for layer in range(4):
        size = radius * (1 - 0.2 * layer)
        tone = mix(mix(hue, colors.near, 0.28), mix(hue, (255, 255, 255), 0.55), layer / 3)
        for petal in range(petals):
            angle = turn + math.tau * (petal + 0.5 * (layer % 2)) / petals
            canvas.pen.polygon(_petal(x * s, y * s, size * s, angle, 2.2 / petals), fill=tone)
    canvas.disc(x, y, radius * 0.22, mix((246, 196, 62), colors.light, 0.2))
    canvas.disc(x, y, radius * 0.13, (196, 130, 44))


def _petal(x: float, y: float, length: float, angle: float, wide: float) -> list[Point]:
    steps = 24
    outline = []
    for step in range(steps + 1):
        t = step / steps
        aside = angle + wide * math.sin(t * math.tau) * 0.9
        reach = length * math.sin(t * math.pi) ** 0.6
        outline.append((x + reach * math.cos(aside), y + reach * math.sin(aside)))
    return outline


def cosmos(canvas: Canvas, words: Words) -> None:
    del words
    colors, chance = canvas.palette, canvas.chance
    canvas.gradient([mix(colors.top, (0, 0, 0), 0.6), colors.top, mix(colors.top, (0, 0, 0), 0.5)])
    for _ in range(22):
        place = chance.uniform(-0.1, 1.1)
        y = 0.25 + 0.5 * place + chance.gauss(0, 0.12)
        color = mix(
            colors.horizon, chance.choice((colors.far, colors.light)), chance.random() * 0.5
        )
        canvas.glow(place, y, chance.uniform(0.1, 0.28), color, 0.22)
    canvas.stars(520)
    for _ in range(6):
        canvas.glow(chance.random(), chance.random(), 0.03, colors.light, 0.9)
    _planet(
        canvas, chance.uniform(0.4, 0.64), chance.uniform(0.42, 0.6), chance.uniform(0.17, 0.23)
    )


def _planet(canvas: Canvas, x: float, y: float, radius: float) -> None:
    """A banded sphere, lit from the upper left, with a ring."""
    s = round(2 * radius * canvas.side)
    bands, line = Image.new("RGB", (s, s)), canvas.noise(0.6)
    pen, colors = ImageDraw.Draw(bands), canvas.palette
    for row in range(s):
        tone = mix(colors.far, colors.horizon, 0.5 + 0.5 * line(row / s))
        pen.line([(0, row), (s, row)], fill=mix(tone, colors.light, 0.15))
    bands = bands.rotate(-18, Image.Resampling.BICUBIC, fillcolor=colors.far)
    light = Image.radial_gradient("L").resize((2 * s, 2 * s))
    shade = light.crop((round(0.66 * s), round(0.66 * s), round(1.66 * s), round(1.66 * s)))
    mask = shade.point(lambda v: min(255, max(0, round((v - 20) * 2.1))))
    bands.paste(mix(colors.top, (0, 0, 0), 0.75), (0, 0, s, s), mask)
    round_mask = Image.new("L", (s, s), 0)
    ImageDraw.Draw(round_mask).ellipse((0, 0, s - 1, s - 1), fill=255)
    corner = (round((x - radius) * canvas.side), round((y - radius) * canvas.side))
    canvas.glow(x, y, radius * 1.7, mix(colors.horizon, colors.light, 0.3), 0.35)
    _ring(canvas, x, y, radius, part=(180, 360))
    canvas.image.paste(bands, corner, round_mask)
    _ring(canvas, x, y, radius, part=(0, 180))


def _ring(canvas: Canvas, x: float, y: float, radius: float, *, part: tuple[int, int]) -> None:
    """Half of the ring: the half behind the planet is drawn before it, the other after."""
    s, colors = canvas.side, canvas.palette
    layer = Image.new("RGBA", (s, s), (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    for step in range(26):
        reach = radius * (1.35 + step * 0.028)
        box = ((x - reach) * s, (y - reach * 0.27) * s, (x + reach) * s, (y + reach * 0.27) * s)
        color = mix(colors.light, colors.far, abs(math.sin(step * 0.9)) * 0.7)
        pen.arc(box, *part, fill=(*color, 205), width=round(radius * 0.02 * s))
    turned = layer.rotate(14, Image.Resampling.BICUBIC, center=(x * s, y * s))
    canvas.image.paste(turned, (0, 0), turned)


def ribbons(canvas: Canvas, words: Words) -> None:
    """Lines that follow an invisible wind: for words that ask for nothing we can draw."""
    del words
    colors, chance = canvas.palette, canvas.chance
    canvas.gradient([colors.top, mix(colors.top, colors.near, 0.6), colors.near])
    canvas.glow(chance.random(), chance.uniform(0.2, 0.6), 0.6, colors.far, 0.7)
    wind_x, wind_y, bend = canvas.noise(0.45), canvas.noise(0.45), chance.uniform(1.2, 2.4)
    tones = (colors.far, colors.horizon, colors.light, mix(colors.horizon, colors.top, 0.5))
    for number in range(300):
        x, y = chance.uniform(-0.1, 1), chance.random()
        path = []
        for _ in range(110):
            path.append((x * canvas.side, y * canvas.side))
            angle = bend * (wind_x(x * 0.6) + wind_y(y * 0.6))
            x, y = x + 0.006 * math.cos(angle), y + 0.006 * math.sin(angle)
        tone = mix(chance.choice(tones), colors.near, max(0.0, 0.65 - number / 340))
        width = max(1, round(chance.choice((1, 1, 2, 3, 5, 9)) * canvas.side / 1024))
        canvas.pen.line(path, fill=tone, width=width, joint="curve")


SCENES: Final[dict[str, Callable[[Canvas, Words], None]]] = {
    "mountains": mountains,
    "water": water,
    "city": city,
    "flowers": flowers,
    "cosmos": cosmos,
    "ribbons": ribbons,
}
