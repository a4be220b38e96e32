"""Answers as they were read from the file, until they change there.

A view that waits looks each second, and an answer may be megabytes of JSON.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from ogpu_jupyter.tasks import Answer

from .rows import answer_texts, read_answer

if TYPE_CHECKING:
    from .file import File

_MOST: Final = 32 << 20  # characters of JSON, of all that is kept


class _Kept(NamedTuple):
    """The answers of one task by their responses, and of each its text's length and hash."""

    version: tuple[int, int]
    answers: dict[str, Answer]
    marks: dict[str, tuple[int, int]]

    @property
    def size(self) -> int:
        return sum(length for length, _ in self.marks.values())


class Decoded:
    """Threads may share it."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._size = 0
        self._writes = 0
        self._lock = threading.Lock()

    def of(self, task: int) -> dict[str, Answer]:
        """By the response's address. The answers are the same objects until they change."""
        version = self._file.version()
        with self._lock:
            kept, writes = self._kept.get(task), self._writes
            if kept is not None and kept.version == version:
                self._kept.move_to_end(task)
                return dict(kept.answers)
        read = self._read(task, version, kept)
        with self._lock:
            if writes == self._writes:  # else what was read may be old by now
                self._keep(task, read)
        return dict(read.answers)

    def forget(self, task: int) -> None:
        """This connection has written to its answers; what others write the file tells."""
        with self._lock:
            self._writes += 1
            self._drop(task)

    def _read(self, task: int, version: tuple[int, int], kept: _Kept | None) -> _Kept:
        answers, marks = dict[str, Answer](), dict[str, tuple[int, int]]()
        for response, text in answer_texts(self._file, task):
            marks[response] = mark = (len(text), hash(text))
            if kept is not None and kept.marks.get(response) == mark:
                answers[response] = kept.answers[response]
            else:
                answers[response] = read_answer(text)
        return _Kept(version, answers, marks)

    def _keep(self, task: int, read: _Kept) -> None:
        self._drop(task)
        self._kept[task] = read
        self._size += read.size
        while self._size > _MOST:
            self._drop(next(iter(self._kept)))

    def _drop(self, task: int) -> None:
        old = self._kept.pop(task, None)
        self._size -= old.size if old else 0
