"""Questions and answers of JSON-RPC as they are on the wire; nothing of a node is trusted.

What can't be used becomes a `Trouble`, which may pass, or for a batch a `BatchRefused`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from ogpu_jupyter.chain.rpc.http import PATIENCE
from ogpu_jupyter.chain.rpc.values import one_line
from ogpu_jupyter.errors import RpcError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.chain.rpc.http import Page

MAX_DEPTH = 200
LIMIT_EXCEEDED = -32005
NO_ANSWER = -32099
NO_METHOD = -32601
_MAX_MESSAGE = 1000
_MAX_DIGITS = 100
_BUSY = frozenset({408, 429, 502, 503, 504})
_NO_BATCH = frozenset({200, 400, 405, 413, 415, 422, 500, 501})
_PASSING = frozenset({200, 500})  # may have another cause than the batch
_TOO_MUCH = re.compile(
    r"more than|range|results|logs|response|batch|too (large|big|long|wide)", re.IGNORECASE
)
_RATE = re.compile(
    r"\brate\b|rate.?limit|too many requests|request (count|limit)|requests? (is |are )?exceed"
    r"|(per|a|each) (second|minute|day)|throughput|compute units|capacity|slow down|throttl",
    re.IGNORECASE,
)
_SURELY_RATE = re.compile(r"rate.?limit|too many requests", re.IGNORECASE)
_STRING = re.compile(rb'"[^"]*"?')
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


@dataclass(frozen=True)
class Call:
    """One question to the node."""

    method: str
    params: tuple[Any, ...] = ()


class Trouble(Exception):
    """No usable answer. `patience`: the seconds it is worth; None: until the deadline.

    `is_nodes`: another node may well have one. `may_be_size`: it may mean that a batch is
    too large, for some nodes say that so. Not `may_have_left`: the node got no question.
    """

    def __init__(
        self,
        reason: str,
        *,
        patience: float | None,
        pause: float = 0.0,
        is_nodes: bool = True,
        may_be_size: bool = False,
        may_have_left: bool = True,
    ) -> None:
        super().__init__(reason)
        self.may_be_size = may_be_size
        self.may_have_left = may_have_left
        self.is_nodes = is_nodes
        self.reason = reason
        self.patience = patience
        self.pause = pause


class BatchRefused(Exception):
    """Nothing of a batch was answered; `remember`: and the node said so, of the batch itself."""

    def __init__(self, *, remember: bool) -> None:
        super().__init__("what it sends is not an answer to each question")
        self.remember = remember


def body_of(call: Call, id_: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "method": call.method, "params": list(call.params)}


def answers_in(page: Page, ids: Sequence[int]) -> dict[int, Any]:
    """The answer objects of a page by their id; an id that comes twice counts as none."""
    if page.status in _BUSY:
        pause = page.retry_after or 0.0
        much = page.status == 429
        raise Trouble(f"HTTP {page.status}", patience=None, pause=pause, may_be_size=much)
    value = _decoded(page)
    if len(ids) > 1 and not isinstance(value, list):
        raise _refusal(page, value)
    items = [item for item in (value if isinstance(value, list) else [value]) if _is_answer(item)]
    if not isinstance(value, list) and not items:
        raise _no_answer(page)
    if len(ids) == len(items) == 1 and items[0].get("id") is None:
        return {ids[0]: items[0]}  # an error that the node met before it read the id
    counts = Counter(_id(item) for item in items)
    found = {_id(item): item for item in items if counts[_id(item)] == 1}
    if len(ids) > 1 and not _are_answered(found, ids):
        raise _refusal(page, next((item for item in items if item.get("error")), None))
    return found


def _are_answered(found: dict[int, Any], ids: Sequence[int]) -> bool:
    """Not so: none of them; or one by an error of the kind that a call hasn't, and no other.

    A node that finds a batch too large may say so under the first call's id.
    """
    given = [found[id_] for id_ in ids if id_ in found]
    if len(given) != 1:
        return bool(given)
    return given[0].get("error") is None or is_of_call(*_error(given[0]["error"]))


def is_of_call(words: str, code: int, data: Any = None) -> bool:
    """An error that only a call itself can have, and no batch."""
    return code in {3, NO_METHOD} or data is not None or "revert" in words.lower()


def _is_answer(item: Any) -> bool:
    return isinstance(item, dict) and (item.get("error") is not None or "result" in item)


def _id(item: dict[str, Any]) -> int:
    id_ = item.get("id")
    if isinstance(id_, str) and id_.isascii() and id_.isdigit() and len(id_) < 20:
        return int(id_)
    return id_ if type(id_) is int else -1


def _refusal(page: Page, value: Any) -> Exception:
    """Why a batch got no list of answers: the node is busy, or doesn't take it, or not now."""
    words, code, _ = _error(value.get("error")) if _is_answer(value) else ("", 0, None)
    if is_busy(code, words):
        return Trouble(words, patience=None, pause=0.25, may_be_size=True)
    if words or page.status in _NO_BATCH:
        return BatchRefused(remember=bool(words) or page.status not in _PASSING)
    return _no_answer(page)


