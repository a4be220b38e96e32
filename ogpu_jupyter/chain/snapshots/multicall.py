"""Many questions in one `eth_call`, by Multicall3, which stands at one address on most chains.

It only repeats what contracts say, so it is asked where the reader can't be; a question that
fails in it is asked again by itself, as it may have lacked gas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.chain.rpc import Call, said
from ogpu_jupyter.chain.snapshots.means import is_too_much
from ogpu_jupyter.errors import RpcError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.chain.contracts import ContractCall
    from ogpu_jupyter.chain.rpc import Rpc
    from ogpu_jupyter.chain.snapshots.means import Means

MULTICALL3: Final = "0xcA11bde05977b3631167028862bE2a173976CA11"
_AGGREGATE3: Final = "82ad56cb"  # aggregate3((address target, bool allowFailure, bytes callData)[])
_WORD: Final = 32
_AT_ONCE: Final = 4  # calls in a batch: what nodes take in one request is bounded too
_TOO_FEW: Final = 10  # in a call, to be worth it


class Unfit(ValueError):
    """The answer is not Multicall3's to these questions."""


class Asker:
    """Asks contracts at one block, in the best way that this node has been found to take."""

    def __init__(self, rpc: Rpc, means: Means, block: int, until: float) -> None:
        self._rpc = rpc
        self._way = means.multicall
        self._block = block
        self._until = until

    def ask(self, calls: Sequence[ContractCall]) -> list[Any]:
        """The answers in order: hex data, or an RpcError."""
        answers: list[Any] = [None] * len(calls)
        if self._way.open and len(calls) > 1:
            answers = self._aggregate(calls)
        left = [i for i, answer in enumerate(answers) if answer is None]
        alone = self._rpc.batch([calls[i].rpc for i in left], deadline=self._until) if left else []
        for i, answer in zip(left, alone, strict=True):
            answers[i] = answer
        self._learn(calls, left, alone)
        return answers

    def _learn(self, calls: Sequence[ContractCall], left: list[int], alone: list[Any]) -> None:
        """Questions that fail together and not alone were too many for the gas of a call."""
        good = sum(not isinstance(answer, RpcError) for answer in alone)
        if self._way.proven and len(left) < len(calls) and good:
            self._way.shrink(min(self._way.most, len(calls)))

    def _aggregate(self, calls: Sequence[ContractCall]) -> list[Any]:
        """None for what has to be asked by itself."""
        found: list[Any] = []
        while len(found) < len(calls):
            most = self._way.most
            # The first alone tells whether the contract is there.
            end = min(len(calls), len(found) + most * (_AT_ONCE if self._way.proven else 1))
            chunks = [calls[i : min(end, i + most)] for i in range(len(found), end, most)]
            asked = [self._call(chunk) for chunk in chunks]
            answers = self._rpc.batch(asked, deadline=self._until)
            for chunk, answer in zip(chunks, answers, strict=True):
                found += self._results(chunk, answer)
            if not (self._way.open and self._way.proven):
                break
        return found + [None] * (len(calls) - len(found))

    def _call(self, calls: Sequence[ContractCall]) -> Call:
        message = {"to": MULTICALL3, "data": "0x" + _encoded(calls).hex()}
        return Call("eth_call", (message, hex(self._block)))

    def _results(self, calls: Sequence[ContractCall], answer: Any) -> list[Any]:
        if isinstance(answer, RpcError):
            self._refused(answer, len(calls))
            return [None] * len(calls)
        try:
            results = _decoded(answer, len(calls))
        except Unfit:
            self._way.failed(for_good=True)
            return [None] * len(calls)
        self._way.worked(len(calls), 0.0)
        return results

    def _refused(self, error: RpcError, asked: int) -> None:
        if asked >= _TOO_FEW and is_too_much(said(error)):
            self._way.shrink(asked)
        else:
            self._way.failed()


def _encoded(calls: Sequence[ContractCall]) -> bytes:
    """Every dynamic part in its place, by the ABI's rules."""
    items = [_item(call) for call in calls]
    place, offsets = _WORD * len(items), []
    for item in items:
        offsets.append(_word(place))
        place += len(item)
    head = bytes.fromhex(_AGGREGATE3) + _word(_WORD) + _word(len(items))
    return head + b"".join(offsets) + b"".join(items)


def _item(call: ContractCall) -> bytes:
    data = bytes.fromhex(call.rpc.params[0]["data"][2:])
    target = _word(int(call.address, 16))
    padding = b"\0" * (-len(data) % _WORD)
    return target + _word(1) + _word(3 * _WORD) + _word(len(data)) + data + padding


def _word(value: int) -> bytes:
    return value.to_bytes(_WORD, "big")


def _decoded(answer: Any, count: int) -> list[Any]:
    """For each question its hex data, or None where it failed."""
    try:
        data = bytes.fromhex(answer.removeprefix("0x"))
    except (AttributeError, TypeError, ValueError):
        raise Unfit("not hex") from None
    base = _number(data, 0) + _WORD
    if _number(data, base - _WORD) != count:
        raise Unfit("another count")
    return [_result(data, base + _number(data, base + i * _WORD)) for i in range(count)]


def _result(data: bytes, place: int) -> str | None:
    start = place + _number(data, place + _WORD)
    length = _number(data, start)
    found = data[start + _WORD : start + _WORD + length]
    if len(found) != length:
        raise Unfit("cut short")
    return "0x" + found.hex() if _number(data, place) == 1 else None


def _number(data: bytes, place: int) -> int:
    word = data[place : place + _WORD]
    if len(word) != _WORD:
        raise Unfit("cut short")
    return int.from_bytes(word, "big")
