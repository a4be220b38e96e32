"""Questions about many tasks at once, whatever their network or notebook: for the history.

It has a connection of its own, so that a table that is scrolled never waits for one that
publishes, and so that SQLite can tell it whether anybody, in this kernel or another, has
written since.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from ogpu_jupyter.errors import UnknownName
from ogpu_jupyter.tasks import Answer, NetworkId, Stage, TaskRecord

from .file import File
from .listing import bring_up_to_date, folded
from .rows import answer_texts, marks, network_text, read_answer, read_record, sql_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_MAX_TERMS: Final = 8
_MAX_TERM: Final = 200
_AT_ONCE: Final = 400
_CUBES: Final = 4
_HEX: Final = re.compile(r"0x[0-9a-f]{2,}|[0-9a-f]{4,}")
_RANK: Final = " ".join(f"WHEN '{stage.value}' THEN {n}" for n, stage in enumerate(Stage))
_SMALL_FIRST: Final = frozenset({"source", "function", "name", "network", "notebook", "status"})

# What a table can be sorted by, in a person's words.
SORTS: Final[Mapping[str, str]] = {
    "created": "created_at",
    "payment": "cost",
    "fee": "fee",
    "status": f"CASE stage {_RANK} END",
    "finished": "finished_at",
    "source": "source_label COLLATE NOCASE",
    "function": "function COLLATE NOCASE",
    "name": "name COLLATE NOCASE",
    "network": "network_name COLLATE NOCASE",
    "notebook": "notebook COLLATE NOCASE",
}
_NULLABLE: Final = frozenset({"fee", "finished", "notebook"})  # what isn't known comes last


@dataclass(frozen=True)
class Filters:
    """Which tasks, and in what order. What is empty filters nothing.

    `network_id` is one chain, `network` the name of any number of them: each local network
    is another chain. `source` is a name or an address. Each word of `text` must stand
    somewhere in a task, in its names, addresses, or the start of its payload.
    """

    network: str = ""
    network_id: NetworkId | None = None
    source: str = ""
    stages: tuple[Stage, ...] = ()
    text: str = ""
    since: float | None = None
    sort: str = "created"
    descending: bool | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.sort not in SORTS:
            raise UnknownName(
                f"Tasks can't be sorted by {self.sort[:40]!r}.",
                hint=f"Sort by one of: {', '.join(SORTS)}.",
            )

    @property
    def downwards(self) -> bool:
        """The newest and the largest first, names from A, where nothing else was asked."""
        return self.sort not in _SMALL_FIRST if self.descending is None else self.descending

    @property
    def terms(self) -> tuple[str, ...]:
        """The words; an address that is shortened as it is shown is two of them."""
        text = folded(self.text[: _MAX_TERM * _MAX_TERMS])
        words = dict.fromkeys(text.replace("\N{HORIZONTAL ELLIPSIS}", " ").split())
        return tuple(word[:_MAX_TERM] for word in list(words)[:_MAX_TERMS])


@dataclass(frozen=True)
class Totals:
    """Of all tasks that were asked for; amounts in wei. `held` may still be paid or returned.

    Strangers' tasks, which were only looked at, are in `others` and in nothing else.
    """

    count: int = 0
    others: int = 0
    held: int = 0
    paid: int = 0
    fees: int = 0
    stages: Mapping[Stage, int] = field(default_factory=dict)

    @property
    def listed(self) -> int:
        """How many a table of them has."""
        return self.count + self.others


@dataclass(frozen=True)
class Facets:
    """How many tasks each choice of a filter would show, the other filters as they are."""

    networks: Mapping[str, int]
    sources: Mapping[str, int]
    stages: Mapping[Stage, int]


@dataclass(frozen=True)
class _Cell:
    """All tasks that are alike in what can be chosen."""

    network: str
    network_name: str
    source: str
    source_label: str
    stage: Stage
    is_own: bool
    count: int
    cost: int
    fees: int


class Queries:
    """The journal at `path`, to be read by many tables at once."""

    def __init__(self, path: Path) -> None:
        self._file = File(path)
        self._lock = threading.Lock()
        self._cubes: dict[object, list[_Cell]] = {}  # by what was asked, the last ones

    @property
    def path(self) -> Path:
        return self._file.path

    def close(self) -> None:
        self._file.close()

    def changes(self) -> int:
        """A number that is another one when anybody has written since."""
        return int(self._file.rows("PRAGMA data_version")[0][0])

    def keys(self, filters: Filters, offset: int = 0, limit: int | None = None) -> list[int]:
        """The numbers of the tasks, in their order; `limit` within that of the filters."""
        bring_up_to_date(self._file)
        where, values = _where(filters)
        end = filters.limit
        if limit is not None:
            end = offset + limit if end is None else min(end, offset + limit)
        window = -1 if end is None else max(0, end - offset)
        sql = f"SELECT key FROM listed WHERE {where} ORDER BY {_order(filters)} LIMIT ? OFFSET ?"  # noqa: S608 - ours
        return [key for (key,) in self._file.rows(sql, *values, window, max(0, offset))]

    def plan(self, filters: Filters) -> list[str]:
        """How SQLite finds them: for whoever changes an index."""
        where, values = _where(filters)
        sql = f"SELECT key FROM listed WHERE {where} ORDER BY {_order(filters)} LIMIT 50"  # noqa: S608 - ours
        return [row[3] for row in self._file.rows(f"EXPLAIN QUERY PLAN {sql}", *values)]

    def records(self, keys: Sequence[int], *, payloads: bool = True) -> Iterator[TaskRecord]:
        """Those tasks, in that order; without `payloads` those are empty, and nothing large
        is read. One that is gone, or can't be read, is left out.
        """
        column = "payload" if payloads else "x''"
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            sql = f"SELECT key, {column}, record FROM tasks WHERE key IN ({marks(some)})"  # noqa: S608 - marks
            found = {key: (payload, text) for key, payload, text in self._file.rows(sql, *some)}
            for key in some:
                if key in found:
                    payload, text = found[key]
                    yield read_record(TaskRecord, text, key=key, payload=payload)

    def record(self, key: int) -> TaskRecord | None:
        return next(self.records([key]), None) if 0 < key < 2**63 else None

    def answers(self, key: int) -> dict[str, Answer]:
        """What has arrived of a task's responses, by the response's address."""
        return {response: read_answer(text) for response, text in answer_texts(self._file, key)}

    def totals(self, filters: Filters) -> Totals:
        """Of all that match, also beyond the limit."""
        found = [cell for cell in self._cells(filters) if _matches(cell, filters)]
        cells = [cell for cell in found if cell.is_own]
        paid = [cell for cell in cells if cell.stage is Stage.FINALIZED]
        held = [c for c in cells if c.stage is not Stage.FINALIZED and c.stage.has_cost]
        return Totals(
            count=sum(cell.count for cell in cells),
            others=sum(cell.count for cell in found if not cell.is_own),
            held=sum(cell.cost for cell in held),
            paid=sum(cell.cost for cell in paid),
            fees=sum(cell.fees for cell in cells),
            stages=_counted(cells, lambda cell: cell.stage),
        )

    def facets(self, filters: Filters) -> Facets:
        cells = self._cells(filters)

        def among(*skip: str) -> list[_Cell]:
            return [cell for cell in cells if _matches(cell, filters, skip)]

        return Facets(
            networks=_counted(among("network"), lambda cell: cell.network_name),
            sources=_counted(among("source"), lambda cell: cell.source_label),
            stages=_counted(among("stages"), lambda cell: cell.stage),
        )

    def _cells(self, filters: Filters) -> list[_Cell]:
        """One pass over the table serves the totals and every choice, until it changes."""
        key = (self.changes(), filters.terms, filters.since)  # before it is read: never stale
        bring_up_to_date(self._file)
        with self._lock:
            if key not in self._cubes:
                self._cubes[key] = list(self._read_cells(filters))
            while len(self._cubes) > _CUBES:
                self._cubes.pop(next(iter(self._cubes)))
            return self._cubes[key]

    def _read_cells(self, filters: Filters) -> Iterator[_Cell]:
        where, values = _where(Filters(text=filters.text, since=filters.since))
        names = "network, network_name, source, source_label, stage"
        own = "key NOT IN (SELECT key FROM tasks WHERE account = '') AS own"
        sums = "count(*), wei_sum(cost), wei_sum(fee)"
        sql = f"SELECT {names}, {own}, {sums} FROM listed WHERE {where} GROUP BY {names}, own"  # noqa: S608 - ours
        for *named, stage, is_own, count, cost, fees in self._file.rows(sql, *values):
            numbers = (count, int(cost), int(fees))
            network, name, source, label = named
            yield _Cell(network, name, source, label, Stage(stage), bool(is_own), *numbers)


def _where(filters: Filters) -> tuple[str, list[Any]]:
    where, values = list[str](), list[Any]()

    def add(condition: str, *more: Any) -> None:
        where.append(condition)
        values.extend(more)

    if filters.network_id is not None:
        add("network = ?", network_text(filters.network_id))
    if filters.network:
        add("network_name = ?", sql_text(filters.network))
    if filters.source:
        source = sql_text(filters.source)
        add("(source_label = ? OR source = ?)", source, source.lower())
    if filters.stages:
        add(f"stage IN ({marks(filters.stages)})", *(stage.value for stage in filters.stages))
    if filters.since is not None:
        add("created_at >= ?", filters.since)
    if filters.terms:
        found, terms = _found(filters.terms)
        add(f"key IN (SELECT key FROM listed_words WHERE {found})", *terms)  # noqa: S608 - ours
    return " AND ".join(where) or "1", values


def _found(terms: Sequence[str]) -> tuple[str, list[str]]:
    """`instr` takes what was typed as it is: a `%` or `_` in it is no pattern.

    A short number is no part of an address: nearly every one has it somewhere.
    """
    conditions, values = list[str](), list[str]()
    for term in terms:
        columns = ("words", "hexes") if _HEX.fullmatch(term) else ("words",)
        conditions.append("(" + " OR ".join(f"instr({c}, ?) > 0" for c in columns) + ")")
        values.extend([term] * len(columns))
    return " AND ".join(conditions), values


def _order(filters: Filters) -> str:
    way = "DESC" if filters.downwards else "ASC"
    column = SORTS[filters.sort]
    known = f"{column.split()[0]} IS NULL, " if filters.sort in _NULLABLE else ""
    return f"{known}{column} {way}, key {way}"


def _matches(cell: _Cell, filters: Filters, skip: Iterable[str] = ()) -> bool:
    """As `_where`, for what is counted by cells."""
    here = filters.network_id
    checks = {
        "network": (not filters.network or cell.network_name == sql_text(filters.network))
        and (here is None or cell.network == network_text(here)),
        "source": not filters.source
        or sql_text(filters.source) == cell.source_label
        or filters.source.lower() == cell.source,
        "stages": not filters.stages or cell.stage in filters.stages,
    }
    return all(passed for name, passed in checks.items() if name not in skip)


def _counted(cells: Iterable[_Cell], of: Callable[[_Cell], Any]) -> dict[Any, int]:
    """The largest first."""
    counts: dict[Any, int] = {}
    for cell in cells:
        counts[of(cell)] = counts.get(of(cell), 0) + cell.count
    return dict(sorted(counts.items(), key=lambda each: -each[1]))


def queries_at(path: Path) -> Queries:
    """One connection for all histories of a journal, however often a person looks."""
    with _opening:
        found = _shared.get(path)
        if found is None:
            found = _shared[path] = Queries(path)
        return found


_opening: Final = threading.Lock()
_shared: Final[WeakValueDictionary[Path, Queries]] = WeakValueDictionary()
