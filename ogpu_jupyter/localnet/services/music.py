"""Tunes from notes: each is a plucked string, computed sample by sample, and put into a WAV."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import re
import struct
import wave
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import BaseModel, Field, field_validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RATE: Final = 16_000  # samples a second
MAX_SECONDS: Final = 30.0
_STEPS: Final = {"C": -9, "D": -7, "E": -5, "F": -4, "G": -2, "A": 0, "B": 2}  # from A
_SHIFTS: Final = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_NOTE: Final = re.compile(r"(?:([A-G])([#♯b♭]?)([1-7])?|-)(?::(\d{1,2}(?:\.\d{1,2})?))?")
_RINGS: Final = 1.5  # seconds that a string sounds on after its last beat
_LOUDEST: Final = 30_000  # of the 32,767 that a sample can be
_DAMPING: Final = 0.996


class Note(NamedTuple):
    """A tone in hertz, or a rest where that is 0, and its length in beats."""

    pitch: float
    beats: float


class Tune(BaseModel):
    notes: str = Field(
        min_length=1,
        max_length=2000,
        description="Letters with an octave, a rest as `-`, and `:2` for two beats.",
        examples=["C4 E4 G4 C5:2 - G4 C5:3"],
    )
    tempo: int = Field(default=120, ge=40, le=240, description="Beats a minute.")

    @field_validator("notes")
    @classmethod
    def _are_notes(cls, text: str) -> str:
        list(read_notes(text))
        return text


class Sound(BaseModel):
    audio_base64: str = Field(description="A WAV, one channel.")
    sampling_rate: int = Field(description="Samples a second.")
    seconds: float


def read_notes(text: str) -> Iterator[Note]:
    """ValueError names the first word that is no note."""
    for word in text.split():
        found = _NOTE.fullmatch(word)
        if found is None:
            raise ValueError(f"{word[:20]!r} is no note: write C4, F#3, Bb4:2, or - for a rest.")
        letter, shift, octave, beats = found.groups()
        pitch = 0.0
        if letter:
            steps = _STEPS[letter] + _SHIFTS[shift] + 12 * (int(octave or 4) - 4)
            pitch = 440.0 * 2.0 ** (steps / 12)
        yield Note(pitch, float(beats or 1))


def play(tune: Tune) -> Sound:
    """The tune, cut at half a minute."""
    samples = _mixed(list(read_notes(tune.notes)), 60.0 / tune.tempo)
    top = max((abs(sample) for sample in samples), default=0.0) or 1.0
    frames = struct.pack(f"<{len(samples)}h", *(round(s / top * _LOUDEST) for s in samples))
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(frames)
    return Sound(
        audio_base64=base64.b64encode(buffer.getvalue()).decode(),
        sampling_rate=RATE,
        seconds=round(len(samples) / RATE, 2),
    )


def _mixed(notes: Sequence[Note], beat: float) -> list[float]:
    """All strings together; one rings on below the next."""
    whole = sum(note.beats for note in notes) * beat + _RINGS
    samples = [0.0] * int(min(whole, MAX_SECONDS) * RATE)
    start = 0.0
    for note in notes:
        begin = int(start * RATE)
        length = min(int((note.beats * beat + _RINGS) * RATE), len(samples) - begin)
        if note.pitch:
            for place, sample in enumerate(_string(note.pitch, max(0, length)), begin):
                samples[place] += sample
        start += note.beats * beat
    return samples


def _string(pitch: float, length: int) -> Iterator[float]:
    """A string by Karplus and Strong: noise in a loop as long as its wave, softened each round.

    The noise is the same for the same pitch, so that a tune is the same each time.
    """
    seed = hashlib.sha256(f"{pitch:.3f}".encode()).digest()
    chance = random.Random(seed)  # noqa: S311 - a string, not a secret
    loop = deque(chance.uniform(-1, 1) for _ in range(max(2, round(RATE / pitch))))
    for _ in range(length):
        first = loop.popleft()
        loop.append(_DAMPING * 0.5 * (first + loop[0]))
        yield first
