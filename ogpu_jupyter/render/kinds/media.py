"""Sound and film as players; and bytes that nobody here can show, by what they are."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.registry import Kind, number
from ogpu_jupyter.render.safe import esc, one_line
from ogpu_jupyter.render.words import byte_count

from .recordings import MAX_SAMPLES, Clip, clip, from_samples
from .texts import more_html, more_text

if TYPE_CHECKING:
    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

__all__ = ["AUDIO", "BYTES", "VIDEO", "Clip", "clip", "player_html"]

_MAX_CLIPS: Final = 12
_RATES: Final = ("sampling_rate", "sample_rate", "rate", "samplerate")
_TECHNICAL: Final = {*_RATES, "format", "content-type", "content_type", "mime_type", "duration"}
_LABELS: Final = {"label", "name", "title", "text", "transcript", "caption"}
_SAMPLES: Final = ("audio", "array", "samples", "waveform")
_BASE64: Final = re.compile(r"(?:data:[a-z0-9.+/;=-]{1,80},)?[A-Za-z0-9+/\r\n]{600,}={0,2}")
_NAMES: Final = (
    (b"%PDF-", "a PDF document"), (b"PK\x03\x04", "a ZIP archive"), (b"\x93NUMPY", "a NumPy array"),
    (b"\x1f\x8b", "gzip"), (b"PAR1", "a Parquet table"), (b"glTF", "a 3D model (glTF)"),
    (b"ARROW1", "an Arrow table"), (b"\x89HDF", "HDF5"), (b"SQLite format", "a SQLite database"),
)  # fmt: skip


@dataclass(frozen=True)
class Track:
    """A clip, and what is told of it, such as its label."""

    clip: Clip
    label: str = ""


def _tracks(value: Json, given: Given) -> list[Track]:
    """All of the clips that a value is; none where it is anything else beside."""
    items = value if isinstance(value, list) else [value]
    if not 0 < len(items) <= 200:
        return []
    read = [_track(item, given) for item in items[:_MAX_CLIPS]]
    return [track for track in read if track] if all(read) else []


def _track(item: Json, given: Given) -> Track | None:
    if isinstance(item, str):
        found = clip(given.content(item))
        return Track(found) if found else None
    if not isinstance(item, dict) or not 0 < len(item) <= 8:
        return None
    held = [(name, found) for name, t in item.items()
            if isinstance(t, str) and (found := clip(given.content(t)))]  # fmt: skip
    if len(held) != 1:
        return _sampled(item)
    others = {name: value for name, value in item.items() if name != held[0][0]}
    told = [value for name, value in others.items() if name not in _TECHNICAL and value]
    if set(others) - _TECHNICAL - _LABELS or not all(isinstance(value, str) for value in told):
        return None  # its facts are better in lines
    return Track(held[0][1], " · ".join(one_line(str(value), 300) for value in told))


def _sampled(item: dict[str, Json]) -> Track | None:
    """`{"audio": [0.1, …], "sampling_rate": 16000}`; of several channels, a list for each."""
    inner = item.get("audio")
    if isinstance(inner, dict):
        return _sampled(inner) if len(item) == 1 else None
    names = [name for name in _SAMPLES if isinstance(item.get(name), list)]
    rate = next((r for name in _RATES if (r := number(item.get(name)))), None)
    if len(names) != 1 or rate is None or not 1000 <= rate <= 400_000:
        return None
    samples = item[names[0]]
    while isinstance(samples, list) and len(samples) == 1 and isinstance(samples[0], list):
        samples = samples[0]
    channels = _channels(samples)
    return Track(from_samples(channels, round(rate))) if channels else None


def _channels(samples: Json) -> list[list[float]]:
    if not isinstance(samples, list) or not samples:
        return []
    rows = samples if isinstance(samples[0], list) else [samples]
    if len(rows) > 2 or not all(isinstance(row, list) and row for row in rows):
        return []
    length = min(len(row) for row in rows if isinstance(row, list))
    kept = min(length, MAX_SAMPLES // len(rows))
    channels = [[number(x) for x in row[:kept]] for row in rows if isinstance(row, list)]
    if any(x is None for channel in channels for x in channel):
        return []
    return [[x for x in channel if x is not None] for channel in channels]


def player_html(found: Clip, label: str = "") -> str:
    """Started by the reader alone. Its words stand also where no player is shown."""
    tag = "video" if found.is_video else "audio"
    words = " · ".join(filter(None, (esc(label, 300), found.name)))
    return (
        f'<figure class="ogpu-clip"><{tag} controls preload="metadata" src="{found.url}" '
        f'aria-label="{words}"></{tag}><figcaption dir="auto">{words}</figcaption></figure>'
    )


@dataclass(frozen=True)
class Tracks:
    shown: list[Track]
    more: int


def _read_audio(value: Json, given: Given) -> Tracks | None:
    return _read_clips(value, given, is_video=False)


def _read_video(value: Json, given: Given) -> Tracks | None:
    return _read_clips(value, given, is_video=True)


def _read_clips(value: Json, given: Given, *, is_video: bool) -> Tracks | None:
    inner = value
    if isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value.values())), list):
        inner = next(iter(value.values()))
    tracks = _tracks(inner, given)
    if not tracks or any(track.clip.is_video != is_video for track in tracks):
        return None
    return Tracks(tracks, len(inner) - len(tracks) if isinstance(inner, list) else 0)


def _clips_html(tracks: Tracks) -> str:
    shown = "".join(player_html(track.clip, track.label) for track in tracks.shown)
    return f'<div class="ogpu-clips">{shown}</div>{more_html(tracks.more, "recording")}'


def _clips_text(tracks: Tracks) -> str:
    shown = [
        f"[{' · '.join(filter(None, (one_line(track.label, 300), track.clip.name)))}]"
        for track in tracks.shown
    ]
    return "\n".join([*shown, *more_text(tracks.more, "recording")])


AUDIO: Final = Kind("audio", _read_audio, _clips_html, _clips_text, ("sound", "speech"), "audio/")
VIDEO: Final = Kind("video", _read_video, _clips_html, _clips_text, ("film",), "video/")


@dataclass(frozen=True)
class Bytes:
    """What a long base64 text holds, as far as its beginning tells."""

    what: str
    size: int


def _read_bytes(value: Json, given: Given) -> Bytes | None:
    text = given.content(value) if isinstance(value, str) else None
    if isinstance(value, dict) and len(value) == 1:
        held = next(iter(value.values()))
        text = given.content(held) if isinstance(held, str) else None
    if text is None or len(text) < 600 or not _BASE64.fullmatch(text.rstrip()):
        return None
    body = text.rpartition(",")[2]
    if len(set(body[:600])) < 12:  # such as a line of dashes, or of one letter
        return None
    try:
        head = base64.b64decode("".join(body[:400].split())[:120], validate=True)
    except (binascii.Error, ValueError):
        return None
    what = next((name for sign, name in _NAMES if head.startswith(sign)), "")
    return Bytes(what, len(body) * 3 // 4)


def _bytes_text(found: Bytes) -> str:
    what = found.what or "of no kind that can be shown"
    return f"Encoded bytes, {what}: about {byte_count(found.size)}."


BYTES: Final = Kind(
    "bytes", _read_bytes, lambda found: f"<p>{esc(_bytes_text(found))}</p>", _bytes_text
)
