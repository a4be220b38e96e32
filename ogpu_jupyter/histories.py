"""`History`: the tasks of the journal, over all notebooks, kernels and networks.

It needs no network. What can be done with a task from its table needs the session that it
belongs to, which is asked for at the moment of doing.
"""

from __future__ import annotations

import difflib
import time
from datetime import datetime, timezone
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from . import display, render
from .errors import InputError, NotConnected, UnknownName
from .journal import journal_path
from .journal.queries import Filters, Totals, queries_at
from .render.history import history_html, history_text, stages_text, totals_text
from .render.stages import stage_word
from .render.words import plural
from .tasks import Stage, TaskRecord
from .units import WEI_PER_OGPU, parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ipywidgets import Widget

    from .handle import Task
    from .session import Session
    from .tasks import Answer, NetworkId

    Find = Callable[[], Session | None]

SHOWN: Final = 50  # of the newest, in the record that is saved with a notebook
_OPEN: Final = tuple(stage for stage in Stage if not stage.is_final)
_LIBRARIES: Final = {"pandas": "pandas", "polars": "polars", "arrow": "pyarrow"}
_FRAMES: Final = {"pandas": "pandas DataFrame", "polars": "Polars DataFrame", "arrow": "table"}
_WAYS: Final = {"": None, "asc": False, "desc": True}


class History:
    """Many tasks: iterate over it for their records, newest first.

    It is read from the journal each time, so it is always as it is now.
    """

    def __init__(
        self, filters: Filters, path: Path | None = None, find: Find = lambda: None
    ) -> None:
        self.filters = filters
        path = path or journal_path()
        self.queries = queries_at(path)
        self.frame_name = "tasks_frame"
        self._find = find

    @property
    def totals(self) -> Totals:
        """Of all that match, also beyond the limit; amounts in wei."""
        return self.queries.totals(self.filters)

    @property
    def records(self) -> list[TaskRecord]:
        return list(self)

    @property
    def tasks(self) -> list[Task]:
        """The handles of those on the network that is connected."""
        session = self.session()
        if session is None:
            raise NotConnected
        here = [record for record in self if record.network_id == session.network_id]
        return [session.handle(record.key) for record in here]

    def __iter__(self) -> Iterator[TaskRecord]:
        return self.queries.records(self.queries.keys(self.filters))

    def __len__(self) -> int:
        count = self.totals.listed
        return count if self.filters.limit is None else min(count, self.filters.limit)

    def to_frame(self, kind: str = "pandas") -> Any:
        """A row for each task; `kind` is pandas, polars or arrow."""
        from .frames import Columns, built, library_of  # noqa: PLC0415 - a person's libraries

        library = library_of(kind)
        rows = [_cells(record) for record in self]
        cells = [[row[n] for row in rows] for n in range(len(_FRAME))]
        return built(Columns(list(_FRAME), cells, list(_FRAME.values())), kind, library)

    def export(self, filters: Filters) -> str:
        """Put a frame of what the table shows into a variable; says which."""
        kinds = [kind for kind, name in _LIBRARIES.items() if find_spec(name)]
        kind = kinds[0] if kinds else "pandas"
        frame = History(filters, self.queries.path, self._find).to_frame(kind)
        name = display.keep(self.frame_name, frame)
        return f"{plural(len(frame), 'task')} in `{name}`, a {_FRAMES[kind]}."

    # Seen

    def newest(self) -> list[TaskRecord]:
        """Those that stand in the saved record."""
        keys = self.queries.keys(self.filters, 0, SHOWN)
        return list(self.queries.records(keys, payloads=False))

    def said(self, shown: int) -> list[str]:
        """The lines under the table."""
        totals = self.totals
        more = f"{shown:,} of {totals.listed:,} are shown." if shown < totals.listed else ""
        words = totals_text(totals.count, totals.held, totals.paid, totals.fees)
        counted = f"{words} ({stages_text(totals.stages)})" if totals.count else ""
        others = f"{plural(totals.others, 'task')} of others: not counted." if totals.others else ""
        return [more, counted, others]

    def __repr__(self) -> str:
        records = self.newest()
        return history_text(records, self.chain_time(), self.said(len(records)))

    def html(self, mark: str = "") -> str:
        records = self.newest()
        return history_html(records, self.chain_time(), self.said(len(records)), mark)

    def _repr_html_(self) -> str:
        return self.html()

    def _ipython_display_(self) -> None:
        """At the end of a notebook's cell: the live table. Elsewhere IPython shows the text."""
        if not display.in_notebook():
            raise NotImplementedError
        display.show_history(self)

    # What can be done with a task

    def session(self) -> Session | None:
        """The session that reads and writes the same journal, if one is connected now."""
        session = self._find()
        if session is None or session.closed or session.journal.path != self.queries.path:
            return None
        return session

    def chain_time(self) -> float:
        """On the clock of the chain that is connected, else on this machine's."""
        session = self.session()
        return time.time() if session is None else session.chain_time()

    def task(self, record: TaskRecord) -> Task | None:
        """Its handle; None where its network isn't the one that is connected."""
        session = self.session()
        if session is None or session.network_id != record.network_id:
            return None
        return session.task(f"#{record.key}")

    def is_mine(self, record: TaskRecord) -> bool:
        """It can be confirmed and canceled here and now."""
        session = self.session()
        if session is None or session.network_id != record.network_id:
            return False
        return session.account.lower() == record.account.lower()

    def view(self, record: TaskRecord) -> Widget:
        """The live view; of a task elsewhere, what the journal has."""
        task = self.task(record)
        if task is not None:
            return task.view()
        from .widgets.history import page  # noqa: PLC0415 - ipywidgets is heavy

        answers: Mapping[str, Answer] = self.queries.answers(record.key)
        return page(render.html(record, answers, time.time()))


