"""How a URL is told to people: in errors, logs and reprs.

It may hold what only its owner should read: a user, a password, a query, or an API key as a
part of the path. Host and port stay, and of the path its plain words.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_ENDS: Final = re.compile(r"[/?#\\]")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[^\s:@\[\]]{1,253})(:[0-9]{1,5})?")
_WORD: Final = re.compile(r"[a-z]{1,12}|v[0-9]{1,2}")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,15}")
_MOST: Final = 2000
HIDDEN: Final = "…"


def place(url: str) -> str:
    """Scheme, host and port: all that is said of a node.

    >>> place("https://me:word@node.example:8545/v3/0123456789abcdef")
    'https://node.example:8545'
    """
    return _split(url)[0]


def told(url: str) -> str:
    """Also the path, as far as it is of plain words.

    >>> told("https://me:word@pins.example/file/0123456789abcdef/create?key=1")
    'https://pins.example/file/…/create?…'
    """
    where, path, has_more = _split(url)
    parts = [part if not part or _WORD.fullmatch(part) else HIDDEN for part in path.split("/")]
    return where + "/".join(parts) + (f"?{HIDDEN}" if has_more else "")


def public(url: str) -> str:
    """The URL without user, password, query and fragment: as it may stand in a link."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def below(url: str, name: str) -> str:
    """The URL of `name` in the folder `url`, which keeps its user and its query."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}"))


def _split(url: str) -> tuple[str, str, bool]:
    """What may be said of the place, the path, and whether something comes after it."""
    scheme, separator, rest = url[:_MOST].partition("://")
    if not separator:
        scheme, rest = "", scheme
    end = _ENDS.search(rest)
    cut = end.start() if end else len(rest)
    before, after = rest[:cut], rest[cut:]
    if "@" not in before and "@" in after:  # a sign in a password may look like the host's end
        return _joined(scheme, HIDDEN), "", False
    host = before.rpartition("@")[2]
    is_host = _HOST.fullmatch(host) and (separator or "." in host or _WORD.fullmatch(host))
    path = _path(after)
    return _joined(scheme, host if is_host else HIDDEN), path, len(path) < len(after)


def _path(after: str) -> str:
    """The path alone."""
    return after.partition("?")[0].partition("#")[0]


def _joined(scheme: str, host: str) -> str:
    if not scheme:
        return host
    return f"{scheme if _SCHEME.fullmatch(scheme) else HIDDEN}://{host}"
