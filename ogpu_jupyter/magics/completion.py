"""What Tab offers on a magic's line and between `{{ }}` in its body.

Nothing here waits: names come from the notebook, the journal, and a network that is
connected already. Tab imports nothing heavy and asks no node.
"""

from __future__ import annotations

import inspect
import re
import sys
from typing import TYPE_CHECKING, Any, Final

from IPython.core.completer import SimpleCompletion, context_matcher

from ogpu_jupyter.errors import NotConnected

from .commands import NETWORKS, OGPU, STATUSES, TASK, TASK_ORDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from ogpu_jupyter.session import Session

    from .commands import Command, Option

_LINE: Final = re.compile(r"\s*(?:[^\W\d]\w*\s*=\s*)?(%ogpu|%?%ogpu_task)\s+(.*)", re.DOTALL)
_BODY: Final = re.compile(r"\s*%%ogpu_task\b")
_OPEN_BRACES: Final = re.compile(r"\{\{[ \t]*(\w*)\Z")
_RECENT: Final = 50
_ACCOUNTS: Final = ("env:CLIENT_PRIVATE_KEY", "keystore:", "keyring:", "colab:")


class Completion:
    """One shell's completion; `match` is what IPython calls."""

    def __init__(self, namespace: Mapping[str, Any], hidden: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self._hidden = hidden

    @context_matcher()  # type: ignore[untyped-decorator, unused-ignore]
    def match(self, context: CompletionContext) -> SimpleMatcherResult:
        """The words that can follow what stands before the cursor."""
        fragment, offers = self.offers(context.text_until_cursor, context.full_text)
        return {
            "completions": [SimpleCompletion(text=word, type="ogpu") for word in offers],
            "matched_fragment": fragment,
            "suppress": True,
            "do_not_suppress": set(),
            "ordered": True,
        }

    def offers(self, before: str, cell: str) -> tuple[str, list[str]]:
        """The last piece of `before`, and the words that it may become."""
        line = _LINE.fullmatch(before)
        if line:
            return self._on_line(line[1], line[2])
        braces = _OPEN_BRACES.search(before)
        if braces and _BODY.match(cell):
            return braces[1], _starting(braces[1], self._variables())
        return "", []

    def _on_line(self, magic: str, text: str) -> tuple[str, list[str]]:
        *words, fragment = re.split(r"\s+", text)
        if magic != "%ogpu":
            return self._in_command(TASK, words, fragment)
        if not words:
            return fragment, _starting(fragment, (command.name for command in OGPU))
        command = next((command for command in OGPU if command.name == words[0]), None)
        return self._in_command(command, words[1:], fragment) if command else ("", [])

    def _in_command(
        self, command: Command, words: list[str], fragment: str
    ) -> tuple[str, list[str]]:
        flag, equals, piece = fragment.partition("=")
        option = command.option(flag if equals else words[-1] if words else "")
        if option is not None and option.value:
            return self._of_option(option, piece if equals else fragment)
        if fragment.startswith("-"):
            return fragment, _starting(fragment, _unused(command, words))
        given = _arguments(command, words)
        if len(given) < len(command.arguments) or _is_open(command):
            argument = command.arguments[min(len(given), len(command.arguments) - 1)]
            found = _starting(fragment, argument.choices or self._list(argument.offers, given))
            return fragment, found or _flags(command, words, fragment)
        return fragment, _flags(command, words, fragment)

    def _of_option(self, option: Option, piece: str) -> tuple[str, list[str]]:
        piece = piece.rpartition(",")[2]
        names = option.choices or self._list(option.offers, [])
        return piece, _starting(piece, names)

    def _list(self, offers: str, given: list[str]) -> Iterable[str]:
        lists: dict[str, Callable[[], Iterable[str]]] = {
            "networks": lambda: NETWORKS,
            "kinds": _kinds,
            "accounts": lambda: [*_ACCOUNTS, *self._variables()],
            "variables": self._variables,
            "models": self._models,
            "callables": self._callables,
            "tasks": self._tasks,
            "sources": _sources,
            "orders": lambda: TASK_ORDERS,
            "places": lambda: [*NETWORKS, "all"],
            "statuses": lambda: STATUSES,
            "functions": lambda: _functions(given[0] if given else ""),
        }
        return lists[offers]() if offers else ()

    def _variables(self) -> list[str]:
        return [
            name
            for name, value in list(self._namespace.items())
            if not name.startswith("_") and name not in self._hidden and not inspect.ismodule(value)
        ]

    def _models(self) -> list[str]:
        space = self._namespace
        return [
            name
            for name in self._variables()
            if isinstance(space.get(name), type) and hasattr(space[name], "model_validate")
        ]

    def _callables(self) -> list[str]:
        """The person's functions; a class can be called too, but is rarely meant."""
        space = self._namespace
        return [
            name
            for name in self._variables()
            if callable(space.get(name)) and not isinstance(space[name], type)
        ]

    def _tasks(self) -> list[str]:
        session = _session()
        if session is None:
            return []
        kind = sys.modules["ogpu_jupyter.handle"].Task
        names = [name for name in self._variables() if isinstance(self._namespace[name], kind)]
        records = session.journal.tasks(
            session.network_id, account=session.account, limit=_RECENT, payloads=False
        )
        numbers = [f"#{record.key}" for record in records]
        return [*names, *numbers, *(record.address for record in records if record.address)]


def _session() -> Session | None:
    """The kernel's session, if there is one; nothing is imported to find out."""
    kernel = sys.modules.get("ogpu_jupyter.kernel")
    try:
        session: Session | None = kernel.current() if kernel else None
    except NotConnected:
        return None
    return session


def _kinds() -> list[str]:
    """The kinds of answers, once something has been shown; nothing is imported for them."""
    answers = sys.modules.get("ogpu_jupyter.render.answers")
    return [name for name in answers.kind_names() if " " not in name] if answers else []


def _sources() -> list[str]:
    session = _session()
    names = session.names() if session else {}
    return [*names, *dict.fromkeys(names.values())]


def _functions(source: str) -> list[str]:
    """Those that were asked of this source before; a local service has its own name."""
    session = _session()
    if session is None:
        return []
    address = session.names().get(source, source).lower()
    records = session.journal.tasks(session.network_id, limit=_RECENT, payloads=False)
    asked = [record.function for record in records if record.source.lower() == address]
    services = session.localnet.services if session.localnet else {}
    own = [name for name, place in services.items() if place.lower() == address]
    return list(dict.fromkeys([*own, *asked]))


def _arguments(command: Command, words: list[str]) -> list[str]:
    """The words that are arguments: neither options nor their values."""
    found, skip = [], False
    for word in words:
        option = command.option(word)
        if not skip and not word.startswith("-"):
            found.append(word)
        skip = option is not None and bool(option.value)
    return found


def _is_open(command: Command) -> bool:
    return bool(command.arguments) and command.arguments[-1].many


def _flags(command: Command, words: list[str], fragment: str) -> list[str]:
    return [] if fragment else _unused(command, words)


def _unused(command: Command, words: list[str]) -> list[str]:
    used = {word.partition("=")[0] for word in words}
    return [o.flag for o in command.options if o.repeats or o.flag not in used]


def _starting(fragment: str, words: Iterable[str]) -> list[str]:
    low = fragment.lower()
    return [word for word in words if word.lower().startswith(low)]