def history(
    path: Path | None,
    find: Find,
    here: NetworkId | None,
    *,
    network: str | None = None,
    source: str = "",
    status: str | Stage | None = None,
    text: str = "",
    since: str | float | None = None,
    sort: str = "created",
    limit: int | None = None,
) -> History:
    """`network` is `all`, a name, or by default the one that is connected (`here`)."""
    key, _, way = sort.partition(":")
    if way not in _WAYS:
        raise InputError(f"{way[:20]!r} is no order.", hint="Type `asc` or `desc`.")
    if limit is not None and limit < 0:
        raise InputError(f"The limit is {limit}.", hint="Type a number of tasks, such as 100.")
    filters = Filters(
        network="" if network in {None, "all"} else str(network),
        network_id=here if network is None else None,
        source=str(getattr(source, "address", source) or ""),
        stages=read_stages(status),
        text=text or "",
        since=_moment(since),
        sort=key or "created",
        descending=_WAYS[way],
        limit=limit,
    )
    return History(filters, path, find)


def read_stages(status: str | Stage | None) -> tuple[Stage, ...]:
    """`responded`, `paid`, `not sent`, `open`: the words of the views; several with commas."""
    words = [] if status is None else str(getattr(status, "value", status)).split(",")
    found = dict.fromkeys(stage for word in words if word.strip() for stage in _stages(word))
    return tuple(found)


def _stages(word: str) -> tuple[Stage, ...]:
    text = word.strip().lower().replace("_", " ").replace("-", " ")
    known: dict[str, tuple[Stage, ...]] = {"open": _OPEN, "all": tuple(Stage)}
    known |= {stage.value: (stage,) for stage in Stage}
    known |= {stage_word(stage).lower(): (stage,) for stage in Stage}
    known["expired"] = (Stage.LATE, Stage.EXPIRED)  # its time is over, whoever says so
    if text in known:
        return known[text]
    near = difflib.get_close_matches(text, known, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise UnknownName(
        f"{word.strip()[:40]!r} is no status of a task.", hint=f"{hint}One of: {', '.join(known)}."
    )


def _moment(since: str | float | None) -> float | None:
    """A duration back from now, or unix seconds."""
    if isinstance(since, str):
        return time.time() - parse_duration(since)
    return since if since is None else float(getattr(since, "timestamp", lambda: since)())


# The columns of a frame, each with its type.
_FRAME: Final = {
    "task": "integer", "name": "text", "item": "integer", "status": "text", "network": "text",
    "chain_id": "integer", "source": "text", "source_name": "text", "function": "text",
    "payment": "number", "payment_wei": "text", "fee": "number", "fee_wei": "text",
    "created": "time", "published": "time", "finished": "time", "expires": "time",
    "attempts": "integer", "responses": "integer", "winner": "text", "address": "text",
    "tx_hash": "text", "account": "text", "notebook": "text", "problem": "text",
}  # fmt: skip


def _cells(record: TaskRecord) -> list[Any]:
    """Amounts in OGPU to calculate with, and exact in wei, which fit no column of integers."""
    paid = record.cost
    fee = record.fee
    times = (record.created_at, record.published_at, record.finished_at, record.expires_at)
    return [
        *(record.key, record.name, record.item, stage_word(record.stage).lower()),
        *(record.network, record.network_id.chain_id, record.source, record.source_name or None),
        *(record.function, paid / WEI_PER_OGPU, str(paid)),
        *((None, None) if fee is None else (fee / WEI_PER_OGPU, str(fee))),
        *(None if at is None else _iso(at) for at in times),
        *(len(record.attempts), len(record.responses), record.winner or None),
        *(record.address or None, record.tx_hash or None, record.account or None),
        *(record.notebook or None, record.problem or None),
    ]


def _iso(at: float) -> str:
    return datetime.fromtimestamp(int(at), timezone.utc).isoformat()
