"""Ask a node: in batches, again where that is safe, within one deadline."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import requests

from ogpu_jupyter.chain.rpc.http import PATIENCE, Wire, WireError
from ogpu_jupyter.chain.rpc.messages import (
    NO_ANSWER,
    BatchRefused,
    Call,
    Trouble,
    answer_to,
    answers_in,
    body_of,
    is_busy,
)
from ogpu_jupyter.errors import InputError, NodeUnavailable, RpcError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BATCH = 100
_MISSES = 4
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_LAGGING = re.compile(
    r"header not found|unknown block|block (0x[0-9a-f]+|#?\d+|\w+)? ?not found", re.IGNORECASE
)


class Rpc:
    """The node at `url`. A `deadline` is a moment of `time.monotonic()`; threads may share it."""

    def __init__(self, url: str, *, timeout: float = 20.0) -> None:
        self.url = url
        self.timeout = timeout
        self._wire = _wire(url)
        self._ids = itertools.count(1)
        self._largest = MAX_BATCH
        self._closed = threading.Event()

    def __repr__(self) -> str:
        return f"Rpc({self.where!r})"

    @property
    def where(self) -> str:
        """The node's address without what may hold an API key: its path, user and password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def requests(self) -> int:
        """HTTP requests made so far."""
        return self._wire.requests

    def call(self, method: str, *params: Any, deadline: float | None = None) -> Any:
        (answer,) = self.batch([Call(method, params)], deadline=deadline)
        if isinstance(answer, RpcError):
            raise answer
        return answer

    def batch(self, calls: Sequence[Call], *, deadline: float | None = None) -> list[Any]:
        """The answers in the order of `calls`; one that the node refused is an `RpcError`."""
        asking = _Asking(calls, self._until(deadline), self._largest, self._closed)
        while chunk := asking.chunk():
            self._step(asking, chunk, calls)
        return asking.answers

    def _step(self, asking: _Asking, chunk: list[int], calls: Sequence[Call]) -> None:
        try:
            answers = self._ask([calls[i] for i in chunk], asking.until)
        except BatchRefused as refused:
            asking.largest = max(1, len(chunk) // 2) if refused.too_large else 1
            if refused.remember:
                self._largest = asking.largest
        except Trouble as trouble:
            if not asking.wait(trouble):
                self._unavailable(trouble)
        else:
            asking.take(dict(zip(chunk, answers, strict=True)))

    def send_raw(self, raw: bytes, *, deadline: float | None = None) -> str:
        """The hash that the node gives. RpcError: it refused; NodeUnavailable: who knows."""
        call = Call("eth_sendRawTransaction", ("0x" + raw.hex(),))
        try:
            (answer,) = self._ask([call], self._until(deadline))
        except Trouble as trouble:
            self._unavailable(trouble)
        if isinstance(answer, RpcError) and answer.code == NO_ANSWER:
            self._unavailable(Trouble("its answer is not to the question", patience=0.0))
        if isinstance(answer, RpcError):
            raise answer
        return str(answer)[:100]

    def close(self) -> None:
        self._closed.set()
        self._wire.close()

    def _until(self, deadline: float | None) -> float:
        return time.monotonic() + self.timeout if deadline is None else deadline

    def _unavailable(self, trouble: Trouble) -> NoReturn:
        raise NodeUnavailable(
            f"The node at {self.where} doesn't answer: {trouble.reason}.",
            hint="Type `%ogpu status` to ask it again, or `%ogpu connect <network>` for another.",
        ) from None

    def _ask(self, calls: Sequence[Call], until: float) -> list[Any]:
        """One HTTP request; a call without an answer gets an RpcError of its own code."""
        ids = [next(self._ids) for _ in calls]
        asked = [body_of(call, id_) for call, id_ in zip(calls, ids, strict=True)]
        body = json.dumps(asked if len(asked) > 1 else asked[0]).encode()
        try:
            page = self._wire.post(body, until=until)
        except WireError as error:
            raise Trouble(error.reason, patience=error.patience) from None
        found = answers_in(page, ids)
        return [answer_to(call, found.get(id_)) for call, id_ in zip(calls, ids, strict=True)]


class _Asking:
    """What is still to be asked of one batch, and for how long."""

    def __init__(
        self, calls: Sequence[Call], until: float, largest: int, closed: threading.Event
    ) -> None:
        self.until = until
        self.largest = largest
        self.answers: list[Any] = [None] * len(calls)
        self._closed = closed
        self._open = list(range(len(calls)))
        self._misses = [0] * len(calls)
        self._since: float | None = None
        self._pause = _FIRST_PAUSE

    def chunk(self) -> list[int]:
        """Calls that went unanswered in a batch are asked one at a time."""
        alone = bool(self._open) and self._misses[self._open[0]] > 0
        return self._open[: 1 if alone else self.largest]

    def take(self, answers: dict[int, Any]) -> None:
        self.answers = [answers.get(i, earlier) for i, earlier in enumerate(self.answers)]
        again = {i: trouble for i in answers if (trouble := self._trouble(i)) is not None}
        if not again:
            self._since, self._pause = None, _FIRST_PAUSE
        elif not self.wait(next(iter(again.values()))):
            again = {}
        self._open = [i for i in self._open if i not in answers or i in again]

    def wait(self, trouble: Trouble) -> bool:
        """Pause before the next attempt; False when there is no time for one."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        limit = self.until
        if trouble.patience is not None:
            limit = min(limit, self._since + trouble.patience)
        pause = max(self._pause, trouble.pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return now + pause < limit and not self._closed.wait(pause)

    def _trouble(self, index: int) -> Trouble | None:
        """Why this call has to be asked again."""
        answer = self.answers[index]
        if not isinstance(answer, RpcError):
            return None
        if answer.code == NO_ANSWER:
            self._misses[index] += 1
            return Trouble(answer.what, patience=None) if self._misses[index] < _MISSES else None
        if is_busy(answer.code, answer.what):
            return Trouble(answer.what, patience=None, pause=0.25)
        if _LAGGING.search(answer.what) and "revert" not in answer.what:
            return Trouble(answer.what, patience=PATIENCE)
        return None


def _wire(url: str) -> Wire:
    try:
        if urlsplit(url).scheme in {"http", "https"} and urlsplit(url).hostname:
            return Wire(url)
    except (ValueError, requests.RequestException):
        pass
    raise InputError(
        "That is not the address of a node.",
        hint="Type one that begins with http:// or https://, such as http://127.0.0.1:8545.",
    )
