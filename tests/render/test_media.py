"""Sound and film are what their bytes say; they are played only when the reader starts them."""

from __future__ import annotations

import base64
import io
import struct
import wave
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ogpu_jupyter.render import answer_html, answer_kind, answer_text, html
from ogpu_jupyter.render.kinds.recordings import clip, from_samples, lasting, preview
from tests.render import samples
from tests.render.checks import safe


def text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def box(name: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + name + body


def mp4(brand: bytes = b"isom", scale: int = 1000, length: int = 2500, version: int = 0) -> bytes:
    if version:
        times = bytes(16) + struct.pack(">IQ", scale, length)
    else:
        times = bytes(8) + struct.pack(">II", scale, length)
    header = box(b"mvhd", bytes([version, 0, 0, 0]) + times + bytes(80))
    head = box(b"ftyp", brand + bytes(8))
    return head + box(b"mdat", bytes(50)) + box(b"moov", box(b"free", b"") + header)


def mp3(frames: int = 40, tag: bytes = b"") -> bytes:
    frame = b"\xff\xfb\x90\x00" + bytes(417 - 4)  # 128 kbit/s at 44.1 kHz
    return tag + frame * frames


def flac(rate: int = 16_000, count: int = 24_000) -> bytes:
    stream = bytes(10) + ((rate << 44) | (15 << 36) | count).to_bytes(8, "big") + bytes(16)
    return b"fLaC\x80\x00\x00\x22" + stream + bytes(20)


def ogg(codec: bytes, granule: int) -> bytes:
    first = b"OggS\x00\x02" + bytes(20) + b"\x01\x1e" + codec + bytes(20)
    return first + b"OggS\x00\x04" + granule.to_bytes(8, "little") + bytes(30)


VORBIS = b"\x01vorbis" + bytes(4) + b"\x01" + (22_050).to_bytes(4, "little")
REAL = {
    "wav": (base64.b64decode(samples.sound(1.2)), "audio/wav", 1.2),
    "mp3": (mp3(), "audio/mpeg", 40 * 1152 / 44_100),
    "mp3 with a tag": (
        mp3(tag=b"ID3\x03\x00\x00\x00\x00\x00\x0a" + bytes(10)),
        "audio/mpeg",
        1.045,
    ),
    "flac": (flac(), "audio/flac", 1.5),
    "opus": (ogg(b"OpusHead", 96_000), "audio/ogg", 2.0),
    "vorbis": (ogg(VORBIS, 22_050), "audio/ogg", 1.0),
    "mp4": (mp4(), "video/mp4", 2.5),
    "mp4 of 64 bits": (mp4(version=1), "video/mp4", 2.5),
    "m4a": (mp4(b"M4A "), "audio/mp4", 2.5),
    "webm": (base64.b64decode(samples.film()), "video/webm", 1.4),
}


@pytest.mark.parametrize("name", REAL)
def test_each_format_by_its_bytes(name: str) -> None:
    """Its type, and how long it lasts as its container says."""
    raw, kind, seconds = REAL[name]

    found = clip(text(raw))

    assert found is not None
    assert (found.type, found.size) == (kind, len(raw))
    assert found.seconds == pytest.approx(seconds, abs=0.05)


@pytest.mark.parametrize("name", REAL)
def test_the_type_is_found_not_believed(name: str) -> None:
    """A data URL of another type is played as what it is."""
    raw, kind, _ = REAL[name]

    found = clip(f"data:audio/x-unknown;codecs=opus;base64,{text(raw)}")

    assert found is not None
    assert found.type in {kind, kind.replace("video/", "audio/")}
    assert found.url.startswith(f"data:{found.type};base64,")


@pytest.mark.parametrize("raw", [
    b"", b"RIFF\x00\x00\x00\x00WAVE" + bytes(60), b"RIFF" + bytes(70), b"ID3" + bytes(100),
    b"\xff\xfb" + bytes(100), b"fLaC\x04" + bytes(100), b"\x1aE\xdf\xa3" + b"matroska" * 20,
    b"<script>alert(1)</script>" * 10, mp3(1), b"RIFF" + bytes(4) + b"WEBP" + bytes(60),
    b"\x00\x00\x00\x20ftyp" + bytes(4) + b"\x00\x00\x00\x01moov" + bytes(40),
])  # fmt: skip
def test_what_only_begins_like_one_is_none(raw: bytes) -> None:
    """Its frames or chunks have to follow."""
    assert clip(text(raw)) is None


@given(st.sampled_from(sorted(REAL)), st.integers(0, 400), st.binary(max_size=30))
@example("wav", 39, b"\0\0\0")
def test_damage_raises_nothing(name: str, at: int, bytes_in: bytes) -> None:
    """Any bytes within, and any cut."""
    raw = REAL[name][0]

    for damaged in (raw[:at] + bytes_in + raw[at + len(bytes_in) :], raw[:at]):
        found = clip(text(damaged))
        assert found is None or found.name
        preview(text(damaged), 5000)


@given(st.text(max_size=300))
def test_any_text_is_no_clip(words: str) -> None:
    """Nor raises."""
    assert clip(words) is None


def test_it_waits_for_the_reader() -> None:
    """No autoplay; its words stand also where no player is shown."""
    value, data = samples.ANSWERS["speech"]

    shown = answer_html(value, data=data)

    assert '<audio controls preload="metadata" src="data:audio/wav;base64,' in shown
    assert "autoplay" not in shown
    assert safe(shown).text == "WAV sound, 0.5 s, 8.0 kB"


def test_samples_become_a_wav() -> None:
    """Mono and stereo; what is beyond the range is held at its end."""
    found = from_samples([[0.0, 1.0, -1.0, 9.0], [0.5, 0.5, 0.5, 0.5]], 8000)

    with wave.open(io.BytesIO(base64.b64decode(found.encoded))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, 4)
        assert struct.unpack("<8h", file.readframes(4))[::2] == (0, 32_767, -32_767, 32_767)


@pytest.mark.parametrize("value", [
    {"audio": samples.tone(), "sampling_rate": 8000},
    {"audio": [samples.tone()], "sampling_rate": 8000.0},
    {"audio": [[samples.tone()]], "sample_rate": 8000},
    {"audio": [samples.tone(), samples.tone()], "sampling_rate": 8000},
    {"audio": {"array": samples.tone(), "sampling_rate": 8000}},
    {"audio": samples.sound()}, {"audio": f"data:audio/wav;base64,{samples.sound()}"},
    samples.sound(), [samples.sound(), samples.sound()], {"audios": [samples.sound()] * 3},
    [{"label": "drums", "blob": samples.sound(), "content-type": "audio/wav"}],
    {"output": {"audio": samples.sound(), "sampling_rate": 8000, "format": "wav"}},
])  # fmt: skip
def test_the_shapes_of_sound(value: Any) -> None:
    """As pipelines and servers send it."""
    assert answer_kind(value) == "audio"
    assert "<audio" in answer_html(value)
    assert answer_text(value).startswith(("[WAV sound", "[drums · WAV sound"))


@pytest.mark.parametrize("value", [
    {"audio": [1.0], "sampling_rate": 0}, {"audio": [1, "x"], "sampling_rate": 8000},
    {"audio": [], "sampling_rate": 8000}, {"audio": [[0.1], "x"], "sampling_rate": 8000},
    {"audio": [[0.1]] * 3, "sampling_rate": 8000}, {"audio": None, "sampling_rate": 8000},
    {"audio": [[]], "sampling_rate": 8000}, {"audio": {"audio": {"array": [1]}}},
])  # fmt: skip
def test_almost_sound(value: Any) -> None:
    """It is something else, not an error."""
    assert answer_kind(value) not in {"audio", "video"}
    safe(answer_html(value))


def test_several_are_told_apart() -> None:
    """At most twelve are played; the others are counted."""
    shown = answer_html([{"label": "drums", "blob": samples.sound()}] * 20)

    assert shown.count("<audio") == 12
    assert "and 8 more recordings" in shown
    assert "drums · WAV sound" in safe(shown).text


def test_film() -> None:
    """In a player of its own."""
    value, data = samples.ANSWERS["video"]

    assert '<video controls preload="metadata"' in answer_html(value, data=data)
    assert answer_text(value) == "[WebM film, 1.4 s, 1.9 kB]"


def test_a_transcript_has_its_recording() -> None:
    """Where the recording was sent with the task; and its lines have their times."""
    value, data = samples.ANSWERS["spoken"]

    assert "<audio" in answer_html(value, data=data)
    assert "<audio" not in answer_html(value)
    assert answer_kind({"text": "Hello."}, data=data) == "transcript"
    assert answer_kind({"text": "Hello."}) == "text"
    assert "0:01.9 to 0:03.2  B: How are you?" in answer_text(value)
    hours = {"text": "x", "chunks": [{"timestamp": [3661.5, None], "text": "x"}]}
    assert answer_text(hours) == "1:01:01.5  x"


def test_bytes_of_other_kinds() -> None:
    """What they are where it can be told, and how many; never a wall of letters."""
    value, _ = samples.ANSWERS["bytes"]
    noise = text(bytes(range(256)) * 40)

    assert answer_text(value) == "Encoded bytes, a PDF document: about 2.1 kB."
    assert answer_text(noise) == "Encoded bytes, of no kind that can be shown: about 10.2 kB."
    assert answer_kind("ACGT" * 1000) == "text"
    assert answer_kind("word " * 1000) == "text"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.25, "0.2 s"), (59.94, "59.9 s"), (61, "1:01 min"), (3600, "60:00 min")],
)
def test_how_long_it_lasts(seconds: float, words: str) -> None:
    """As a person says it."""
    assert lasting(seconds) == words


