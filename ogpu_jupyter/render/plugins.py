"""Kinds of answers that others add: by a decorator, or by an entry point of their package.

    from ogpu_jupyter.render import Shown, esc, kind

    @kind("molecule")
    def molecule(value, given):
        if not isinstance(value, dict) or "smiles" not in value:
            return None
        return Shown(html=f"<b>{esc(value['smiles'])}</b>", text=value["smiles"])

A package names the module that does this under the entry point group `ogpu_jupyter.kinds`;
it is imported when the first answer is shown. What a kind puts into the page is its
author's trust. That it fails, hangs or floods is ours: it is told, and the answer is shown
as if the kind were not there.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, TypeVar

from .registry import KINDS, Kind, named
from .safe import one_line, plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint

    from ogpu_jupyter.tasks import Json

    from .registry import Given

GROUP: Final = "ogpu_jupyter.kinds"
PATIENCE_SECONDS: Final = 5.0
MAX_HTML: Final = 5_000_000
MAX_TEXT: Final = 100_000
_log = logging.getLogger("ogpu_jupyter")


@dataclass(frozen=True)
class Shown:
    """An answer as a kind shows it: in a page, and where there is none."""

    html: str
    text: str


Reader = TypeVar("Reader", bound="Callable[[Json, Given], Shown | None]")


def kind(
    name: str, *, before: str = "", words: tuple[str, ...] = (), media: str = ""
) -> Callable[[Reader], Reader]:
    """Add a kind: a function of the answer's value, and of what else is given, to `Shown`.

    It returns None for a value of another kind. It is asked before the kind that `before`
    names, first of all by default; `before="any"` asks it only when no other kind fits.
    Adding one of the same name again takes the place of the earlier.
    """

    def added(read: Reader) -> Reader:
        register(
            Kind(name, read, lambda shown: shown.html, lambda shown: shown.text, words, media),
            before=before,
        )
        return read

    return added


def register(new: Kind[Any], *, before: str = "") -> None:
    """Add a kind of `to_html` and `to_text` functions of its own; as `kind` does."""
    with _lock:
        old = named(new.name)
        if old is not None and old.name not in _added:
            raise ValueError(f"There is a kind {old.name!r} already; choose another name.")
        next_one = named(before) if before else None
        if before and next_one is None:
            raise ValueError(
                f"There is no kind {before!r}. There are: {', '.join(k.name for k in KINDS)}."
            )
        guarded = _Guarded(new).kind
        if old is not None:
            KINDS.remove(old)
        KINDS.insert(KINDS.index(next_one) if next_one in KINDS else 0, guarded)
        _added.add(new.name)


def unregister(name: str) -> None:
    """Take back a kind that was added."""
    with _lock:
        found = named(name)
        if found is None or found.name not in _added:
            raise ValueError(f"No kind {name!r} was added.")
        KINDS.remove(found)
        _added.discard(found.name)


_added: set[str] = set()
_lock = threading.RLock()
_is_loaded = False


def load() -> None:
    """Import what the installed packages add; once, and a broken one is told and left out."""
    global _is_loaded  # noqa: PLW0603 - this module's one state beside the list
    if _is_loaded:
        return
    with _lock:
        if _is_loaded:
            return
        _is_loaded = True  # before: a module that shows an answer while it loads comes here too
        for entry in entry_points(group=GROUP):
            _load(entry)


def _load(entry: EntryPoint) -> None:
    try:
        found = entry.load()
        for new in found if isinstance(found, list) else [found]:
            if isinstance(new, Kind):
                register(new)
    except (Exception, SystemExit):  # noqa: BLE001 - whatever a stranger's module does
        _log.warning(
            "The kind of answers %s (%s) can't be loaded; answers are shown without it.",
            entry.name,
            entry.value,
            exc_info=True,
        )


class _Guarded:
    """A stranger's kind: all of its work is done in `read`, within bounds, and told if it fails.

    It works on a thread of its own, as a function that hangs can only be left behind; then
    it isn't asked again.
    """

    def __init__(self, kind: Kind[Any]) -> None:
        self._kind = kind
        self._is_told = False
        self._is_stuck = False

    @property
    def kind(self) -> Kind[Shown]:
        return Kind(
            self._kind.name,
            self._read,
            lambda shown: shown.html,
            lambda shown: shown.text,
            self._kind.words,
            self._kind.media,
        )

    def _read(self, value: Json, given: Given) -> Shown | None:
        if self._is_stuck:
            return None
        try:
            return self._in_time(value, given)
        except Exception as error:  # noqa: BLE001 - a stranger's
            self._tell(error, given)
            return None

    def _in_time(self, value: Json, given: Given) -> Shown | None:
        done: list[Shown | None] = []
        failed: list[BaseException] = []

        def work() -> None:
            try:
                done.append(self._shown(value, given))
            except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
                failed.append(error)

        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(work,), name=f"ogpu-kind-{self._kind.name}", daemon=True
        )
        thread.start()
        thread.join(PATIENCE_SECONDS)
        if failed:
            raise RuntimeError(f"{type(failed[0]).__name__}: {failed[0]}") from failed[0]
        if not done:
            self._is_stuck = True
            raise TimeoutError(f"no answer after {PATIENCE_SECONDS:g} s; it isn't asked again")
        return done[0]

    def _shown(self, value: Json, given: Given) -> Shown | None:
        read = self._kind.read(value, given)
        if read is None:
            return None
        html, text = self._kind.to_html(read), self._kind.to_text(read)
        if not isinstance(html, str) or not isinstance(text, str):
            raise TypeError("its HTML and its text have to be strings")
        if len(html) > MAX_HTML:
            raise ValueError(f"its HTML has {len(html):,} characters; {MAX_HTML:,} are taken")
        # Half a character would break the message that carries it.
        return Shown(html.encode(errors="replace").decode(), plain(text, MAX_TEXT))

    def _tell(self, error: Exception, given: Given) -> None:
        what = one_line(str(error), 300)
        given.troubles.append(f"The kind {self._kind.name!r} could not show this: {what}.")
        if not self._is_told:
            self._is_told = True
            _log.warning(
                "The kind of answers %r failed: %s. Answers are shown without it.",
                self._kind.name,
                what,
                exc_info=error.__cause__ or error,
            )
