"""A schema of text, a file or a number, as a field: what is likely meant by it.

JSON has no word for a file, nor for a text of several lines: its encoding, its name and what
is said of it have to tell.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from .fields import Either, Field, File, Number, Text

if TYPE_CHECKING:
    from .documents import Schema
    from .fields import TextFormat

_LARGEST_FILE: Final = 24 * 2**20  # two thirds of what a task takes, as base64
_USUAL_FILE: Final = 8 * 2**20
_LONG: Final = 300
_LONG_EXAMPLE: Final = 60

_FORMATS: Final[dict[str, TextFormat]] = {
    **{name: name for name in ("date", "date-time", "time", "duration", "email", "uuid")},
    **{name: name for name in ("uri", "password", "color")},
    "url": "uri",
    "iri": "uri",
    "idn-email": "email",
}
_IN_BASE64: Final = frozenset({"base64", "base64url", "byte", "binary"})
_NO_BASE64: Final = re.compile(r"[^A-Za-z0-9+/_-]")
_LINE_ENDS: Final = dict.fromkeys(map(ord, "\r\n\t"))
NOT_BASE64: Final = "This should be base64, the content of a file and not its name."
_DATA_URL: Final = re.compile(r"\bdata[- ]?ur[il]s?\b", re.IGNORECASE)
_BASE64: Final = re.compile(r"\bbase[- ]?64\b", re.IGNORECASE)
_NAMED_BASE64: Final = re.compile(r"(?:^|_)(?:base64|b64)(?:_|$)", re.IGNORECASE)
_MEDIA: Final = (
    ("image/*", re.compile(r"image|img|picture|photo|mask|png|jpe?g", re.IGNORECASE)),
    ("audio/*", re.compile(r"audio|speech|voice|sound|wav|mp3", re.IGNORECASE)),
    ("video/*", re.compile(r"video|mp4|movie", re.IGNORECASE)),
    ("application/pdf", re.compile(r"\bpdf\b", re.IGNORECASE)),
)
_FILES: Final = re.compile(
    r"(?:^|_)(?:image|img|picture|photo|mask|audio|speech|video|file|pdf|document)s?$",
    re.IGNORECASE,
)
_LONG_NAMES: Final = re.compile(
    r"(?:^|_)(?:prompt|text|content|message|body|context|input|inputs|document|description"
    r"|instructions?|passage|article|system|story|notes?)$",
    re.IGNORECASE,
)


def text(schema: Schema, name: str) -> Field:
    file = _file(schema, name)
    if file is not None:
        return file
    format_ = _FORMATS.get(schema.get("format", ""), "")
    if schema.get("writeOnly") and not format_:
        format_ = "password"
    return Text(
        long=not format_ and _is_long(schema, name),
        pattern=schema.get("pattern", ""),
        min_length=schema.get("minLength", 0),
        max_length=schema.get("maxLength"),
        format=format_,
    )


def _is_long(schema: Schema, name: str) -> bool:
    """Whether several lines are likely: by its bound, its name, or what is shown of it."""
    most = schema.get("maxLength")
    if schema.get("format") in {"textarea", "multiline", "markdown", "html"}:
        return True
    if "contentMediaType" in schema or (most is not None and most < _LONG):
        return "contentMediaType" in schema
    shown = [schema.get("default"), *schema.get("examples", ())]
    lines = any(
        isinstance(each, str) and ("\n" in each or len(each) > _LONG_EXAMPLE) for each in shown
    )
    return lines or (most is not None and bool(name)) or bool(_LONG_NAMES.search(name))


def _file(schema: Schema, name: str) -> File | None:
    kind = _encoding(schema, name)
    if not kind:
        return None
    media = schema.get("contentMediaType", "")
    most = schema.get("maxLength")
    size = _USUAL_FILE if most is None else max(1, most * 3 // 4)
    return File(
        accept=(media,) if "/" in media else _media(name, schema),
        as_="data_url" if kind == "data_url" else "base64",
        max_bytes=min(size, _LARGEST_FILE),
    )


def with_file(field: Field, description: str) -> Field:
    """Where a text may as well be a file, by what is said of it, that is an option too."""
    options: tuple[tuple[str, Field], ...] = ()
    if isinstance(field, Text) and not (field.format or field.pattern):
        options = (("text", dataclasses.replace(field, nullable=False)),)
    elif isinstance(field, Either) and not field.discriminator:
        options = field.options
    plain = next((each for _, each in options if isinstance(each, Text)), None)
    if plain is None or any(isinstance(each, File) for _, each in options):
        return field
    said: Schema = {"description": description}
    if plain.max_length is not None:
        said["maxLength"] = plain.max_length
    file = _file(said, "file")
    if file is None:
        return field
    label = {"image/*": "an image", "audio/*": "a recording"}.get("".join(file.accept), "a file")
    return Either(options=(*options, (label, file)), nullable=field.nullable)


def _encoding(schema: Schema, name: str) -> str:
    """How a file stands in this string; nothing where it is no file.

    A name such as `image` alone may as well be a path or a link: its description decides.
    """
    said = f"{schema.get('title', '')} {schema.get('description', '')}"
    format_ = schema.get("format", "")
    if format_ in {"data-url", "data-uri"}:
        return "data_url"
    stated = schema.get("contentEncoding", "").lower() in _IN_BASE64 or format_ in _IN_BASE64
    media = schema.get("contentMediaType", "").partition("/")[0]
    if stated or _NAMED_BASE64.search(name) or media in {"image", "audio", "video"}:
        return "base64"
    if not _FILES.search(name) or schema.get("enum"):
        return ""
    return "base64" if _BASE64.search(said) else "data_url" if _DATA_URL.search(said) else ""


def _media(name: str, schema: Schema) -> tuple[str, ...]:
    for said in (name, schema.get("title", ""), schema.get("description", "")):
        found = tuple(media for media, words in _MEDIA if words.search(said))
        if found:
            return found[:1]
    return ()


def number(rules: Schema, *, integer: bool) -> Number:
    low, high = rules.get("minimum"), rules.get("maximum")
    above, below = rules.get("exclusiveMinimum"), rules.get("exclusiveMaximum")
    open_low = above is not None and (low is None or above >= low)
    open_high = below is not None and (high is None or below <= high)
    return Number(
        integer=integer,
        low=above if open_low else low,
        high=below if open_high else high,
        open_low=open_low,
        open_high=open_high,
        multiple_of=rules.get("multipleOf"),
    )


def is_base64(text: str) -> bool:
    """In either alphabet, with or without padding and line ends; a data URL's is taken too."""
    if text.startswith("data:"):
        head, _, text = text.partition(",")
        if not head.endswith(";base64"):
            return False
    digits = text.strip().translate(_LINE_ENDS).rstrip("=")
    return len(digits) % 4 != 1 and not _NO_BASE64.search(digits)
