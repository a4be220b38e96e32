"""The history as a live table: a window onto the journal that asks for the rows it shows.

The page holds some dozens of rows, whatever the journal holds. It asks for others as it is
scrolled; the kernel sends the rows in view again when the journal has changed, in this
kernel or in another one, also while a cell runs. Every string is set as text in the page.

Nothing that is saved with a notebook depends on it: no row is ever a trait.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import anywidget
import ipywidgets
import traitlets

from ogpu_jupyter.errors import OgpuError
from ogpu_jupyter.journal.queries import SORTS, Filters
from ogpu_jupyter.render.history import row, totals_text
from ogpu_jupyter.render.safe import one_line
from ogpu_jupyter.render.stages import stage_word
from ogpu_jupyter.render.style import base_rules
from ogpu_jupyter.render.words import brief_amount
from ogpu_jupyter.tasks import ResponseStatus, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ogpu_jupyter.journal.queries import Queries
    from ogpu_jupyter.live import Shown
    from ogpu_jupyter.tasks import TaskRecord

_log = logging.getLogger("ogpu_jupyter")
_HERE: Final = Path(__file__).parent
_POLL_SECONDS: Final = 1.0
_LEASE_SECONDS: Final = 900.0  # a page that was closed says nothing; one that is open does
_RECORD_SECONDS: Final = 5.0  # between two drawings of the saved record
_MAX_ROWS: Final = 400  # in one message
_MAX_CHOICES: Final = 200
_MAX_PAGES: Final = 8
_OPEN: Final = tuple(stage for stage in Stage if not stage.is_final)
_CONNECTED: Final = "@connected"


class Past(Protocol):
    """The history as its table sees it."""

    filters: Filters
    queries: Queries

    def html(self, mark: str = "", /) -> str: ...
    def chain_time(self) -> float: ...
    def is_mine(self, record: TaskRecord, /) -> bool: ...
    def task(self, record: TaskRecord, /) -> Shown | None: ...
    def view(self, record: TaskRecord, /) -> ipywidgets.Widget: ...
    def export(self, filters: Filters, /) -> str: ...


class Grid(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """The page's part. `mark` is the class of the record that it stands for while it lives."""

    _esm = (_HERE / "history.js").read_text("utf-8")
    _css = base_rules() + (_HERE / "history.css").read_text("utf-8")
    mark = traitlets.Unicode().tag(sync=True)
    start = traitlets.Dict().tag(sync=True)


@dataclass(frozen=True)
class Offer:
    """What can be done with a task in one row; `sure` is what the second press says."""

    what: str
    words: str
    sure: str = ""
    response: str = ""


def offer_of(record: TaskRecord) -> Offer | None:
    """Cancel while nobody has taken it, confirm the one answer, or look at several."""
    if record.stage.is_final:
        return None
    if record.is_untaken:
        return Offer("cancel", "Cancel", f"Cancel · {brief_amount(record.payment)} back?")
    waiting = [r for r in record.responses if r.status is ResponseStatus.SUBMITTED]
    if len(waiting) > 1:
        return Offer("open", f"Choose of {len(waiting)}")
    if not waiting:
        return None
    price = brief_amount(waiting[0].payment)
    return Offer("confirm", "Confirm", f"Confirm · pays {price}?", waiting[0].address)


def page(html: str) -> ipywidgets.Widget:
    """A view of a task that nothing more can be done with from here."""
    return ipywidgets.HTML(html, layout=ipywidgets.Layout(width="auto"))


