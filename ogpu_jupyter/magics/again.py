"""`%ogpu show --all`: every view of a notebook, made again."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter import display, notebooks
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.rebuilding import Kept, rebuild
from ogpu_jupyter.render.safe import one_line
from ogpu_jupyter.render.words import plural
from ogpu_jupyter.units import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ogpu_jupyter.live import Shown
    from ogpu_jupyter.session import Session

_ONE_BY_ONE: Final = 24  # more than these stand in one output, folded


def show_all(named: str | None, namespace: Mapping[str, Any], session: Session | None) -> None:
    """Those of the file that is named, else of this notebook; with a session, live."""
    notebook = notebooks.read(notebooks.find(named, namespace))
    with ExitStack() as stack:
        journal = session.journal if session is not None else stack.enter_context(Journal())
        tasks = rebuild(notebook.tasks, journal, session)
    display.say(_heading(notebook, len(tasks)))
    if len(tasks) <= _ONE_BY_ONE:
        for task in tasks:
            _show(task)
        return
    display.show_folded(tasks)
    for task in [task for task in tasks if _goes_on(task)][:_ONE_BY_ONE]:
        _show(task)


def _show(task: Shown) -> None:
    display.show(task, live=not isinstance(task, Kept))


def _goes_on(task: Shown) -> bool:
    return not isinstance(task, Kept) and not task.record.stage.is_final


def _heading(notebook: notebooks.Notebook, count: int) -> str:
    name = one_line(notebook.path.name)
    saved = f"as it was saved at {format_time(notebook.saved_at)}"
    odd = f" {plural(notebook.unread, 'output')} can't be read." if notebook.unread else ""
    if not count:
        return f"{name}, {saved}, shows no task.{odd} Save it if there are newer ones."
    rest = " Outputs of many list the first: `%ogpu tasks` has all." if notebook.has_more else ""
    return f"{plural(count, 'task')} in {name}, {saved}.{odd}{rest}"