@pytest.mark.parametrize(
    ("width", "rate", "seconds"), [(1, 8000, 40), (1, 16_000, 8), (2, 44_100, 8), (1, 48_000, 3)]
)
def test_a_preview_of_a_long_sound(width: int, rate: int, seconds: int) -> None:
    """Small enough to stay in a notebook, and the same tone to the ear."""
    tone = samples.tone(seconds, rate)
    whole = from_samples([tone] * width, rate)

    small = preview(whole.encoded, 50_000)

    assert small is not None
    assert len(small.encoded) <= 50_000
    with wave.open(io.BytesIO(base64.b64decode(small.encoded))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 1)
        assert 8000 <= file.getframerate() < 16_000
        levels = file.readframes(file.getnframes())
    step = rate // 8000
    assert small.seconds == pytest.approx(len(levels) * step / rate)
    assert small.seconds <= seconds
    middle = sum(tone[100 * step : 101 * step]) / step
    assert levels[100] - 128 == pytest.approx(127 * middle, abs=2)


@pytest.mark.parametrize("name", [name for name in REAL if name != "wav"])
def test_no_preview_of_other_recordings(name: str) -> None:
    """They can't be taken apart here."""
    assert preview(text(REAL[name][0]), 50_000) is None
    assert preview(samples.sound(), 500) is None


def test_a_long_sound_is_heard_in_the_notebook() -> None:
    """Its beginning, within the room of the view, and the view says that there is more."""
    value = {"audio": samples.sound(30, 16_000)}
    record, answers = samples.answered(value)

    shown = html(record, answers, samples.NOW)

    assert len(shown) < 260_000
    assert '<audio controls preload="metadata" src="data:audio/wav;base64,' in shown
    assert "WAV sound, 30.0 s, 960.0 kB" in safe(shown).text
    assert "The notebook keeps a part" in shown


def test_times_of_a_transcript_are_rounded_whole() -> None:
    """No minute has sixty seconds."""
    value: Any = {"text": "Hi", "chunks": [{"timestamp": [59.97, 3599.99], "text": "Hi"}]}

    assert answer_text(value) == "1:00.0 to 1:00:00.0  Hi"
