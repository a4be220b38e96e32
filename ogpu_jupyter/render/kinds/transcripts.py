"""What was said in a recording, and when; with the recording, where it was sent along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.registry import Kind, each, number, strings
from ogpu_jupyter.render.safe import esc, one_line, plain

from .media import Clip, clip, player_html
from .texts import more_html, more_text, text_html

if TYPE_CHECKING:
    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

_MAX_LINES: Final = 200
_BESIDE: Final = {"text", "chunks", "segments", "language", "duration", "task", "words"}


@dataclass(frozen=True)
class Line:
    """From and to, in seconds."""

    start: float
    end: float | None
    text: str
    speaker: str = ""

    @property
    def time(self) -> str:
        return _clock(self.start) + ("" if self.end is None else f" to {_clock(self.end)}")


@dataclass(frozen=True)
class Transcript:
    text: str
    lines: list[Line]
    clip: Clip | None
    language: str = ""


def _read_transcript(value: Json, given: Given) -> Transcript | None:
    """Hugging Face's chunks, Whisper's segments; a text alone, where a recording was sent."""
    if not isinstance(value, dict) or not value.keys() <= _BESIDE:
        return None
    text = value.get("text")
    if not isinstance(text, str):
        return None
    parts = value.get("chunks", value.get("segments"))
    lines = each(_line, parts) if isinstance(parts, list) else []
    if lines is None:
        return None
    sent = next((found for t in strings(given.data) if (found := clip(given.content(t)))), None)
    if parts is None and sent is None and not given.is_asked:
        return None
    language = value.get("language")
    spoken = language if isinstance(language, str) else ""
    return Transcript(text, lines, sent, spoken)


def _line(part: Json) -> Line | None:
    if not isinstance(part, dict) or not isinstance(text := part.get("text"), str):
        return None
    times = part.get("timestamp", [part.get("start"), part.get("end")])
    if not isinstance(times, list) or len(times) != 2:
        return None
    start, speaker = number(times[0]), part.get("speaker")
    if start is None:
        return None
    return Line(start, number(times[1]), text, speaker if isinstance(speaker, str) else "")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, round(seconds, 1)), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def _transcript_html(transcript: Transcript) -> str:
    player = player_html(transcript.clip) if transcript.clip else ""
    rows = [
        f'<dt class="ogpu-n">{line.time}</dt><dd dir="auto">{_speaker(line)}{esc(line.text)}</dd>'
        for line in transcript.lines[:_MAX_LINES]
    ]
    times = f'<dl class="ogpu-lines ogpu-spoken">{"".join(rows)}</dl>' if rows else ""
    spoken = f'<p class="ogpu-rest">Language: {esc(transcript.language, 40)}</p>'
    return "".join(
        [
            player,
            times or text_html(transcript.text),
            more_html(len(transcript.lines) - len(rows), "line"),
            spoken if transcript.language else "",
        ]
    )


def _speaker(line: Line) -> str:
    return f'<span class="ogpu-role">{esc(line.speaker, 60)}</span> ' if line.speaker else ""


def _transcript_text(transcript: Transcript) -> str:
    """The whole text; with its times, where it comes in lines."""
    if not transcript.lines:
        return plain(transcript.text.strip(), 4000)
    width = max(len(line.time) for line in transcript.lines[:_MAX_LINES])
    rows = [
        f"{line.time:{width}}  {_said_by(line)}{one_line(line.text, 500)}"
        for line in transcript.lines[:_MAX_LINES]
    ]
    return "\n".join([*rows, *more_text(len(transcript.lines) - len(rows), "line")])


def _said_by(line: Line) -> str:
    return f"{one_line(line.speaker, 60)}: " if line.speaker else ""


TRANSCRIPT: Final = Kind("transcript", _read_transcript, _transcript_html, _transcript_text)
