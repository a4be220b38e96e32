"""An answer is shown as what it is: as asked for, as its schema says, else by its shape.

What has no known shape is shown as JSON.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from . import budget, plugins
from .kinds.chats import CHAT, MARKDOWN, TEXT
from .kinds.curves import CURVE
from .kinds.depths import DEPTH
from .kinds.fields import FIELDS, LISTED
from .kinds.galleries import PICTURES
from .kinds.grids import GRID
from .kinds.marks import MARKED
from .kinds.masks import MASKS
from .kinds.media import AUDIO, BYTES, VIDEO
from .kinds.problems import PROBLEM
from .kinds.questions import FILLED, QUESTION
from .kinds.scores import FOUND, LABELS
from .kinds.transcripts import TRANSCRIPT
from .kinds.trees import ANY, tree_html
from .kinds.unwrapping import choose, unwrapped
from .kinds.vectors import EMBEDDINGS
from .registry import KINDS, Given, Kind, hinted, named
from .safe import esc, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ogpu_jupyter.tasks import Json

_log = logging.getLogger("ogpu_jupyter")
OVERDRAWN: Final = (
    "It takes too long to draw as what it is, and is shown as JSON. "
    "`task.result()` returns all of it, `task.save(…)` makes a file of it."
)
_NOTHING: Final[Mapping[str, str]] = {}

KINDS.extend([
    PROBLEM, MASKS, PICTURES, AUDIO, VIDEO, BYTES, DEPTH, FOUND, TRANSCRIPT, QUESTION, FILLED,
    MARKED, CHAT, MARKDOWN, TEXT, LABELS, EMBEDDINGS, CURVE, GRID, LISTED, FIELDS, ANY,
])  # fmt: skip


def answer_html(
    value: Json,
    *,
    data: Json = None,
    show: str | None = None,
    schema: Json = None,
    linked: Mapping[str, str] = _NOTHING,
) -> str:
    """The answer as HTML.

    `data` is what was asked, for what is drawn on it. `show` names the kind that is wanted,
    `schema` is the JSON Schema of the answer where its source tells one, and `linked` has
    the content of the links in it, in base64.
    """
    choice = partial(_chosen, value, data, show, schema, linked)
    shown, notes = _drawn(value, choice, lambda kind: kind.to_html)
    told = "".join(f'<p class="ogpu-rest">{esc(note, 500)}</p>' for note in notes)
    return shown + told


def answer_text(
    value: Json,
    *,
    data: Json = None,
    show: str | None = None,
    schema: Json = None,
    linked: Mapping[str, str] = _NOTHING,
) -> str:
    """The answer for a terminal, and for readers of a notebook that show no HTML."""
    choice = partial(_chosen, value, data, show, schema, linked)
    shown, notes = _drawn(value, choice, lambda kind: kind.to_text)
    return "\n".join([shown, *(one_line(note, 500) for note in notes)])


def _drawn(
    value: Json,
    choice: Callable[[], tuple[Kind[Any], Any, list[str]]],
    way: Callable[[Kind[Any]], Callable[[Any], str]],
) -> tuple[str, list[str]]:
    """The answer in one way of its kind, and what has to be said with it.

    A fault of ours with one answer must not take away the whole view, and what it cost.
    """
    try:
        with budget.one_answer():
            kind, read, notes = choice()
            return str(way(kind)(read)), notes
    except budget.Overdrawn:
        return way(ANY)((value,)), [OVERDRAWN]
    except Exception:  # noqa: BLE001 - any kind's, also of a plugin
        _log.warning("An answer can't be drawn; it is shown as JSON.", exc_info=True)
        told = "It could not be drawn as what it is, and is shown as JSON."
        return way(ANY)((value,)), [told]


def answer_kind(
    value: Json, *, data: Json = None, show: str | None = None, schema: Json = None
) -> str:
    """The name of the kind that the answer is shown as."""
    return _chosen(value, data, show, schema, _NOTHING)[0].name


def kind_names() -> list[str]:
    """What `--show` takes, in the order in which the kinds are asked."""
    plugins.load()
    return [kind.name for kind in KINDS]


def _chosen(
    value: Json, data: Json, show: str | None, schema: Json, linked: Mapping[str, str]
) -> tuple[Kind[Any], Any, list[str]]:
    plugins.load()
    given = Given(data, schema=schema, linked=linked)
    wanted = named(show) if show else None
    if wanted is not None:
        bare = unwrapped(value)
        for part in [bare] if bare is value else [bare, value]:
            read = wanted.read(part, given.asked())
            if read is not None:
                return wanted, read, given.troubles
    kind, read = choose(value, given)
    if wanted is not None:
        given.troubles.append(f"It can't be shown as {wanted.name}; it is shown as {kind.name}.")
    elif show:
        given.troubles.append(f"There is no kind {show!r}; it is shown as {kind.name}.")
    return kind, read, given.troubles


__all__ = [
    "KINDS",
    "answer_html",
    "answer_kind",
    "answer_text",
    "hinted",
    "kind_names",
    "tree_html",
    "unwrapped",
]