class Table:
    """The table, and below it the view of the task that was opened.

    `renewed` draws the saved record anew; it is called seldom, and never while nothing
    has changed.
    """

    def __init__(self, past: Past, mark: str, renewed: Callable[[], object]) -> None:
        self._past = past
        self._queries = past.queries
        self._renewed = renewed
        self._lock = threading.RLock()
        self._pages: dict[str, Mapping[str, Any]] = {}  # what each page looks at
        self._watchers: dict[str, float] = {}  # and until when it is believed to be there
        self._thread: threading.Thread | None = None
        self._context = contextvars.copy_context()
        self._busy: dict[int, str] = {}
        self._done: set[tuple[int, str]] = set()
        self.opened: int | None = None
        self.grid = Grid(mark=mark, start=_start(past.filters))
        self.slot = ipywidgets.VBox(layout=ipywidgets.Layout(overflow="hidden"))
        self.box = ipywidgets.VBox(
            [self.grid, self.slot], layout=ipywidgets.Layout(overflow="hidden")
        )
        self.grid.on_msg(self._heard)

    def _heard(self, _widget: object, content: Any, _buffers: object) -> None:
        """A word of the page; an error of ours is told there, not lost in a log."""
        hear = {
            "rows": self._asked,
            "watch": self._watched,
            "open": self._open,
            "act": self._act,
            "export": self._export,
        }.get(content.get("kind", "") if isinstance(content, dict) else "")
        if hear is None:
            return
        try:
            hear(content)
        except OgpuError as error:
            self._say(str(error), bad=True)
        except Exception as error:  # noqa: BLE001 - a word of the page must not end the kernel's comm
            _log.exception("The history's table can't do it.")
            self._say(f"{type(error).__name__}: {error}", bad=True)

    # Rows

    def _asked(self, asked: Mapping[str, Any]) -> None:
        name = str(asked.get("view", ""))[:40]
        with self._lock:
            self._pages.pop(name, None)
            self._pages[name] = asked
            while len(self._pages) > _MAX_PAGES:
                self._pages.pop(next(iter(self._pages)))
        self._send_rows(name, asked)

    def _send_rows(self, name: str, asked: Mapping[str, Any]) -> None:
        filters = self._filters(asked)
        offset = max(0, int(asked.get("offset", 0)))
        wanted = min(_MAX_ROWS, max(0, int(asked.get("limit", 0))))
        totals = self._queries.totals(filters)
        facets = self._queries.facets(filters)
        keys = self._queries.keys(filters, offset, wanted)
        count = totals.listed if filters.limit is None else min(totals.listed, filters.limit)
        self.grid.send(
            {
                "kind": "rows",
                "view": name,
                "id": asked.get("id"),
                "offset": offset,
                "count": count,
                "rows": [self._row(r) for r in self._queries.records(keys, payloads=False)],
                "totals": totals_text(totals.count, totals.held, totals.paid, totals.fees),
                "networks": _choices(facets.networks),
                "sources": _choices(facets.sources),
                "stages": [[s.value, stage_word(s), n] for s, n in facets.stages.items()],
                "open": sum(n for s, n in facets.stages.items() if s in _OPEN),
                "now": self._past.chain_time(),
                "opened": self.opened,
            }
        )

    def _row(self, record: TaskRecord) -> dict[str, Any]:
        offer = offer_of(record) if self._past.is_mine(record) else None
        facts = {**row(record), "busy": self._busy.get(record.key, "")}
        if offer is not None and (record.key, offer.response) not in self._done:
            facts |= {"act": offer.what, "words": offer.words, "sure": offer.sure}
            facts |= {"response": offer.response}
        return facts

    def _filters(self, asked: Mapping[str, Any]) -> Filters:
        """What the page's controls say; what they don't is as the table was made."""
        network = str(asked.get("network", ""))
        sort = str(asked.get("sort", "created"))
        return replace(
            self._past.filters,
            network="" if network == _CONNECTED else network,
            network_id=self._past.filters.network_id if network == _CONNECTED else None,
            source=str(asked.get("source", "")),
            stages=_stages(str(asked.get("status", ""))),
            text=str(asked.get("text", "")),
            sort=sort if sort in SORTS else "created",
            descending=bool(asked.get("down", True)),
        )

    # Changes

    def _watched(self, said: Mapping[str, Any]) -> None:
        """A page is looked at, or isn't any more; it says so again from time to time."""
        name = str(said.get("view", ""))[:40]
        with self._lock:
            self._watchers.pop(name, None)
            if not said.get("on"):
                return
            self._watchers[name] = time.monotonic() + _LEASE_SECONDS
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._context.copy().run,
                    args=(self._follow,),
                    name="ogpu-history",
                    daemon=True,
                )
                self._thread.start()

    def _follow(self) -> None:
        """Once a second: has anybody written? On its own thread, so that a cell may run."""
        seen, recorded, pause = -1, time.monotonic(), _POLL_SECONDS  # the first look draws all
        is_recorded = True
        while self._is_watched():
            time.sleep(pause)
            now = time.monotonic()
            try:
                if (version := self._queries.changes()) != seen:
                    seen, is_recorded = version, False
                    self._send_all()
                if not is_recorded and now - recorded > _RECORD_SECONDS:
                    recorded, is_recorded = now, True
                    self._renewed()
            except Exception:  # noqa: BLE001 - on this thread nobody else would tell it
                _log.exception("The history can't be followed; its table stays as it is.")
                with self._lock:
                    self._thread = None
                return
            pause = max(_POLL_SECONDS, 4 * (time.monotonic() - now))

    def _is_watched(self) -> bool:
        now = time.monotonic()
        with self._lock:
            if self.grid.comm is not None and any(end > now for end in self._watchers.values()):
                return True
            self._thread = None
            return False

    def _send_all(self) -> None:
        with self._lock:
            pages = [(n, asked) for n, asked in self._pages.items() if n in self._watchers]
        for name, asked in pages:
            self._send_rows(name, asked)

    @property
    def is_idle(self) -> bool:
        """Nobody looks, so nothing is polled."""
        return self._thread is None

    # What a person does

    def _open(self, said: Mapping[str, Any]) -> None:
        """Show the task below; the one that is shown is closed, also by asking for it again."""
        key = int(said.get("key") or 0)
        old, self.slot.children = self.slot.children, ()
        for widget in old:
            _close(widget)
        record = self._queries.record(key) if key and key != self.opened else None
        self.opened = record.key if record else None
        if record is not None:
            self.slot.children = (self._past.view(record),)
        self.grid.send({"kind": "opened", "key": self.opened})

    def _act(self, said: Mapping[str, Any]) -> None:
        """Confirm or cancel, once: what was agreed to is what is done, or nothing is."""
        key, response = int(said.get("key") or 0), str(said.get("response", ""))
        record = self._queries.record(key)
        task = self._past.task(record) if record is not None else None
        if record is None or task is None:
            self._say("Its network is not connected. Nothing was done.", bad=True)
            return
        offer = offer_of(task.record)
        agreed = (said.get("what"), response, said.get("sure"))
        if offer is None or agreed != (offer.what, offer.response, offer.sure):
            self._say("The task has changed meanwhile. Nothing was done.", bad=True)
            self._send_all()
            return
        with self._lock:
            if key in self._busy or (key, response) in self._done:
                return
            self._busy[key] = "Canceling…" if offer.what == "cancel" else "Paying…"
        threading.Thread(
            target=contextvars.copy_context().run,
            args=(self._work, task, offer, key),
            name="ogpu-press",
            daemon=True,
        ).start()
        self._send_all()

    def _work(self, task: Shown, offer: Offer, key: int) -> None:
        problem = ""
        try:
            if offer.what == "cancel":
                task.cancel()
            else:
                task.confirm(next(r for r in task.record.responses if r.address == offer.response))
        except OgpuError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - on this thread nobody else would tell it
            problem = f"{type(error).__name__}: {error}"
        with self._lock:
            self._busy.pop(key, None)
            if not problem:
                self._done.add((key, offer.response))
        if self.grid.comm is not None:
            done = f"Canceled #{key}." if offer.what == "cancel" else f"Confirmed #{key}."
            self._say(problem or done, bad=bool(problem))
            self._send_all()

    def _export(self, said: Mapping[str, Any]) -> None:
        self._say(self._past.export(self._filters(said)))

    def _say(self, text: str, *, bad: bool = False) -> None:
        self.grid.send({"kind": "said", "text": one_line(text, 600), "bad": bad})


def _start(filters: Filters) -> dict[str, Any]:
    """The page's controls as they are at first."""
    whole = filters.stages == _OPEN
    return {
        "network": filters.network or (_CONNECTED if filters.network_id else ""),
        "connected": filters.network_id is not None,
        "source": filters.source,
        "status": "open" if whole else ",".join(stage.value for stage in filters.stages),
        "text": filters.text,
        "sort": filters.sort,
        "down": filters.downwards,
    }


def _stages(words: str) -> tuple[Stage, ...]:
    if words == "open":
        return _OPEN
    named = set(words.split(","))
    return tuple(stage for stage in Stage if stage.value in named)


def _choices(counts: Mapping[str, int]) -> list[list[Any]]:
    """Value, words and number; what is chosen by is the string as the journal has it."""
    return [[value, one_line(value, 60), n] for value, n in list(counts.items())[:_MAX_CHOICES]]


def _close(widget: ipywidgets.Widget) -> None:
    """Take a view and all its parts from the kernel and from the page."""
    for child in getattr(widget, "children", ()):
        _close(child)
    for part in (widget, getattr(widget, "layout", None), getattr(widget, "style", None)):
        if part is not None:
            part.close()
