"""Ask a node: in batches, again where that is safe, within one deadline."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

from ogpu_jupyter.chain.rpc.http import PATIENCE, WireError
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
from ogpu_jupyter.chain.rpc.nodes import MAX_BATCH, Node, Nodes
from ogpu_jupyter.chain.rpc.values import quantity
from ogpu_jupyter.errors import NetworkError, NodeUnavailable, RpcError, WrongChain

if TYPE_CHECKING:
    from collections.abc import Sequence

_MISSES = 4
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_LAGGING = re.compile(
    r"header not found|unknown block|block (0x[0-9a-f]+|#?\d+|\w+)? ?not found", re.IGNORECASE
)


class Rpc:
    """The node at `url`, or the next of `others` where it fails; threads may share it.

    A `deadline` is a moment of `time.monotonic()`. Where there are several nodes, each is
    used only after it has shown the network's chain (`chain_id`; else that of the first).
    """

    def __init__(
        self, url: str, *others: str, timeout: float = 20.0, chain_id: int | None = None
    ) -> None:
        self.timeout = timeout
        self._nodes = Nodes((url, *others), chain_id)
        self._ids = itertools.count(1)
        self._closed = threading.Event()

    def __repr__(self) -> str:
        return f"Rpc({self.where!r})"

    @property
    def url(self) -> str:
        """Of the node that is asked at present."""
        return self._nodes.pick().url

    @property
    def where(self) -> str:
        """The node's address without what may hold an API key: its path, user and password."""
        return self._nodes.pick().where

    @property
    def requests(self) -> int:
        """Requests made so far, of all nodes: HTTP's, and messages of a WebSocket."""
        return sum(node.wire.requests for node in self._nodes.all)

    def call(self, method: str, *params: Any, deadline: float | None = None) -> Any:
        (answer,) = self.batch([Call(method, params)], deadline=deadline)
        if isinstance(answer, RpcError):
            raise answer
        return answer

    def batch(self, calls: Sequence[Call], *, deadline: float | None = None) -> list[Any]:
        """The answers in the order of `calls`; one that the node refused is an `RpcError`."""
        asking = _Asking(calls, self._until(deadline), self._closed)
        while asking.is_open:
            self._step(asking, calls)
        return asking.answers

    def _step(self, asking: _Asking, calls: Sequence[Call]) -> None:
        node = self._nodes.pick()
        chunk = asking.chunk(node.largest)
        try:
            answers = self._ask_proven(node, [calls[i] for i in chunk], asking.until)
        except BatchRefused as refused:
            asking.largest = max(1, len(chunk) // 2) if refused.too_large else 1
            if refused.remember:
                node.largest = asking.largest
        except WrongChain:
            if not self._nodes.another_is_ready():
                raise
        except Trouble as trouble:
            if not self._goes_on(node, asking, trouble):
                self._unavailable(node, trouble)
        else:
            trouble_left = asking.take(dict(zip(chunk, answers, strict=True)))
            if trouble_left is None:
                node.works()
            elif not self._goes_on(node, asking, trouble_left):
                asking.give_up()

    def _goes_on(self, node: Node, asking: _Asking, trouble: Trouble) -> bool:
        """With another node at once, or after a pause; False when there is no time for it."""
        if not (self._nodes.are_several and trouble.is_nodes):
            return asking.wait(trouble)
        node.fails(trouble.pause)
        if self._nodes.another_is_ready():
            return asking.has_time
        pause = min(trouble.pause, self._nodes.seconds_to_rest())
        return asking.wait(Trouble(trouble.reason, patience=trouble.patience, pause=pause))

    def send_raw(self, raw: bytes, *, deadline: float | None = None) -> str:
        """The hash that the node gives. RpcError: it refused; NodeUnavailable: who knows.

        One node gets it, once; another only where nothing has left for the first.
        """
        call, until = Call("eth_sendRawTransaction", ("0x" + raw.hex(),)), self._until(deadline)
        node = self._sending_node(until)
        try:
            (answer,) = self._ask(node, [call], until)
        except Trouble as trouble:
            node.fails(trouble.pause)
            self._unavailable(node, trouble)
        if isinstance(answer, RpcError) and answer.code == NO_ANSWER:
            self._unavailable(node, Trouble("its answer is not to the question", patience=0.0))
        if isinstance(answer, RpcError):
            raise answer
        return str(answer)[:100]

    def send_raws(
        self, raws: Sequence[bytes], *, deadline: float | None = None
    ) -> list[str | NetworkError]:
        """`send_raw` for many in one request: to each its hash, or the error it would raise.

        Where the node refuses the batch they leave again in smaller ones: the same bytes
        can't be taken twice.
        """
        until, found, most = self._until(deadline), list[str | NetworkError](), len(raws)
        try:
            while rest := raws[len(found) :]:
                node = self._sending_node(until)
                some = rest[: min(most, node.largest)]
                try:
                    found += self._ask_to_send(node, some, until)
                except BatchRefused as refused:
                    most = max(1, len(some) // 2) if refused.too_large else 1
                    if refused.remember:
                        node.largest = most
        except NetworkError as error:
            found += [error] * (len(raws) - len(found))
        return found

    def _ask_to_send(
        self, node: Node, raws: Sequence[bytes], until: float
    ) -> list[str | NetworkError]:
        calls = [Call("eth_sendRawTransaction", ("0x" + raw.hex(),)) for raw in raws]
        try:
            answers = self._ask(node, calls, until)
        except Trouble as trouble:
            node.fails(trouble.pause)
            self._unavailable(node, trouble)
        lost = NodeUnavailable(f"The node at {node.where} gave no answer to the question.")
        return [
            (lost if answer.code == NO_ANSWER else answer)
            if isinstance(answer, RpcError)
            else str(answer)[:100]
            for answer in answers
        ]

    def _sending_node(self, until: float) -> Node:
        """One that has shown its chain, where there is more than one."""
        while True:
            node = self._nodes.pick()
            try:
                self._prove(node, self._nodes.share(until))
            except WrongChain:
                if not self._nodes.another_is_ready():
                    raise
            except Trouble as trouble:
                node.fails(trouble.pause)
                if not self._nodes.another_is_ready():
                    self._unavailable(node, trouble)
            else:
                return node

    def close(self) -> None:
        self._closed.set()
        for node in self._nodes.all:
            node.wire.close()

    def _until(self, deadline: float | None) -> float:
        return time.monotonic() + self.timeout if deadline is None else deadline

    def _unavailable(self, node: Node, trouble: Trouble) -> NoReturn:
        raise NodeUnavailable(
            f"The node at {node.where} doesn't answer: {trouble.reason}.",
            hint="Type `%ogpu status` to ask it again, or `%ogpu connect <network>` for another.",
        ) from None

    def _ask_proven(self, node: Node, calls: Sequence[Call], until: float) -> list[Any]:
        share = self._nodes.share(until)
        self._prove(node, share)
        return self._ask(node, calls, share)

    def _prove(self, node: Node, until: float) -> None:
        if node.is_proven or not self._nodes.are_several:
            return
        questions = [Call("eth_chainId"), Call("eth_getBlockByNumber", ("0x0", False))]
        try:
            chain_id, first = self._ask(node, questions, until)
        except BatchRefused:
            chain_id, first = (self._ask(node, [question], until)[0] for question in questions)
        if isinstance(chain_id, RpcError):
            raise Trouble(chain_id.what, patience=PATIENCE)
        self._nodes.prove(node, quantity(chain_id, "a chain id"), first)

    def _ask(self, node: Node, calls: Sequence[Call], until: float) -> list[Any]:
        """One request; a call without an answer gets an RpcError of its own code."""
        ids = [next(self._ids) for _ in calls]
        asked = [body_of(call, id_) for call, id_ in zip(calls, ids, strict=True)]
        body = json.dumps(asked if len(asked) > 1 else asked[0]).encode()
        try:
            page = node.wire.post(body, until=until)
        except WireError as error:
            raise Trouble(error.reason, patience=error.patience) from None
        found = answers_in(page, ids)
        return [answer_to(call, found.get(id_)) for call, id_ in zip(calls, ids, strict=True)]


class _Asking:
    """What is still to be asked of one batch, and for how long."""

    def __init__(self, calls: Sequence[Call], until: float, closed: threading.Event) -> None:
        self.until = until
        self.largest = MAX_BATCH
        self.answers: list[Any] = [None] * len(calls)
        self._methods = [call.method for call in calls]
        self._closed = closed
        self._open = list(range(len(calls)))
        self._again: set[int] = set()
        self._misses = [0] * len(calls)
        self._since: float | None = None
        self._pause = _FIRST_PAUSE

    @property
    def is_open(self) -> bool:
        return bool(self._open)

    @property
    def has_time(self) -> bool:
        return time.monotonic() < self.until and not self._closed.is_set()

    def chunk(self, largest: int) -> list[int]:
        """Calls that went unanswered in a batch are asked one at a time."""
        alone = self._misses[self._open[0]] > 0
        return self._open[: 1 if alone else min(largest, self.largest)]

    def take(self, answers: dict[int, Any]) -> Trouble | None:
        """Why some have to be asked again, if so."""
        for index, answer in answers.items():
            self.answers[index] = answer
        again = {i: trouble for i in answers if (trouble := self._trouble(i)) is not None}
        self._again = set(again)
        self._open = [i for i in self._open if i not in answers or i in again]
        if not again:
            self._since, self._pause = None, _FIRST_PAUSE
        return next(iter(again.values()), None)

    def give_up(self) -> None:
        """Those that should have been asked again keep the error that they have."""
        self._open = [i for i in self._open if i not in self._again]

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
            again = self._misses[index] < _MISSES
            return Trouble(answer.what, patience=None, is_nodes=False) if again else None
        if is_busy(answer.code, answer.what, self._methods[index]):
            return Trouble(answer.what, patience=None, pause=0.25)
        if _LAGGING.search(answer.what) and "revert" not in answer.what:
            return Trouble(answer.what, patience=PATIENCE, is_nodes=False)
        return None
