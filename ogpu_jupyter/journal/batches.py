"""The rows of a batch and the tasks that were published for them: the same by their content.

Each task stands for one row, so two equal rows are two tasks. The look costs as much as the
rows that are asked for, whatever else the journal holds: a column has each row's content.
Files of an older version have none yet, so what lacks it is filled in when it is looked for.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.errors import JournalError
from ogpu_jupyter.tasks import IN_VAIN, Stage, TaskRecord

from .rows import marks, read_record, sql_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from .file import File

    IsDead = Callable[[int, Stage, str, dict[str, bool]], bool]

NO_ROW: Final = "-"  # the content of a task that is in no batch
_AT_ONCE: Final = 500


class Rows:
    """One look; `dead` has the tasks of kernels that are no more, which stand for nothing."""

    def __init__(self, file: File, is_dead: IsDead) -> None:
        self._file = file
        self._is_dead = is_dead
        self.dead: list[int] = []

    def matched(
        self, drafts: Sequence[TaskRecord], contents: Sequence[str], taken: Collection[int]
    ) -> list[int | None]:
        """For each draft the task's number: at its own place first, then at any other."""
        self._fill({draft.name for draft in drafts})
        left = self._earlier(contents, frozenset(taken))
        found: list[int | None] = []
        for draft, content in zip(drafts, contents, strict=True):
            here = left[content].at(draft.item) if content in left else None
            found.append(here)
        for place, content in enumerate(contents):
            if found[place] is None and content in left:
                found[place] = left[content].any()
        return found

    def _earlier(self, contents: Sequence[str], taken: frozenset[int]) -> dict[str, _Same]:
        found: dict[str, _Same] = {}
        alive: dict[str, bool] = {}
        different = list(dict.fromkeys(contents))
        for start in range(0, len(different), _AT_ONCE):
            some = different[start : start + _AT_ONCE]
            sql = (
                "SELECT key, content, stage, json_extract(record, '$.owner'),"  # noqa: S608 - marks
                f" json_extract(record, '$.item') FROM tasks WHERE content IN ({marks(some)})"
                f" AND content <> '' AND stage NOT IN ({marks(IN_VAIN)}) ORDER BY key"
            )
            for key, content, stage, owner, item in self._file.rows(sql, *some, *IN_VAIN):
                if key in taken:
                    continue
                if self._is_dead(key, Stage(stage), owner or "", alive):
                    self.dead.append(key)
                else:
                    found.setdefault(content, _Same()).add(key, item)
        return found

    def _fill(self, names: Iterable[str]) -> None:
        sql = "SELECT key, payload, record FROM tasks WHERE name = ? AND content = '' LIMIT ?"
        for name in map(sql_text, names):
            while self._file.rows(sql, name, 1):
                with self._file.atomic():
                    for key, payload, text in self._file.rows(sql, name, _AT_ONCE):
                        content = _content(key, payload, text)
                        self._file.rows("UPDATE tasks SET content = ? WHERE key = ?", content, key)


def _content(key: int, payload: bytes, text: str) -> str:
    try:
        record = read_record(TaskRecord, text, key=key, payload=payload)
        content = NO_ROW if record.item is None else record.content
    except (JournalError, ValueError):  # what can't be read is the same as nothing
        content = NO_ROW
    return content


class _Same:
    """The tasks of one content, each to be given away once, the oldest first."""

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._by_item: defaultdict[int | None, deque[int]] = defaultdict(deque)
        self._given: set[int] = set()

    def add(self, key: int, item: int | None) -> None:
        self._order.append(key)
        self._by_item[item].append(key)

    def at(self, item: int | None) -> int | None:
        return self._next(self._by_item[item]) if item in self._by_item else None

    def any(self) -> int | None:
        return self._next(self._order)

    def _next(self, keys: deque[int]) -> int | None:
        while keys:
            if (key := keys.popleft()) not in self._given:
                self._given.add(key)
                return key
        return None
