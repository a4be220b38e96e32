"""What was fetched is kept by its CID, so that it is fetched once on this machine.

Several kernels share the folder, without a lock: a file appears whole or not at all, and is
checked against its CID whenever it is read. Whatever goes wrong here, a full disk or a
damaged file, only means that the content is fetched again.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from ogpu_jupyter.content.cids import matches, parse
from ogpu_jupyter.home import private_folder

LIMIT: Final = 256 << 20
_BLOCK: Final = 4096  # what the smallest file takes of a disk
_FRESH: Final = ".new-"
_STALE_SECONDS: Final = 3600.0  # after which an unfinished file is a dead kernel's


class _Entry(NamedTuple):
    used_at: float
    size: int
    path: Path


class Cache:
    """At most about `limit` bytes of content; what was used longest ago goes first."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder = folder
        self.limit = limit
        self._lock = threading.Lock()
        self._unchecked: int | None = None  # bytes written since the folder was measured

    def __repr__(self) -> str:
        return f"Cache({str(self.folder)!r}, {self.limit})"

    def get(self, name: str, max_bytes: int) -> bytes | None:
        """The verified bytes of a CID, if they are here and not more than that."""
        path = self._path(name)
        try:
            with path.open("rb") as file:
                data = file.read(max_bytes + 1)
        except OSError:
            return None
        if len(data) > max_bytes:
            return None  # the gateway will say so, in its own words
        right = matches(name, data)
        with suppress(OSError):
            if right:
                os.utime(path)
            else:
                path.unlink()
        return data if right else None

    def put(self, name: str, data: bytes) -> None:
        """Keep the bytes of a CID, which the caller has verified."""
        if _on_disk(len(data)) > self.limit // 8:
            return
        with suppress(OSError):
            private_folder(self.folder)
            self._write(self._path(name), data)
            self._make_room(_on_disk(len(data)))

    def _path(self, name: str) -> Path:
        """By codec and digest: upper and lower case are the same to some file systems."""
        codec, digest = parse(name)
        return self.folder / f"{codec:02x}-{digest.hex()}"

    def _write(self, path: Path, data: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.folder, prefix=_FRESH)
        fresh = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            fresh.replace(path)
        except BaseException:
            with suppress(OSError):
                fresh.unlink()
            raise

    def _make_room(self, written: int) -> None:
        """Measure the folder now and then, as others write there too."""
        with self._lock:
            if self._unchecked is not None and self._unchecked + written <= self.limit // 16:
                self._unchecked += written
                return
            self._unchecked = 0
            entries = sorted(self._entries())
            excess = sum(entry.size for entry in entries) - self.limit * 7 // 8
            for entry in entries:
                if excess <= 0:
                    return
                with suppress(OSError):
                    entry.path.unlink()
                    excess -= entry.size

    def _entries(self) -> list[_Entry]:
        """What is kept; what a kernel left unfinished when it died is taken away."""
        found = []
        stale = time.time() - _STALE_SECONDS
        with os.scandir(self.folder) as files:
            for file in files:
                with suppress(OSError):  # another kernel took it away
                    stat = file.stat(follow_symlinks=False)
                    if not file.name.startswith(_FRESH):
                        found.append(_Entry(stat.st_mtime, _on_disk(stat.st_size), Path(file)))
                    elif stat.st_mtime < stale:
                        Path(file).unlink()
        return found


def _on_disk(size: int) -> int:
    return -(-max(size, 1) // _BLOCK) * _BLOCK
