"""The second output of a view: its buttons, and the view itself where the first is cut off.

After a page is loaded again, the kernel's updates of an output don't reach it any more,
while widgets are made anew and go on. So when this widget is shown a second time, it takes
the view over: the output that stands still above it is hidden, and nobody has to press
anything.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from ogpu_jupyter.live import Look

from .view import Controls

if TYPE_CHECKING:
    from collections.abc import Callable

    from ogpu_jupyter.live import Shown

_MAX_KEPT: Final = 200

# Frontends that don't know `:has` show both, the one that stands still and the one that lives.
_HIDES_THE_OTHER: Final = (
    "<style>.jp-OutputArea-child:has(.ogpu):has(+ .jp-OutputArea-child .ogpu-takes-over)"
    "{display:none}</style>"
)
_ADVICE: Final = (
    '<p class="ogpu-takes-over" style="font-size:11px;line-height:1.5;margin:2px 0;opacity:.75">'
    "This page was loaded again, and the view goes on here. To have its end saved with the "
    "notebook, run the cell again: without <code>--new</code> nothing is paid twice.</p>"
)


class Standby:
    """`draw_page` makes the view's HTML, whenever it is needed."""

    def __init__(self, task: Shown, draw_page: Callable[[Shown], str]) -> None:
        self._task = task
        self._draw_page = draw_page
        self._look = Look()
        self._lock = threading.RLock()
        self._controls: Controls | None = Controls(task)
        self._page: ipywidgets.HTML | None = None
        layout = ipywidgets.Layout(overflow="hidden")
        self.box = ipywidgets.VBox([self._controls.box], layout=layout, _view_count=0)
        self._shown = 0
        self.box.observe(self._counted, "_view_count")

    @property
    def has_taken_over(self) -> bool:
        return self._page is not None

    def draw(self, *, is_final: bool) -> None:
        """Take the task as it is now; a final one has no buttons."""
        with self._lock:
            if self._controls is not None:
                self._controls.draw()
                if is_final:
                    self._end_controls(self._controls)
            if self._page is not None and self._look.is_new(self._task):
                self._page.value = self._html()

    def _end_controls(self, controls: Controls) -> None:
        self._controls = None
        self._arrange()
        controls.close()
        _keep(self)

    def _counted(self, change: dict[str, Any]) -> None:
        """The page counts the views that it has of this widget; one more is a new one."""
        with self._lock:
            if (change["new"] or 0) <= (change["old"] or 0):
                return
            self._shown += 1
            if self._shown > 1 and self._page is None:
                self._page = ipywidgets.HTML(self._html(), layout=ipywidgets.Layout(width="auto"))
                self._arrange()

    def _arrange(self) -> None:
        parts = (self._page, self._controls.box if self._controls is not None else None)
        self.box.children = tuple(part for part in parts if part is not None)

    def _html(self) -> str:
        return f"{_HIDES_THE_OTHER}{self._draw_page(self._task)}{_ADVICE}"

    def close(self) -> None:
        """Take it from the kernel and from the page, with all that it is made of."""
        with self._lock:
            if self._controls is not None:
                self._controls.close()
            for part in filter(None, (self._page, self.box)):
                for widget in (part.layout, getattr(part, "style", None), part):
                    if widget is not None:
                        widget.close()


# One that is final stays, since its page may be loaded again; not for ever.
_kept: deque[Standby] = deque()


def _keep(standby: Standby) -> None:
    _kept.append(standby)
    if len(_kept) > _MAX_KEPT:
        _kept.popleft().close()
