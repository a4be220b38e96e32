"""From an answer to the kind that shows it, and from a wrapper to what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.render import budget
from ogpu_jupyter.render.registry import KINDS, Given, hinted

if TYPE_CHECKING:
    from ogpu_jupyter.render.registry import Kind
    from ogpu_jupyter.tasks import Json

_WRAPPERS: Final = {"result", "results", "output", "outputs", "response"}
_SAYS_FINE: Final = {
    "error": (None, "", False), "errors": (None, [], ""), "success": (True,), "ok": (True,),
    "status": ("ok", "success", "completed", "done"),
}  # fmt: skip


def unwrapped(value: Json) -> Json:
    """Without the objects that hold one thing alone, such as `{"result": …}`.

    That all went well, as in `{"status": "ok", "result": …}`, needs no words either; nor
    does the list around the one list that a pipeline gives for a single input.
    """
    return peeled(value, Given())[0]


def peeled(value: Json, given: Given) -> tuple[Json, Given]:
    """What is in the wrappers, with its part of the schema."""
    for _ in range(5):
        if isinstance(value, list) and _is_batch_of_one(value):
            value, given = value[0], given.into()
        elif isinstance(value, dict) and (name := _wrapper(value)) is not None:
            value, given = value[name], given.into(name)
        else:
            break
    return value, given


def _wrapper(value: dict[str, Json]) -> str | None:
    if len(value) > 5:
        return None
    names = [name for name in value if not _is_fine(name, value[name])]
    return names[0] if len(names) == 1 and names[0] in _WRAPPERS else None


def _is_batch_of_one(value: list[Json]) -> bool:
    inner = value[0] if len(value) == 1 else None
    return isinstance(inner, list) and bool(inner) and isinstance(inner[0], dict)


def _is_fine(name: str, value: Json) -> bool:
    return any(value is good or (value == good and type(value) is type(good))
               for good in _SAYS_FINE.get(name, ()))  # fmt: skip


def choose(value: Json, given: Given) -> tuple[Kind[Any], Any]:
    """The first kind that reads the value, and what it read; the schema's kind before all.

    A kind of parts asks for each of them to know whether it reads the whole, and asks again
    to show it: a large part is looked through once.
    """
    key = (id(value), id(given.schema), given.depth)
    if key not in given.chosen:
        given.chosen[key] = (value, given.schema, *_choose(value, given))
    return given.chosen[key][2:]


def _choose(value: Json, given: Given) -> tuple[Kind[Any], Any]:
    outer = given
    value, given = peeled(value, outer)
    for hint in (hinted(given), hinted(outer)) if outer.schema is not None else ():
        read = hint[0].read(value, hint[1]) if hint is not None else None
        if hint is not None and read is not None:
            return hint[0], read
    limits = budget.current()
    for kind in KINDS:
        limits.check()
        read = kind.read(value, given)
        if read is not None:
            return kind, read
    raise AssertionError("the last kind takes any value")
