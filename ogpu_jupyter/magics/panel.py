"""What a magic returns: something to read, and the object behind it."""

from __future__ import annotations

from typing import Any


class Panel:
    """Shows text, and HTML where there is some; `value` is what the session returned."""

    def __init__(self, text: str, html: str = "", value: Any = None) -> None:
        self.value = value
        self._text = text
        self._html = html

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str | None:
        return self._html or None
