"""The page's own hand for a form: names for screen readers, the focus, the clipboard.

What ipywidgets has no words for is done by a small script that comes with the widget;
nothing is loaded from elsewhere, and without it the form is whole, only less kind.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget

if TYPE_CHECKING:
    from collections.abc import Callable


class Aid(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Shows nothing. `copied` is told whether the clipboard took the text."""

    _esm = (Path(__file__).parent / "static" / "aid.js").read_text()

    def __init__(self, copied: Callable[[bool], None]) -> None:
        super().__init__()
        self._copied = copied
        self.on_msg(self._heard)

    def focus_on(self, place: str) -> None:
        """On the control that has this class, or the first in what has it."""
        self.send({"kind": "focus", "place": place})

    def copy(self, text: str) -> None:
        self.send({"kind": "copy", "text": text})

    def _heard(self, _widget: object, message: dict[str, Any], _buffers: object) -> None:
        if message.get("kind") == "copied":
            self._copied(message.get("copied") is True)
