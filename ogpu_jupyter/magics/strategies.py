"""`%ogpu confirm --strategy`: the line's words become a call of `Session.confirm_by`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.errors import InputError

from .panel import Panel, settled
from .values import lookup
from .words import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ogpu_jupyter.handle import Task
    from ogpu_jupyter.session import Session

    from .line import Words

_OPTIONS: Final = ("score", "accept", "agree", "within", "auto")


def confirm_by(session: Session, target: object, words: Words, names: Mapping[str, Any]) -> Panel:
    """Confirm what the line's strategy chooses, or begin to choose unattended."""
    if words["strategy"] is None:
        flag = next(f"--{name}" for name in _OPTIONS if _is_given(words[name]))
        raise InputError(
            f"`{flag}` goes with a strategy.", hint="Add, for example, `--strategy cheapest`."
        )
    if words["response"] is not None:
        raise InputError(
            "Either a response is named, or a strategy chooses one.",
            hint="Leave one of them away.",
        )
    task = session.task(target)
    done = session.confirm_by(
        task,
        words["strategy"],
        score=_function("--score", words["score"], names),
        accept=_function("--accept", words["accept"], names),
        agree=words["agree"],
        within=words["within"],
        auto=words["auto"],
    )
    if not words["auto"]:
        return settled(done, _why(task))  # type: ignore[arg-type] # without auto it is a record
    return Panel(
        f"It chooses by itself while this kernel lives: {words['strategy']}. "
        "The view tells what it does; `task.auto = None` stops it.",
        value=done,
    )


def is_asked(words: Words) -> bool:
    """The line has a strategy, or an option of one."""
    return any(_is_given(words[name]) for name in ("strategy", *_OPTIONS))


def _is_given(value: object) -> bool:
    return value is not None and value is not False


def _why(task: Task) -> str:
    decision = task.record.decision
    return f" Chosen: {decision.words}." if decision else ""


def _function(flag: str, name: str | None, names: Mapping[str, Any]) -> Callable[[Any], Any] | None:
    if name is None:
        return None
    found = lookup(names, name)
    if not callable(found):
        raise InputError(
            f"{quoted(name)} after `{flag}` is of the class {type(found).__name__}, and no "
            "function.",
            hint=f"Write `def {name}(answer): …`, which gets the decoded answer.",
        )
    function: Callable[[Any], Any] = found
    return function
