"""A link that saves an answer, in the page itself: it works in an exported page too.

The file is in the link, so that it is there for small answers only, and only in types that a
browser doesn't run. Its name is ours. Where links of that kind are stripped it stays hidden.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from .files import SUFFIXES, TEXT_TYPES
from .safe import esc
from .words import byte_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .files import File

LARGEST: Final = 40_000
_TYPES: Final = frozenset({*TEXT_TYPES.values(), *SUFFIXES})
_AS: Final = {"text/markdown": "text/plain"}
_MAX_LINKS: Final = 4


def save_link(files: Sequence[File], name: str, room: int) -> str:
    """Links for the files, where all of them fit into `room` characters; else nothing."""
    if not 0 < len(files) <= _MAX_LINKS or any(file.media not in _TYPES for file in files):
        return ""
    if sum(len(file.data) for file in files) > LARGEST:
        return ""
    many = len(files) > 1
    links = [_link(file, f"{name}-{n}" if many else name) for n, file in enumerate(files, 1)]
    shown = f'<p class="ogpu-save">{" ".join(links)}</p>'
    return shown if len(shown) <= room else ""


def _link(file: File, name: str) -> str:
    whole = f"{esc(name, 80)}{file.suffix}"
    kind = _AS.get(file.media, file.media)
    charset = ";charset=utf-8" if kind.startswith("text/") else ""
    content = base64.b64encode(file.data).decode()
    return (
        f'<a hidden="hidden" download="{whole}" href="data:{kind}{charset};base64,{content}" '
        f'title="{whole}, {byte_count(len(file.data))}">Save {file.suffix[1:].upper()}</a>'
    )
