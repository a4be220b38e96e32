"""Is this text really sound or film? Checked by its bytes, whatever it calls itself.

It is played by an `audio` or `video` element under the type that was found, which the
reader has to start. How long it lasts is read where its container says so.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import sys
import wave
from array import array
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.words import byte_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_BYTES: Final = 10 * 2**20
MAX_SAMPLES: Final = 2_500_000
_MAX_PARTS: Final = 20_000  # of a container: a stranger's may have a million empty ones
_SHORTEST: Final = 60  # characters of base64
_DATA_URL: Final = re.compile(
    r"data:(?:audio|video|application)/[a-z0-9.+-]{1,40}(?:;[a-z]+=[a-z0-9., \"-]{1,40})?;base64,",
    re.IGNORECASE,
)
_BEGINNINGS: Final = re.compile(
    r"UklGR|SUQz|//[s-v]|//[A-P]|/\+[M-P]|T2dnU|ZkxhQ|GkXfo|AAAA"  # the signatures in base64
)
_NAMES: Final = {
    "audio/wav": "WAV", "audio/mpeg": "MP3", "audio/ogg": "Ogg", "audio/flac": "FLAC",
    "audio/mp4": "M4A", "video/mp4": "MP4", "video/webm": "WebM", "audio/webm": "WebM",
    "video/ogg": "Ogg",
}  # fmt: skip


@dataclass(frozen=True)
class Clip:
    """Checked sound or film: its real type, such as `audio/wav`; its length where known."""

    type: str
    encoded: str
    size: int
    seconds: float | None

    @property
    def is_video(self) -> bool:
        return self.type.startswith("video/")

    @property
    def url(self) -> str:
        return f"data:{self.type};base64,{self.encoded}"

    @property
    def name(self) -> str:
        what = "film" if self.is_video else "sound"
        lasts = "" if self.seconds is None else f", {lasting(self.seconds)}"
        return f"{_NAMES[self.type]} {what}{lasts}, {byte_count(self.size)}"


def lasting(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min"


def clip(text: object) -> Clip | None:
    """The clip that this base64 text or data URL holds; None when it holds none."""
    if not isinstance(text, str) or not _SHORTEST <= len(text) <= MAX_BYTES * 3 // 2:
        return None
    head = _DATA_URL.match(text)
    encoded = text[head.end() :] if head else text
    if not _BEGINNINGS.match(encoded.lstrip()[:8]):
        return None
    try:
        raw = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    says_audio = bool(head) and text[:11].lower() == "data:audio/"
    return _checked(raw, says_audio=says_audio) if len(raw) <= MAX_BYTES else None


def _checked(raw: bytes, *, says_audio: bool) -> Clip | None:
    for signature, measure in _FORMATS:
        if not signature.match(raw):
            continue
        try:
            kind, seconds = measure(raw)
        except (IndexError, ValueError, ZeroDivisionError):
            return None
        if says_audio and kind in {"video/webm", "video/mp4", "video/ogg"}:
            kind = kind.replace("video", "audio")
        sane = seconds if seconds is not None and 0 < seconds < 10**6 else None
        return Clip(kind, base64.b64encode(raw).decode(), len(raw), sane)
    return None


def _wav(raw: bytes) -> tuple[str, float | None]:
    """Chunks follow each other; the format says the bytes of a second."""
    at, rate, seconds = 12, 0, None
    for _ in range(_MAX_PARTS):
        if at + 8 > len(raw):
            break
        name, length = raw[at : at + 4], int.from_bytes(raw[at + 4 : at + 8], "little")
        if name == b"fmt ":
            rate = int.from_bytes(raw[at + 16 : at + 20], "little")
        elif name == b"data":
            seconds = min(length, len(raw) - at - 8) / rate
        at += 8 + length + length % 2
    if seconds is None:
        raise ValueError
    return "audio/wav", seconds


_BITRATES: Final = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES: Final = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}


def _mp3(raw: bytes) -> tuple[str, float | None]:
    """Frames of the third layer, one behind the other; the tags before and after are skipped."""
    at = 0
    if raw.startswith(b"ID3"):
        size = 0
        for byte in raw[6:10]:
            size = size << 7 | byte & 0x7F
        at = 10 + size
    frames, seconds = 0, 0.0
    while (found := _mp3_frame(raw[at : at + 4])) is not None:
        length, lasts = found
        at, frames, seconds = at + length, frames + 1, seconds + lasts
    if frames < 2:
        raise ValueError
    return "audio/mpeg", seconds


def _mp3_frame(head: bytes) -> tuple[int, float] | None:
    """Its length in bytes, and in seconds."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, index, rate_index = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or index in {0, 15} or rate_index == 3:
        return None
    rate = _RATES[version][rate_index]
    samples = 1152 if version == 3 else 576
    bits = _BITRATES[3 if version == 3 else 2][index] * 1000
    return samples // 8 * bits // rate + (head[2] >> 1 & 1), samples / rate


def _ogg(raw: bytes) -> tuple[str, float | None]:
    """The last page says how many samples there were; the first, of which kind and rate."""
    kind = "video/ogg" if b"\x80theora" in raw[:200] else "audio/ogg"
    if (place := raw.find(b"\x01vorbis", 0, 200)) >= 0:
        rate = int.from_bytes(raw[place + 12 : place + 16], "little")
    else:
        rate = 48_000 if b"OpusHead" in raw[:200] else 0
    last = raw.rfind(b"OggS")
    granule = int.from_bytes(raw[last + 6 : last + 14], "little")
    return kind, granule / rate if rate and granule < 2**62 else None


