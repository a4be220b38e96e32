"""Links of strangers: they show where they go, and tell nobody where they come from."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from ogpu_jupyter.render.safe import esc

_MAX_LINK: Final = 2000
_PLAIN: Final = re.compile(r"[!#-;=?-\[\]_a-z~%]+")  # printable ASCII, without quotes and brackets
_HOST: Final = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{1,62}")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[a-z0-9-]{1,63}\.)+[a-z]{2,63}")
_ALONE: Final = re.compile(r"https?://\S{4,2000}")


def place(href: str) -> str | None:
    """The host, or the mail address, that a link leads to; None where no link is made of it.

    A link is http, https or mailto, in plain characters, to a public name: a user name in
    it, an address of numbers or a name of this machine would only mislead.
    """
    if len(href) > _MAX_LINK or not _PLAIN.fullmatch(href):
        return None
    try:
        parts = urlsplit(href)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme == "mailto":
        return parts.path if not parts.query and _ADDRESS.fullmatch(parts.path) else None
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc or not _HOST.fullmatch(host):
        return None
    if host.endswith((".localhost", ".local", ".internal", ".localdomain")):
        return None
    return host if port is None else f"{host}:{port}"


def alone(text: str) -> str | None:
    """The link that the whole of a text is."""
    bare = text.strip()
    return bare if _ALONE.fullmatch(bare) and place(bare) else None


def opening(href: str) -> str:
    """The tag that begins a link which `place` has found good."""
    where = esc(href, _MAX_LINK)
    return (
        f'<a href="{where}" title="{where}" target="_blank" '
        'rel="noopener noreferrer nofollow" referrerpolicy="no-referrer">'
    )


def closing(href: str, text: str) -> str:
    """The end of a link, with the place that it leads to, where its text isn't the link."""
    where = place(href) or ""
    shown = text.strip().removeprefix("mailto:").rstrip("/")
    told = {href.rstrip("/"), href.partition("://")[2].rstrip("/"), where}
    return "</a>" if shown in told else f'</a> <span class="ogpu-soft">({esc(where, 300)})</span>'


def link_html(href: str) -> str:
    """A link that is its own text."""
    return f"{opening(href)}{esc(href, _MAX_LINK)}{closing(href, href)}"
