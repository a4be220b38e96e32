"""Whether a source takes what it is to be asked, by what it says of itself.

A local service says it with its model, another source with its metadata. Most sources of the
live networks say nothing: those take anything. The metadata is a stranger's: what it holds is
bounded, and what can't be had or read in time is as if it said nothing.
"""

from __future__ import annotations

import difflib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .content import decode_json
from .errors import ContentError, GatewayUnavailable, InputError, UnknownName
from .forms.metadata import functions_in, named_functions, schema_in
from .render.safe import one_line
from .tasks import SourceStatus, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .content import ContentStore
    from .forms.fields import Checker, Path, Problem
    from .tasks import Json, SourceRecord, TaskRecord

_METADATA_BYTES: Final = 1 << 20
_METADATA_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 60.0  # before a gateway that didn't deliver is asked again
_CHECKING_SECONDS: Final = 10.0  # for all of a batch
_KEPT: Final = 8
_KEPT_CHECKERS: Final = 50
_NAMED: Final = 10  # functions
_SHOWN: Final = 5  # problems, or items that have some
_ABSENT: Final = object()
_UNCHECKED: Final = "`--unchecked` (in Python: unchecked=True) publishes"
_UNREAD: Final = (
    "What the source says of itself could not be read, so its function and the data were "
    "not checked by it."
)


@dataclass
class _Said:
    """What one source says; `until` is when to ask again, where it could not be had."""

    functions: tuple[str, ...] = ()
    metadata: Any = None
    until: float | None = None
    problem: str = ""
    checkers: dict[str, Checker | None] = field(default_factory=dict)

    def checker(self, function: str) -> Checker | None:
        if function not in self.checkers:
            while len(self.checkers) >= _KEPT_CHECKERS:
                self.checkers.pop(next(iter(self.checkers)), None)
            self.checkers[function] = self._made(function)
        return self.checkers[function]

    def _made(self, function: str) -> Checker | None:
        schema = schema_in(self.metadata, function)
        return None if schema is None else _checker(schema)


def _checker(schema: object) -> Checker | None:
    from .forms.documents import Unusable  # noqa: PLC0415 - most sources have no schema
    from .forms.shapes import of_schema  # noqa: PLC0415 - as above

    try:
        return of_schema(schema, "").checker
    except Unusable:
        return None


class Stated:
    """Of the sources of a session; `services` are the addresses of local services by name."""

    def __init__(self, store: ContentStore, services: Mapping[str, str]) -> None:
        self._store = store
        self._local = {address: name for name, address in services.items()}
        self._kept: dict[str, _Said] = {}

    def check(self, source: SourceRecord, drafts: Sequence[TaskRecord]) -> str:
        """Raise what the source would not take of these tasks of one function.

        Else why they could not be checked, empty where they were, or where it says nothing.
        """
        if source.status is not SourceStatus.ACTIVE or not drafts:
            return ""
        said, first = self._said(source), drafts[0]
        if said.functions and first.function not in said.functions:
            raise _no_function(first, said.functions)
        checker = said.checker(first.function)
        if checker is not None:
            _check_data(checker, drafts)
        return f"{_UNREAD} {said.problem}" if said.problem else ""

    def _said(self, source: SourceRecord) -> _Said:
        name = self._local.get(source.address)
        key = f"{source.address} {source.metadata_url}"
        known = self._kept.get(key)
        if known is None or (known.until is not None and time.monotonic() > known.until):
            known = (name and _of_service(name)) or self._of_metadata(source)
            self._kept[key] = known
            while len(self._kept) > _KEPT:
                self._kept.pop(next(iter(self._kept)), None)
        return known

    def _of_metadata(self, source: SourceRecord) -> _Said:
        """A link that no gateway can have, as many sources have, says nothing for good."""
        url = source.metadata_url
        try:
            data = self._store.get(url, max_bytes=_METADATA_BYTES, timeout=_METADATA_SECONDS)
            metadata = decode_json(data)
        except ContentError as error:
            late = isinstance(error, GatewayUnavailable)
            until = time.monotonic() + _AGAIN_SECONDS if late else None
            return _Said(until=until, problem=error.what if late else "")
        functions = named_functions(metadata)
        says = functions or functions_in(metadata) or schema_in(metadata, "")
        return _Said(functions, metadata) if says else _Said()