def _flac(raw: bytes) -> tuple[str, float | None]:
    if raw[4] & 0x7F != 0 or len(raw) < 42:
        raise ValueError
    bits = int.from_bytes(raw[18:26], "big")
    rate, samples = bits >> 44, bits & (1 << 36) - 1
    return "audio/flac", samples / rate if samples else None


def _mp4(raw: bytes) -> tuple[str, float | None]:
    """The header of the movie has the length; it is in one box, that box in another."""
    kind = "audio/mp4" if raw[8:11] in {b"M4A", b"M4B"} else "video/mp4"
    movie = _box(raw, 0, len(raw), b"moov")
    if movie is None and _box(raw, 0, len(raw), b"moof") is None:
        raise ValueError
    header = _box(raw, *movie, b"mvhd") if movie else None
    if header is None:
        return kind, None
    at = header[0]
    size, start = (8, at + 20) if raw[at] == 1 else (4, at + 12)
    scale = int.from_bytes(raw[start : start + 4], "big")
    length = int.from_bytes(raw[start + 4 : start + 4 + size], "big")
    return kind, length / scale


def _box(raw: bytes, at: int, end: int, wanted: bytes) -> tuple[int, int] | None:
    """Where the content of a box begins and ends."""
    for _ in range(_MAX_PARTS):
        if at + 8 > end:
            return None
        length, start = int.from_bytes(raw[at : at + 4], "big"), at + 8
        if length == 1:
            length, start = int.from_bytes(raw[start : start + 8], "big"), at + 16
        length = length or end - at
        if length < 8:
            raise ValueError
        if raw[at + 4 : at + 8] == wanted:
            return start, min(at + length, end)
        at += length
    raise ValueError


def _webm(raw: bytes) -> tuple[str, float | None]:
    if b"webm" not in raw[:80]:
        raise ValueError
    is_video = b"V_" in raw[:5000]
    return "video/webm" if is_video else "audio/webm", _webm_seconds(raw[:2000])


def _webm_seconds(head: bytes) -> float | None:
    """A float, in units of so many nanoseconds: a million, where nothing else is told."""
    length = re.search(rb"\x44\x89(?:\x84(.{4})|\x88(.{8}))", head, re.DOTALL)
    unit = re.search(rb"\x2a\xd7\xb1[\x83\x84](.{3,4})", head, re.DOTALL)
    if length is None:
        return None
    (ticks,) = struct.unpack(">f" if length[1] else ">d", length[1] or length[2])
    scale = int.from_bytes(unit[1][:3], "big") if unit else 1_000_000
    return float(ticks) * scale / 1e9 if ticks == ticks else None  # noqa: PLR0124 - not a number


_FORMATS: Final[Sequence[tuple[re.Pattern[bytes], Callable[[bytes], tuple[str, float | None]]]]] = (
    (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), _wav),
    (re.compile(rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"), _mp3),
    (re.compile(rb"OggS\x00"), _ogg),
    (re.compile(rb"fLaC"), _flac),
    (re.compile(rb".{4}ftyp", re.DOTALL), _mp4),
    (re.compile(rb"\x1aE\xdf\xa3"), _webm),
)


def from_samples(channels: Sequence[Sequence[float]], rate: int) -> Clip:
    """Samples from -1 to 1, a list for each channel of the same length, as a WAV of 16 bits."""
    count, width = len(channels[0]), len(channels)
    values = array("h", bytes(2 * count * width))
    for n, channel in enumerate(channels):
        values[n::width] = array("h", [round(max(-1.0, min(1.0, x)) * 32_767) for x in channel])
    if sys.byteorder == "big":
        values.byteswap()
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(width)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(values.tobytes())
    raw = out.getvalue()
    return Clip("audio/wav", base64.b64encode(raw).decode(), len(raw), count / rate)


_PREVIEW_RATE: Final = 8000
_LEAST_SECONDS: Final = 1.0


@lru_cache(maxsize=16)  # a view is drawn many times
def preview(encoded: str, room: int) -> Clip | None:
    """A WAV of 16 bits as one of 8 in at most `room` characters: coarse, and cut where it must be.

    None for any other recording, and where not even a second would be left.
    """
    try:
        with wave.open(BytesIO(base64.b64decode(encoded))) as file:
            width, rate, frames = file.getnchannels(), file.getframerate(), file.getnframes()
            if file.getsampwidth() != 2 or not 1000 <= rate <= 400_000:
                return None
            step = max(1, rate // _PREVIEW_RATE)
            most = max(0, room * 3 // 4 - 100)  # of samples, a byte each
            if most < _LEAST_SECONDS * rate / step:
                return None
            raw = file.readframes(min(frames, most * step))
    except (wave.Error, EOFError, ValueError, RuntimeError):  # the last, of a chunk that lies
        return None
    samples = array("h", raw[: len(raw) // (2 * width) * 2 * width])
    if sys.byteorder == "big":
        samples.byteswap()
    return _coarse(samples[::width], step, rate)


def _coarse(samples: array[int], step: int, rate: int) -> Clip | None:
    """Each of the new samples is the mean of `step` old ones."""
    count = len(samples) // step
    if not count:
        return None
    means = [sum(samples[n : n + step]) // step for n in range(0, count * step, step)]
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate // step)
        file.writeframes(bytes((mean >> 8) + 128 for mean in means))
    raw = out.getvalue()
    return Clip("audio/wav", base64.b64encode(raw).decode(), len(raw), count * step / rate)