def _no_answer(page: Page) -> Trouble:
    if 300 <= page.status < 400:
        return Trouble(f"it redirects (HTTP {page.status}), which is not followed", patience=0.0)
    if page.status >= 400:
        return Trouble(f"HTTP {page.status}", patience=PATIENCE if page.status >= 500 else 0.0)
    return Trouble("what it sends is not JSON-RPC", patience=PATIENCE)


def answer_to(call: Call, item: dict[str, Any] | None) -> Any:
    if item is None:
        return RpcError(f"The node gave no answer to {call.method}.", code=NO_ANSWER)
    if item.get("error") is None:
        return item["result"]
    message, code, data = _error(item["error"])
    return RpcError(f"The node refuses {call.method}: {message}", code=code, data=data)


def said(error: RpcError) -> str:
    """The node's own words in an error that came from here."""
    return re.sub(r"\AThe node refuses \w+: ", "", error.what)


def _error(error: Any) -> tuple[str, int, Any]:
    """The message, code and data of an error object, whatever its shape is."""
    fields = error if isinstance(error, dict) else {"message": error}
    message, code = fields.get("message"), fields.get("code")
    words = one_line(message, _MAX_MESSAGE) if isinstance(message, str) else ""
    return words or "no reason given", code if type(code) is int else 0, fields.get("data")


def is_busy(code: int, message: str, method: str = "") -> bool:
    """It asks to be left alone for a while.

    -32005 also means that an answer would be too large; where it says nothing of either,
    the question tells: of logs there can be too many.
    """
    if code == LIMIT_EXCEEDED:
        plain = method != "eth_getLogs" and not _TOO_MUCH.search(message)
        return plain or bool(_RATE.search(message))
    if code == 429:
        return not _TOO_MUCH.search(message)
    return bool(_SURELY_RATE.search(message))


def _decoded(page: Page) -> Any:
    """The JSON of a page, or None where it is none, or none that can be read safely."""
    try:
        if not is_shallow(page.body):
            return None
        return json.loads(page.body, parse_int=_int, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def is_shallow(body: bytes, depth: int = MAX_DEPTH) -> bool:
    """Brackets outside strings nest at most `depth` deep.

    To be asked before `json.loads`, which ends the process on deep brackets where somebody
    has raised the recursion limit. Each round takes the innermost pairs away; which kind of
    bracket closes which is left to the parser.
    """
    if body.count(b"[") + body.count(b"{") <= depth:
        return True
    text = _STRING.sub(b"", body.replace(b"\\\\", b"").replace(b'\\"', b""))
    text = text.translate(_SQUARE, _NOT_BRACKETS)
    for _ in range(depth):
        if not text:
            break
        text = text.replace(b"[]", b"")
    return not text


def _int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("a number of too many digits")
    return int(digits)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
