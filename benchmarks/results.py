"""What `make bench` writes: the names, the form, and the table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

UNITS = {
    "http_per_publish": "requests",
    "publish_100_seconds": "s",
    "publish_100_http": "requests",
    "publish_100_seconds_50ms": "s",
    "snapshot_1000_seconds": "s",
    "snapshot_1000_http": "requests",
    "snapshot_1000_seconds_50ms": "s",
    "watch_http_per_block_1": "requests",
    "watch_http_per_block_10000": "requests",
    "event_to_callback_ms": "ms",
    "import_seconds": "s",
    "load_ext_seconds": "s",
    "rss_mb_1000_tasks": "MB",
}


@dataclass(frozen=True)
class Result:
    """One measurement; `peer` is None where the official SDK can't do it, and the note says why."""

    name: str
    ours: float
    limit: float
    peer: float | None = None
    peer_note: str = ""
    peer_patched: float | None = None

    def __post_init__(self) -> None:
        assert self.name in UNITS
        assert self.peer is not None or self.peer_note

    def as_json(self) -> dict[str, Any]:
        """`ratio` is ours to the limit."""
        told: dict[str, Any] = {
            "name": self.name,
            "ours": _short(self.ours),
            "peer": None if self.peer is None else _short(self.peer),
            "limit": _short(self.limit),
            "unit": UNITS[self.name],
            "ratio": round(self.ours / self.limit, 2),
        }
        if self.peer_patched is not None:
            told["peer_patched"] = _short(self.peer_patched)
        if self.peer_note:
            told["peer_note"] = self.peer_note
        return told


def _short(value: float) -> float:
    """Four digits that count."""
    return float(f"{value:.4g}")


def write(results: Iterable[Result], path: Path) -> None:
    """In the order of the names, and only when none is missing."""
    made = {result.name: result for result in results}
    assert set(made) == set(UNITS), set(UNITS) ^ set(made)
    rows = [json.dumps(made[name].as_json()) for name in UNITS]
    path.write_text("[\n" + ",\n".join(f"  {row}" for row in rows) + "\n]\n")


def table(results: Iterable[Result]) -> str:
    """For the terminal: a row each, and the notes below."""
    lines = [_row("", "unit", "ours", "limit", "ratio", "peer", "patched")]
    notes = []
    for told in (result.as_json() for result in results):
        numbers = (told["ours"], told["limit"], told["ratio"])
        peer = (told["peer"], told.get("peer_patched"))
        cells = [f"{number:g}" for number in numbers] + [
            "-" if p is None else f"{p:g}" for p in peer
        ]
        lines.append(_row(told["name"], told["unit"], *cells))
        if note := told.get("peer_note"):
            notes.append(f"{told['name']}: the peer {note}.")
    return "\n".join([*lines, "", *notes])


def _row(name: str, unit: str, *cells: str) -> str:
    return f"{name:<28}{unit:<10}" + "".join(f"{cell:>10}" for cell in cells)
