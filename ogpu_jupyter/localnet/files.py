"""Files by their CID: in memory, or in a folder where they outlive the process."""

from __future__ import annotations

import os
import re
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol

from ogpu_jupyter.content.cids import cid
from ogpu_jupyter.home import make_private, open_private, private_folder

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = re.compile(r"Qm[1-9A-HJ-NP-Za-km-z]{44}")


class Files(Protocol):
    def load(self, name: str) -> bytes | None:
        """None for a CID that isn't here."""

    def save(self, name: str, data: bytes) -> None: ...


class MemoryFiles:
    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}

    def load(self, name: str) -> bytes | None:
        return self._data.get(name)

    def save(self, name: str, data: bytes) -> None:
        self._data[name] = data


class FolderFiles:
    """A file for each CID, whole or not there."""

    def __init__(self, directory: Path) -> None:
        private_folder(directory)
        for left_over in directory.glob(".*.partial"):
            left_over.unlink(missing_ok=True)
        for file in directory.iterdir():
            make_private(file)
        self._directory = directory
        self._numbers = count()

    def load(self, name: str) -> bytes | None:
        if not NAME.fullmatch(name):
            return None
        try:
            data = (self._directory / name).read_bytes()
        except FileNotFoundError:
            return None
        # A disk that failed us, or one that takes Qma for QmA.
        return data if cid(data) == name else None

    def save(self, name: str, data: bytes) -> None:
        partial = self._directory / f".{name}.{os.getpid()}.{next(self._numbers)}.partial"
        try:
            with open_private(partial) as file:
                file.write(data)
            partial.replace(self._directory / name)
        finally:
            partial.unlink(missing_ok=True)
