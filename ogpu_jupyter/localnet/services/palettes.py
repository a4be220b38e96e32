"""Colours: the words of a prompt choose them, and chance where they say nothing."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import random

Color = tuple[int, int, int]


class Palette(NamedTuple):
    """Sky above and at the horizon, the light, the land far and near."""

    top: Color
    horizon: Color
    light: Color
    far: Color
    near: Color


def palette(words: list[str], chance: random.Random) -> Palette:
    """The colours of the mood, or of chance, tinted by a colour that is named."""
    mood = first_of(_MOODS, words)
    known = _PALETTES[mood] if mood else None
    tint = next((_TINTS[word] for word in words if word in _TINTS), None)
    colors = known or _invented(tint or chance.random())
    if known is None or tint is None:
        return colors
    bright = _hsv(tint, 0.75, 0.9)
    return colors._replace(
        horizon=mix(colors.horizon, bright, 0.5), far=mix(colors.far, bright, 0.4)
    )


def mix(one: Color, other: Color, share: float) -> Color:
    """From the one (0) to the other (1)."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _invented(hue: float) -> Palette:
    return Palette(
        _hsv(hue + 0.08, 0.72, 0.36),
        _hsv(hue, 0.55, 0.92),
        _hsv(hue + 0.14, 0.25, 1.0),
        _hsv(hue - 0.06, 0.62, 0.66),
        _hsv(hue + 0.10, 0.80, 0.20),
    )


def _hsv(hue: float, saturation: float, value: float) -> Color:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def first_of(table: dict[str, str], words: list[str]) -> str | None:
    """The first entry with one of the words: what stands above wins."""
    asked = set(words)
    return next((name for name, known in table.items() if asked & set(known.split())), None)


# The hour before the weather, the weather before the land.
_MOODS: Final = {
    "neon": "neon cyberpunk robot",
    "dusk": "sunset dusk evening autumn",
    "dawn": "sunrise dawn morning spring",
    "night": "night midnight dark moon moonlight stars starry galaxy space nebula",
    "fire": "fire lava volcano hot",
    "snow": "snow snowy winter ice arctic cold frozen",
    "mist": "storm rain fog foggy mist misty grey gray",
    "desert": "desert sand dune dunes canyon savanna",
    "day": "day noon summer sunny bright holiday",
    "forest": "forest jungle tree trees meadow grass",
    "sea": "sea ocean water lake river beach",
}
_PALETTES: Final = {
    "dusk": Palette((45, 27, 78), (255, 138, 92), (255, 226, 170), (168, 82, 110), (34, 18, 48)),
    "dawn": Palette(
        (96, 134, 196), (255, 202, 176), (255, 246, 220), (172, 146, 184), (52, 60, 98)
    ),
    "night": Palette((6, 8, 28), (48, 58, 122), (236, 240, 255), (44, 54, 108), (8, 10, 28)),
    "day": Palette((52, 126, 210), (200, 232, 250), (255, 252, 230), (120, 168, 190), (28, 90, 84)),
    "forest": Palette(
        (128, 182, 172), (234, 243, 210), (255, 251, 220), (118, 166, 136), (16, 54, 44)
    ),
    "snow": Palette(
        (112, 150, 200), (234, 241, 250), (255, 255, 255), (178, 200, 226), (66, 92, 136)
    ),
    "desert": Palette(
        (92, 152, 190), (250, 222, 178), (255, 247, 216), (224, 164, 104), (134, 70, 42)
    ),
    "mist": Palette(
        (92, 108, 128), (204, 212, 216), (246, 248, 248), (140, 154, 166), (38, 50, 64)
    ),
    "fire": Palette((36, 8, 20), (224, 78, 42), (255, 218, 128), (130, 36, 42), (22, 8, 14)),
    "neon": Palette((18, 6, 48), (216, 52, 168), (130, 242, 255), (92, 36, 148), (14, 8, 38)),
    "sea": Palette((34, 98, 168), (196, 230, 238), (255, 253, 234), (86, 150, 186), (12, 52, 98)),
}
_TINTS: Final = {
    "red": 0.99,
    "orange": 0.08,
    "gold": 0.12,
    "yellow": 0.15,
    "green": 0.36,
    "turquoise": 0.49,
    "blue": 0.6,
    "purple": 0.76,
    "violet": 0.76,
    "magenta": 0.85,
    "pink": 0.93,
}
