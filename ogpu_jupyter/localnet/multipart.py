"""The one file of a `multipart/form-data` upload, read from a stream of any bytes.

The standard library has no reader for this any more. This one holds the file and a piece
of 64 KiB, never the whole request, and gives up as soon as a limit is passed.
"""

from __future__ import annotations

from email import message_from_bytes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE = 65536
_HEADERS = 16384
_PARTS = 100


class Malformed(ValueError):
    """Not the multipart body that it says it is."""


class TooLarge(ValueError):
    """The file is over the limit."""


def read_file(
    read: Callable[[int], bytes], length: int, boundary: bytes, *, limit: int, field: str = "file"
) -> bytes | None:
    """The content of the first part of that name, or None when there is none.

    `read(n)` gives at most n bytes, and none at the end; `length` are in the request.
    """
    scanner = _Scanner(read, length)
    mark = b"\r\n--" + boundary
    scanner.until(mark, _PIECE)  # what stands before the first boundary is not for us
    for _ in range(_PARTS):
        if scanner.ends_here():
            return None
        name = _field_name(scanner.until(b"\r\n\r\n", _HEADERS))
        content = scanner.until(mark, limit)
        if name == field:
            return content
    raise Malformed("too many parts")


def _field_name(headers: bytes) -> str | None:
    name = message_from_bytes(headers.lstrip(b"\r\n")).get_param(
        "name", header="content-disposition"
    )
    return name if isinstance(name, str) else None


class _Scanner:
    """Bytes up to a mark, with a limit to how many."""

    def __init__(self, read: Callable[[int], bytes], length: int) -> None:
        self._read = read
        self._left = length
        self._buffer = bytearray(b"\r\n")  # the first boundary has no line before it

    def until(self, mark: bytes, limit: int) -> bytes:
        start = 0
        while (found := self._buffer.find(mark, start)) < 0:
            start = max(len(self._buffer) - len(mark) + 1, 0)
            if start > limit:
                raise TooLarge(limit)
            self._fill()
        if found > limit:
            raise TooLarge(limit)
        content = bytes(memoryview(self._buffer)[:found])
        del self._buffer[: found + len(mark)]
        return content

    def ends_here(self) -> bool:
        """Whether the boundary just read was the last; if not, its line is taken too."""
        while len(self._buffer) < 2:
            self._fill()
        if self._buffer.startswith(b"--"):
            return True
        if self.until(b"\r\n", 1024).strip(b" \t"):
            raise Malformed("a boundary with more on its line")
        # A part without headers starts with the empty line that ends them.
        self._buffer[:0] = b"\r\n"
        return False

    def _fill(self) -> None:
        piece = self._read(min(_PIECE, self._left)) if self._left else b""
        if not piece:
            raise Malformed("it ends too early")
        self._left -= len(piece)
        self._buffer += piece
