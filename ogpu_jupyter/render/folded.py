"""Many tasks in one place: a line for each, and its whole view inside, folded.

The views share one style and are folded by the page itself, without a script. Above a bound
a line stands alone, and says what shows its view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .costs import costs
from .drawing import AS_FOUND, Showing
from .page import card
from .safe import esc, one_line
from .stages import TONES, badge
from .style import page
from .summary import line
from .words import address_html, amount_html, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ogpu_jupyter.tasks import Answer, TaskRecord

# Of views in one output: a notebook has to stay a file one can open.
MAX_CHARACTERS: Final = 6_000_000
MAX_LINES: Final = 2_000


class Seen(NamedTuple):
    """A task as it is drawn; `now` is its chain's clock."""

    record: TaskRecord
    answers: Mapping[str, Answer]
    now: float
    note: str = ""
    showing: Showing = AS_FOUND


def folded_html(tasks: Sequence[Seen]) -> str:
    """In the order given."""
    shown = "".join(_folds(tasks[:MAX_LINES]))
    label = plural(len(tasks), "task")
    more = len(tasks) - MAX_LINES
    rest = f'<p class="ogpu-soft">… and {more:,} more.</p>' if more > 0 else ""
    return page(f'<div class="ogpu-folds">{shown}</div>{rest}', label)


def _folds(tasks: Iterable[Seen]) -> Iterable[str]:
    size = 0
    for task in tasks:
        view = (
            "" if size > MAX_CHARACTERS else card(*task[:3], note=task.note, showing=task.showing)
        )
        size += len(view)
        if view and size <= MAX_CHARACTERS:
            yield f"<details><summary>{_summary(task.record)}</summary>{view}</details>"
        else:
            hint = f"<code>%ogpu show {esc(task.record.reference, 80)}</code>"
            yield f"<p>{_summary(task.record)} {hint}</p>"


def _summary(record: TaskRecord) -> str:
    item = "" if record.item is None else f"[{record.item}]"
    tone = TONES.get(record.stage, "")
    return (
        f'<span class="ogpu-fold"><span><b>{esc(record.name, 60)}{item}</b> '
        f'{esc(record.function, 60)}</span> <span><span class="ogpu-pill {tone}">'
        f"{badge(record)}</span></span> <span>{amount_html(record.payment)} "
        f'<span class="ogpu-soft">{costs(record).state}</span></span> '
        f"{address_html(record.reference)}</span>"
    )


def folded_text(tasks: Sequence[Seen]) -> str:
    lines = [line(task.record, task.now) for task in tasks[:MAX_LINES]]
    more = len(tasks) - MAX_LINES
    return "\n".join([*lines, *([one_line(f"… and {more:,} more.")] if more > 0 else [])])