def _of_service(name: str) -> _Said | None:
    from .forms.shapes import of_model  # noqa: PLC0415 - as above
    from .localnet.services import SERVICES  # noqa: PLC0415 - where there are some

    service = SERVICES.get(name)
    if service is None:
        return None
    checker = of_model(service.input_model, "").checker
    return _Said((service.function,), checkers={service.function: checker})


def _label(draft: TaskRecord) -> str:
    return draft.source_name or draft.source


def _no_function(draft: TaskRecord, functions: Sequence[str]) -> UnknownName:
    known = [one_line(name, 40) for name in functions[:_NAMED]]
    near = difflib.get_close_matches(draft.function, functions, n=1)
    more = len(functions) - len(known)
    there = f"{', '.join(known)}{f', and {more:,} more' if more else ''}"
    meant = f"Did you mean `{one_line(near[0], 40)}`? " if near else ""
    return UnknownName(
        f"The source {_label(draft)} has no function {one_line(draft.function, 60)!r}. "
        f"It has: {there}.",
        hint=f"{meant}{_UNCHECKED} it all the same.",
    )


def _check_data(checker: Checker, drafts: Sequence[TaskRecord]) -> None:
    from .forms.validating import spending  # noqa: PLC0415 - as above

    refused: dict[int, list[str]] = {}
    with spending(_CHECKING_SECONDS):
        for number, draft in enumerate(drafts):
            data = draft.data
            problems = checker.check(data)
            if problems:
                refused[number if draft.item is None else draft.item] = _told(problems, data)
    if refused:
        raise _refusal(refused, drafts)


def _refusal(refused: dict[int, list[str]], drafts: Sequence[TaskRecord]) -> InputError:
    first = drafts[0]
    takes = f"what the function {one_line(first.function, 60)} of {_label(first)} takes"
    if first.item is None:
        lines = next(iter(refused.values()))
        what = f"The data is not {takes}:"
    else:
        what = f"{len(refused):,} of {len(drafts):,} items are not {takes}:"
        lines = [f"item {number}: {_first(told)}" for number, told in refused.items()]
    more = len(lines) - _SHOWN
    shown = [f"  {line}" for line in lines[:_SHOWN]] + ([f"  and {more:,} more"] * (more > 0))
    form = f"`%ogpu form {_label(first)} {one_line(first.function, 60)}` shows what it takes; "
    return InputError("\n".join([what, *shown]), hint=f"{form}{_UNCHECKED} the data as it is.")


def _first(lines: Sequence[str]) -> str:
    more = len(lines) - 1
    return f"{lines[0]} (and {more:,} more)" if more else lines[0]


def _told(problems: Iterable[Problem], data: Json) -> list[str]:
    """Each in a line: the field, what stands there, and what a form says of it."""
    return [one_line(f"{_standing(p.path, data)}{p.message}", 400) for p in problems]


def _standing(path: Path, data: Json) -> str:
    if not path:
        return ""
    where = ""
    for step in path:
        where = place(where, step)
    value = _at(data, path)
    return f"{where} is {'missing' if value is _ABSENT else _shown(value)}: "


def _at(value: Any, path: Path) -> Any:
    try:
        for step in path:
            value = value[step]
    except (KeyError, IndexError, TypeError):
        return _ABSENT
    return value


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"'{value[:40]}…'" if len(value) > 40 else f"'{value}'"
    if isinstance(value, (dict, list)):
        kind, of = ("an object", "field") if isinstance(value, dict) else ("a list", "item")
        return f"{kind} of {len(value):,} {of}{'' if len(value) == 1 else 's'}"
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)[:40]
