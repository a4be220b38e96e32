"""A notebook's tasks again, from its file: out of the journal, else off the chain.

What neither of them knows is shown as the file tells it, and no more than that. No network
is needed: where this kernel isn't connected, the journal's last word is shown, and said to
be that.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from .errors import NOTHING_SPENT, NotConnected, OgpuError, UnknownName
from .live import showing_of
from .render.drawing import AS_FOUND, Showing, wanted_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .handle import Task
    from .journal import Journal
    from .notebooks import Facts
    from .session import Session
    from .tasks import Answer, TaskRecord

_PATIENCE_SECONDS: Final = 20.0
_MAX_ASKED: Final = 24


class Kept:
    """A task as it was last seen: nothing more is heard of it here, and nothing can be done."""

    def __init__(
        self, record: TaskRecord, answers: Mapping[str, Answer] | None = None, note: str = ""
    ) -> None:
        self.record = record
        self.answers: Mapping[str, Answer] = answers or {}
        self.note = note
        self.showing = AS_FOUND

    def show_as(self, kind: str) -> None:
        """Its answers as this kind, whatever their shape."""
        self.showing = Showing(wanted_kind(kind))

    def chain_time(self) -> float:
        """This machine's clock: no chain's is known."""
        return time.time()

    def subscribe(self, _callback: Callable[[], None], /) -> Callable[[], None]:
        return lambda: None

    def confirm(self, _response: object = None, /) -> object:
        raise _cannot(self.record)

    def cancel(self) -> object:
        raise _cannot(self.record)


def _cannot(record: TaskRecord) -> NotConnected:
    return NotConnected(f"The task is on {_network(record)}. {NOTHING_SPENT}")


def rebuild(tasks: Sequence[Facts], journal: Journal, session: Session | None) -> list[Kept | Task]:
    """A task for each, in this order and each once; live where the session can follow it."""
    shelf, asked = _Shelf(journal, tasks), _Asked(session)
    found: dict[object, Kept | Task] = {}
    for known in tasks:
        record = shelf.find(known)
        task = asked.ask(known) if record is None else _journalled(record, journal, session)
        if not showing_of(task).kind:
            _show_as(task, known.show)
        found.setdefault(task.record.key or id(task), task)
    return list(found.values())


def _show_as(task: Kept | Task, kind: str) -> None:
    """As the notebook showed it; as found, where this kernel doesn't have the kind."""
    if kind:
        with suppress(UnknownName):
            task.show_as(kind)


class _Shelf:
    """The journal's tasks that a notebook may mean, read at once."""

    def __init__(self, journal: Journal, tasks: Sequence[Facts]) -> None:
        self._journal = journal
        self._seldom = _MAX_ASKED
        self._index: dict[str, list[TaskRecord]] = {}
        for record in journal.known([text for known in tasks for text in known.references]):
            for text in filter(None, (record.address, record.tx_hash)):
                self._index.setdefault(text.lower(), []).append(record)

    def find(self, known: Facts) -> TaskRecord | None:
        named = [r for text in known.references for r in self._index.get(text, ())]
        if not named and not known.task and self._seldom > 0:
            self._seldom -= 1
            named = self._search(known)
        return next((record for record in named if known.is_on(record.network_id)), None)

    def _search(self, known: Facts) -> list[TaskRecord]:
        """By a transaction that was replaced since, or by the words of what was never sent."""
        found = self._journal.find(None, known.tx or known.name)
        words = (known.source.lower(), known.function, known.created_at)
        return [
            self._journal.task(record.key)  # with its payload
            for record in found
            if known.tx or (record.source.lower(), record.function, int(record.created_at)) == words
        ]


def _journalled(record: TaskRecord, journal: Journal, session: Session | None) -> Kept | Task:
    if session is not None and record.network_id == session.network_id:
        return session.handle(record.key)
    note = "" if record.stage.is_final else _elsewhere(record, session)
    return Kept(record, journal.answers(record.key), note)


def _elsewhere(record: TaskRecord, session: Session | None) -> str:
    if session is None:
        return f"As it was last seen. This kernel is not connected to {_network(record)}."
    return (
        f"As it was last seen. It is on {_network(record)}; this kernel is connected to "
        f"{session.network.name}{_same_word(record, session)}."
    )


def _network(record: TaskRecord) -> str:
    chain = record.network_id.chain_id
    return record.network if str(chain) in record.network else f"{record.network} (chain {chain})"


def _same_word(record: TaskRecord, session: Session) -> str:
    """Two local networks have the same name and number, and are two chains."""
    return ", but to another chain" if record.network == session.network.name else ""


class _Asked:
    """Asks the chain for what the journal doesn't have, for as long as a person waits."""

    def __init__(self, session: Session | None) -> None:
        self._session = session
        self._left = _MAX_ASKED
        self._until = time.monotonic() + _PATIENCE_SECONDS

    def ask(self, known: Facts) -> Kept | Task:
        record, session = known.record(), self._session
        if session is None:
            return Kept(
                record, note=_alone("Once this kernel is connected, the chain can be asked.")
            )
        if not known.is_on(session.network_id):
            return Kept(record, note=_alone(_elsewhere(record, session).partition(". ")[2]))
        if not known.task:
            return Kept(record, note=_alone("The chain is asked by address, and it has none yet."))
        if self._left <= 0 or time.monotonic() > self._until:
            hint = f"Type `%ogpu show {known.task}` to ask the chain."
            return Kept(record, note=_alone(hint))
        self._left -= 1
        try:
            return session.task(known.task)
        except OgpuError as error:
            return Kept(record, note=_alone(f"The chain was asked: {error.what}"))


def _alone(why: str) -> str:
    return f"Only the notebook tells of it: this journal doesn't have the task. {why}"
