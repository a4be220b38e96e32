"""Many tasks as one: how far they are, what they cost, how many there are of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ogpu_jupyter.tasks import Stage
from ogpu_jupyter.units import format_amount

from .safe import esc, one_line
from .stages import TONES
from .style import page
from .words import amount_html, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS: Mapping[Stage, str] = {Stage.ABANDONED: "not sent", Stage.FINALIZED: "paid"}


def batch_text(
    number: int, status: Mapping[Stage, int], paid: int, earlier: int, note: str = ""
) -> str:
    """One line: `100 tasks: 40 published, 60 paid. 0.1 OGPU.`"""
    counts = ", ".join(f"{count:,} {_word(stage)}" for stage, count in status.items())
    before = f" {earlier:,} of them from before." if earlier else ""
    of_what = f": {counts}" if counts else ""
    said = f" {one_line(note, 500)}" if note else ""
    return f"{plural(number, 'task')}{of_what}. {format_amount(paid)}.{before}{said}"


def batch_html(
    number: int, status: Mapping[Stage, int], paid: int, earlier: int, note: str = ""
) -> str:
    pills = " ".join(
        f'<span class="ogpu-pill {TONES.get(stage, "")}">{count:,} {_word(stage)}</span>'
        for stage, count in status.items()
    )
    before = f' <span class="ogpu-soft">{earlier:,} of them from before</span>' if earlier else ""
    line = f"<p><b>{plural(number, 'task')}</b> {pills} {amount_html(paid)}{before}</p>"
    said = f'<p class="ogpu-soft">{esc(note, 500)}</p>' if note else ""
    return page(line + _shares(number, status) + said, "Batch")


def said_html(words: str) -> str:
    """What a cell says while it works."""
    return page(f'<p class="ogpu-soft" role="status">{esc(words, 500)}</p>', "Progress")


def _shares(number: int, status: Mapping[Stage, int]) -> str:
    """How far they are at a glance: a bar that fills from the left, with a part for each state."""
    done_first = sorted(
        status, key=lambda stage: (stage is not Stage.FINALIZED, not stage.is_final)
    )
    parts = "".join(
        f'<i class="{TONES.get(stage, "")}" style="width:{status[stage] / number:.2%}"></i>'
        for stage in done_first
    )
    words = ", ".join(f"{count:,} {_word(stage)}" for stage, count in status.items())
    return (
        f'<div class="ogpu-shares" role="img" aria-label="{words}">{parts}</div>' if parts else ""
    )


def _word(stage: Stage) -> str:
    return _WORDS.get(stage, stage.value)
