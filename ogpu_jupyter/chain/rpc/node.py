"""Ask a node: in batches, again where that is safe, within one deadline."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn

from ogpu_jupyter.chain.rpc.http import PATIENCE, WireError
from ogpu_jupyter.chain.rpc.limits import MAX_BATCH
from ogpu_jupyter.chain.rpc.messages import (
    NO_ANSWER,
    NO_METHOD,
    BatchRefused,
    Call,
    Trouble,
    answer_to,
    answers_in,
    body_of,
    is_busy,
    is_of_call,
    said,
)
from ogpu_jupyter.chain.rpc.nodes import Node, Nodes
from ogpu_jupyter.chain.rpc.unclear import Unclear
from ogpu_jupyter.chain.rpc.values import quantity
from ogpu_jupyter.errors import NetworkError, NodeUnavailable, RpcError, WrongChain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.chain.rpc.limits import BatchLimit
    from ogpu_jupyter.transport import Headers

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
    The `headers` are for the host of `url` alone.
    """

    def __init__(
        self,
        url: str,
        *others: str,
        timeout: float = 20.0,
        chain_id: int | None = None,
        headers: Headers = (),
    ) -> None:
        self.timeout = timeout
        self._nodes = Nodes((url, *others), chain_id, headers)
        self._unclear = Unclear()
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

    @property
    def largest_batch(self) -> int:
        """Calls that the node which is asked at present takes in one request."""
        return self._nodes.pick().largest

    @property
    def batch_limit(self) -> int | None:
        """`largest_batch`, where it was found that the node takes no more."""
        most = self.largest_batch
        return most if most < MAX_BATCH else None

    def call(self, method: str, *params: Any, deadline: float | None = None) -> Any:
        (answer,) = self.batch([Call(method, params)], deadline=deadline)
        if isinstance(answer, RpcError):
            raise answer
        return answer

    def batch(self, calls: Sequence[Call], *, deadline: float | None = None) -> list[Any]:
        """The answers in the order of `calls`; one that the node refused is an `RpcError`.

        Without a deadline there is the same time for each of the requests that it takes.
        """
        renewed = self.timeout if deadline is None else None
        asking = _Asking(calls, self._until(deadline), self._closed, renewed)
        while asking.is_open:
            self._step(asking, calls)
        return asking.answers

    def _step(self, asking: _Asking, calls: Sequence[Call]) -> None:
        node = self._nodes.pick()
        chunk = asking.chunk(node.limit)
        try:
            answers = self._ask_proven(node, [calls[i] for i in chunk], asking.until)
        except BatchRefused as refused:
            if not asking.refused(len(chunk), node.limit, told=refused.remember):
                self._again(node, asking, Trouble(str(refused), patience=PATIENCE))
        except WrongChain:
            if not self._nodes.another_is_ready():
                raise
        except Trouble as trouble:
            if trouble.may_be_size and len(chunk) > 1:
                asking.refused(len(chunk), node.limit, told=False)
            self._again(node, asking, trouble)
        else:
            self._take(node, asking, dict(zip(chunk, answers, strict=True)))

    def _take(self, node: Node, asking: _Asking, answers: dict[int, Any]) -> None:
        if asking.doubts(answers, node.limit):
            return
        trouble = asking.take(answers)
        if trouble is None:
            node.works()
        elif not self._goes_on(node, asking, trouble):
            asking.give_up()

    def _again(self, node: Node, asking: _Asking, trouble: Trouble) -> None:
        if not self._goes_on(node, asking, trouble):
            self._unavailable(node, trouble)

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

        One node gets it, once; another only where nothing has left for the first. Sent once
        more after an answer was lost, it goes to the same one, for as long as that can be
        reached; and a refusal then `proves_nothing`, for the first may have it.
        """
        (answer,) = self.send_raws([raw], deadline=deadline)
        if isinstance(answer, NetworkError):
            raise answer
        return answer

    def send_raws(
        self, raws: Sequence[bytes], *, deadline: float | None = None
    ) -> list[str | NetworkError]:
        """`send_raw` for many in one request: to each its hash, or the error it would raise.

        Where the node refuses the batch they leave again in smaller ones: the same bytes
        can't be taken twice. The same error for each may be such a refusal: what the first
        gets by itself tells.
        """
        until, found, most = self._until(deadline), list[str | NetworkError](), len(raws)
        try:
            while rest := raws[len(found) :]:
                holder = self._unclear.holder(rest[0])
                node = self._sending_node(until, holder)
                some = rest[: min(most, node.largest)]
                if any(self._unclear.holder(raw) is not holder for raw in some):
                    some = rest[:1]
                try:
                    answers = self._ask_to_send(node, some, until)
                    if len(some) > node.limit.proven and is_one_error(answers):
                        alone = self._ask_to_send(node, some[:1], until)
                        if not is_one_error([*alone, *answers[:1]]):
                            most = node.limit.below(len(some))
                            node.limit.learn(most, told=False)
                            answers = alone
                    found += answers
                except _GoesElsewhere:
                    continue
                except BatchRefused as refused:
                    most = node.limit.below(len(some))
                    if refused.remember:
                        node.limit.learn(most, told=True)
                    else:  # without a word: part of it may have been taken
                        self._unclear.left(some, node)
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
            if trouble.may_have_left:
                self._unclear.left(raws, node)
            elif self._nodes.another_is_ready():
                self._unclear.unreachable(node)
                raise _GoesElsewhere from None
            self._unavailable(node, trouble)
        if all(isinstance(a, RpcError) and a.code == NO_METHOD for a in answers):
            node.is_read_only = True
            if self._nodes.has_writers and not any(raw in self._unclear for raw in raws):
                raise _GoesElsewhere
        return [self._told(node, *each) for each in zip(raws, answers, strict=True)]

    def _told(self, node: Node, raw: bytes, answer: Any) -> str | NetworkError:
        if not isinstance(answer, RpcError):
            self._unclear.taken(raw)
            return str(answer)[:100]
        if answer.code == NO_ANSWER:
            self._unclear.left([raw], node)
            return NodeUnavailable(f"The node at {node.where} gave no answer to the question.")
        answer.proves_nothing = raw in self._unclear
        return answer

    def _sending_node(self, until: float, holder: Node | None) -> Node:
        """The holder, or one that has shown its chain, where there is more than one."""
        while True:
            node = holder or self._nodes.pick_to_send()
            try:
                self._prove(node, self._nodes.share(until))
            except WrongChain:
                if not self._nodes.another_is_ready():
                    raise
                holder = None
            except Trouble as trouble:
                node.fails(trouble.pause)
                if (holder and trouble.may_have_left) or not self._nodes.another_is_ready():
                    self._unavailable(node, trouble)
                self._unclear.unreachable(node)
                holder = None
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
        chain_id, first = self._both(node, questions, until)
        if isinstance(chain_id, RpcError):
            raise Trouble(chain_id.what, patience=PATIENCE)
        self._nodes.prove(node, quantity(chain_id, "a chain id"), first)

    def _both(self, node: Node, questions: Sequence[Call], until: float) -> list[Any]:
        """Together, or by themselves where the node takes no two."""
        if node.largest > 1:
            try:
                answers = self._ask(node, questions, until)
            except BatchRefused:
                pass
            else:
                if not any(isinstance(answer, RpcError) for answer in answers):
                    return answers
        return [self._ask(node, [question], until)[0] for question in questions]

    def _ask(self, node: Node, calls: Sequence[Call], until: float) -> list[Any]:
        """One request; a call without an answer gets an RpcError of its own code."""
        ids = [next(self._ids) for _ in calls]
        asked = [body_of(call, id_) for call, id_ in zip(calls, ids, strict=True)]
        body = json.dumps(asked if len(asked) > 1 else asked[0]).encode()
        try:
            page = node.wire.post(body, until=until)
        except WireError as error:
            left = error.may_have_left
            raise Trouble(error.reason, patience=error.patience, may_have_left=left) from None
        found = answers_in(page, ids)
        return [answer_to(call, found.get(id_)) for call, id_ in zip(calls, ids, strict=True)]


class _GoesElsewhere(Exception):
    """Nothing has left for this node: another may be asked to send."""


def is_one_error(answers: Sequence[Any]) -> bool:
    """All are refused in the same words, and not for what a call itself can be refused."""
    errors = [answer for answer in answers if isinstance(answer, RpcError)]
    if len(errors) < len(answers) or any(_is_missing(error) for error in errors):
        return False
    words = {said(error) for error in errors}
    of_call = any(is_of_call(said(error), error.code, error.data) for error in errors)
    return len(answers) > 1 and len(words) == 1 and not of_call


def _is_missing(answer: Any) -> bool:
    return isinstance(answer, RpcError) and answer.code == NO_ANSWER


class _Asking:
    """What is still to be asked of one batch, and for how long."""

    def __init__(
        self,
        calls: Sequence[Call],
        until: float,
        closed: threading.Event,
        renewed: float | None = None,
    ) -> None:
        self.until = until
        self.largest = MAX_BATCH
        self._renewed = renewed  # seconds from each answer on
        self._over: int | None = None  # a size that was refused, and no smaller one taken since
        self._told = False
        self._strikes = 0
        self._doubted: dict[int, Any] = {}
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

    def chunk(self, limit: BatchLimit) -> list[int]:
        """Calls that went unanswered in a batch are asked one at a time."""
        first = self._open[0]
        alone = self._doubted or self._misses[first] > (1 if self._over else 0)
        return self._open[: 1 if alone else min(limit.next(), self.largest)]

    def refused(self, count: int, limit: BatchLimit, *, told: bool) -> bool:
        """Less is asked at a time from now on; False where the same is to be tried once more."""
        self._strikes += 1
        if not told and self._strikes < 2:
            return False
        self._over, self._told = count, told
        self.largest = limit.below(count)
        return True

    def doubts(self, answers: dict[int, Any], limit: BatchLimit) -> bool:
        """Whether one error to all may mean the batch: the first is asked by itself then."""
        if self._doubted:
            doubted, self._doubted = self._doubted, {}
            (place,) = answers
            if is_one_error([answers[place], doubted[place]]):
                answers |= doubted
            else:
                self.refused(len(doubted), limit, told=True)
        elif len(answers) > limit.proven and is_one_error(list(answers.values())):
            self._doubted = answers
            return True
        self._learn(answers, limit)
        return False

    def _learn(self, answers: dict[int, Any], limit: BatchLimit) -> None:
        missing = sum(_is_missing(answer) for answer in answers.values())
        if missing > 1:  # those that came may be all that are taken
            self._over, self._told = len(answers), False
            self.largest = max(1, len(answers) - missing)
        elif not missing:
            self._strikes = 0
            if self._over is not None and len(answers) <= self.largest:
                limit.learn(self.largest, told=self._told)
                self._over = None
            limit.took(len(answers))

    def take(self, answers: dict[int, Any]) -> Trouble | None:
        """Why some have to be asked again, if so."""
        if self._renewed is not None:
            self.until = time.monotonic() + self._renewed
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
