"""A proxy between client and market that does harm by a seed: the same seed, the same plan.

It stands before a real node and a real content store. What the n-th request of a kind
suffers follows from the seed, the kind and n alone, however the threads interleave; and a
storm has a budget, so that it ends.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.chain.faulty import Exchange, reset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Fault = Callable[["Guest"], None]

LATE_SECONDS = 0.4
HANG_SECONDS = 3.0  # longer than the clients of a storm wait for one answer
BEHIND = 2  # blocks that a lagging replica lacks
SEND = "eth_sendRawTransaction"
_ABOUT_A_TRANSACTION = ("eth_getTransactionByHash", "eth_getTransactionReceipt")
_LAGGING = {"eth_call": 1, "eth_getTransactionCount": 1, "eth_getBalance": 1}
_LAGGING["eth_getBlockByNumber"] = 0


@dataclass
class Storm:
    """`rate` of the requests suffer, at most `budget` of each kind; `only` names the faults."""

    seed: int
    rate: float = 0.25
    budget: int = 12
    only: tuple[str, ...] = ()
    done: Counter[str] = field(default_factory=Counter)
    _asked: Counter[str] = field(default_factory=Counter)
    _struck: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, kind: str) -> tuple[str, random.Random]:
        """The name of what the next request of a kind suffers, or nothing."""
        with self._lock:
            self._asked[kind] += 1
            dice = random.Random(f"{self.seed}/{kind}/{self._asked[kind]}")
            names = [name for name in FAULTS[kind] if not self.only or name in self.only]
            rate = min(2 * self.rate, 0.7) if kind == "send" else self.rate
            if not names or self._struck[kind] >= self.budget or dice.random() >= rate:
                return "", dice
            name = dice.choice(names)
            self._struck[kind] += 1
            self.done[name] += 1
            return name, dice

    @property
    def count(self) -> int:
        return sum(self.done.values())


@dataclass(frozen=True)
class Limit:
    """At most so many calls in a batch are taken; `told` names the way of `LIMITS`."""

    most: int
    told: str


class Proxy:
    """At `url` the node, at `pin_url` and `gateway_url` the content store."""

    def __init__(self, node: str, pins: str = "") -> None:
        self.node = node
        self.pins = pins
        self.storm: Storm | None = None
        self.limit: Limit | None = None  # what the node is like, in storm and calm
        self.calm = threading.Event()
        self.seen: list[tuple[str, ...]] = []  # the methods of each request to the node
        self.refused: list[int] = []  # the sizes of batches that were over the limit
        self.sent: list[str] = []  # the bytes of each transaction that came by
        self.let_in: list[str] = []  # and of those in no batch that was over the limit
        self.url = ""
        self._script: list[tuple[str, str | Fault, bool]] = []
        self._lock = threading.Lock()

    @property
    def pin_url(self) -> str:
        return f"{self.url}/file/create"

    @property
    def gateway_url(self) -> str:
        return f"{self.url}/ipfs"

    def let_loose(self, storm: Storm) -> None:
        self.calm.clear()
        self.storm = storm

    def settle_down(self) -> None:
        """From now on everything is honest; who hangs is let go."""
        self.storm = None
        self.calm.set()
        self._script.clear()

    def once(self, method: str, *faults: str | Fault) -> None:
        """The next requests that hold this method suffer these faults, one each."""
        self._add(method, faults, lasts=False)

    def always(self, method: str, fault: str | Fault) -> None:
        """So do all that hold it, until `settle_down`."""
        self._add(method, [fault], lasts=True)

    def _add(self, method: str, faults: Sequence[str | Fault], *, lasts: bool) -> None:
        self.calm.clear()
        with self._lock:
            self._script += [(method, fault, lasts) for fault in faults]

    def fault(self, kind: str, methods: Sequence[str]) -> tuple[Fault, random.Random]:
        """What a request of these methods suffers; `*` in a script stands for any of the node's."""
        with self._lock:
            for i, (method, fault, lasts) in enumerate(self._script):
                if method in methods or (method == "*" and kind in {"read", "send"}):
                    if not lasts:
                        del self._script[i]
                    return (FAULTS[kind][fault] if isinstance(fault, str) else fault), _no_dice()
        storm = self.storm
        name, dice = storm.next(kind) if storm else ("", _no_dice())
        return FAULTS[kind].get(name, honest), dice

    @property
    def is_spent(self) -> bool:
        """The script has been played."""
        return not self._script


def _no_dice() -> random.Random:
    return random.Random(0)


class Guest(Exchange):
    """One connection of a client."""

    proxy: Proxy
    dice: random.Random

    def do_POST(self) -> None:  # noqa: N802 - the server's name
        with suppress(OSError, HTTPException):
            self.body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.startswith("/file/"):
                self.serve("pin", ["pin"])
            else:
                self.asked = json.loads(self.body)
                methods = [one["method"] for one in self.calls]
                self.proxy.seen.append(tuple(methods))
                raw = [c["params"][0] for c in self.calls if c["method"] == SEND]
                self.proxy.sent += raw
                self.serve("send" if raw else "read", methods)

    def do_GET(self) -> None:  # noqa: N802 - the server's name
        with suppress(OSError, HTTPException):
            self.body = b""
            self.serve("get", ["get"])

    def serve(self, kind: str, methods: Sequence[str]) -> None:
        limit = self.proxy.limit
        if limit and self.body and kind in {"read", "send"} and len(self.calls) > limit.most:
            self.proxy.refused.append(len(self.calls))
            LIMITS[limit.told](self, limit.most)
            return
        if kind == "send":
            self.proxy.let_in += [c["params"][0] for c in self.calls if c["method"] == SEND]
        fault, self.dice = self.proxy.fault(kind, methods)
        fault(self)

    @property
    def calls(self) -> list[dict[str, Any]]:
        return self.asked if isinstance(self.asked, list) else [self.asked]

    def forward(self, body: bytes | None = None) -> tuple[int, bytes]:
        """The real answer; where nobody is behind, the client's connection is broken."""
        is_node = self.path in {"", "/"}
        where = urlsplit(self.proxy.node if is_node else self.proxy.pins)
        connection = HTTPConnection(where.netloc, timeout=20)
        headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
        try:
            connection.request(self.command, self.path, body or self.body, headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, HTTPException):
            reset(self)
            raise ConnectionError from None
        finally:
            connection.close()
        if not is_node and self.command == "POST":  # its links lead to where it is asked
            here = self.proxy.url.encode()
            answer = answer.replace(f"http://{where.netloc}".encode(), here)
        return response.status, answer

    def answered(self, calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the node says to these calls."""
        if not calls:
            return []
        _, body = self.forward(json.dumps(list(calls)).encode())
        return list(json.loads(body))

    def give(self, answers: list[dict[str, Any]]) -> None:
        self.reply(answers if isinstance(self.asked, list) else answers[0])


def honest(guest: Guest) -> None:
    status, body = guest.forward()
    guest.reply(body, status)


def drop_request(guest: Guest) -> None:
    reset(guest)


def drop_reply(guest: Guest) -> None:
    guest.forward()
    reset(guest)


def late(guest: Guest) -> None:
    status, body = guest.forward()
    guest.proxy.calm.wait(guest.dice.uniform(0.05, LATE_SECONDS))
    guest.reply(body, status)


def hang(guest: Guest) -> None:
    """It is done, and nothing is said for longer than anybody waits."""
    guest.forward()
    guest.proxy.calm.wait(HANG_SECONDS)
    reset(guest)


def drip(guest: Guest) -> None:
    """The first bytes come one by one."""
    status, body = guest.forward()
    guest.send_response(status)
    guest.send_header("Content-Length", str(len(body)))
    guest.end_headers()
    for i in range(min(10, len(body))):
        guest.wfile.write(body[i : i + 1])
        time.sleep(0.03)
    guest.wfile.write(body[10:])


def cut(guest: Guest) -> None:
    """Half of what was promised."""
    status, body = guest.forward()
    guest.send_response(status)
    guest.send_header("Content-Length", str(len(body)))
    guest.end_headers()
    guest.wfile.write(body[: len(body) // 2])
    guest.wfile.flush()
    reset(guest)


def garbage(guest: Guest) -> None:
    guest.forward()
    guest.reply(b"<html><body>Welcome!</body></html>")


def first(act: Callable[[], object]) -> Fault:
    """Something happens elsewhere before the honest answer."""

    def fault(guest: Guest) -> None:
        act()
        honest(guest)

    return fault


def status(code: int, *, done: bool = False, **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def fault(guest: Guest) -> None:
        if done:
            guest.forward()
        guest.reply(b"busy", code, named)

    return fault


def error(code: int, words: str, *, done: bool = False) -> Fault:
    """The node's own error, to every call."""

    def fault(guest: Guest) -> None:
        if done:
            guest.forward()
        refusal = {"code": code, "message": words}
        guest.give([{"jsonrpc": "2.0", "id": one["id"], "error": refusal} for one in guest.calls])

    return fault


def wrong_ids(guest: Guest) -> None:
    answers = guest.answered(guest.calls)
    guest.give([{**one, "id": one["id"] + 10_000_000} for one in answers])


def shuffled(guest: Guest) -> None:
    answers = guest.answered(guest.calls)
    guest.dice.shuffle(answers)
    guest.give(answers)


def one_missing(guest: Guest) -> None:
    answers = guest.answered(guest.calls)
    if len(answers) < 2:
        reset(guest)
    else:
        del answers[guest.dice.randrange(len(answers))]
        guest.give(answers)


def one_refused(guest: Guest) -> None:
    """One call of a batch goes wrong inside the node."""
    answers = guest.answered(guest.calls)
    i = guest.dice.randrange(len(answers))
    refusal = {"code": -32005, "message": "too many requests"}
    answers[i] = {"jsonrpc": "2.0", "id": answers[i]["id"], "error": refusal}
    guest.give(answers)


def wrong_chain(guest: Guest) -> None:
    """Its chain id is another's; without one in question it is only late."""
    answers = guest.answered(guest.calls)
    asked = {one["id"]: one["method"] for one in guest.calls}
    for one in answers:
        if asked[one["id"]] == "eth_chainId":
            one["result"] = "0x42f"
    guest.give(answers)


def no_batches(guest: Guest) -> None:
    if isinstance(guest.asked, list):
        refusal = {"code": -32600, "message": "batch requests are not supported"}
        guest.reply({"jsonrpc": "2.0", "id": None, "error": refusal})
    else:
        honest(guest)


def behind(guest: Guest) -> None:
    """A replica that lacks the newest blocks, for all calls of the request alike."""
    (height,) = guest.answered([{"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}])
    newest = max(0, int(height["result"], 16) - BEHIND)
    answers = guest.answered([_as_of(one, newest) for one in guest.calls])
    asked = {one["id"]: one["method"] for one in guest.calls}
    for one in answers:
        if asked[one["id"]] in _ABOUT_A_TRANSACTION and not _is_in(one.get("result"), newest):
            one["result"] = None
    guest.give(answers)


def _as_of(call: dict[str, Any], newest: int) -> dict[str, Any]:
    method, params = call["method"], list(call.get("params", []))
    place = _LAGGING.get(method)
    if place is not None and len(params) > place and params[place] in {"latest", "pending"}:
        params[place] = hex(newest)
    if method == "eth_getLogs":
        params[0] = {**params[0], "toBlock": hex(newest)}
    return {**call, "params": params}


def _is_in(found: Any, newest: int) -> bool:
    block = found.get("blockNumber") if isinstance(found, dict) else None
    return block is not None and int(block, 16) <= newest


# --- a batch of more calls than a node takes: nothing of it is done ---------------------

_LIMIT = {"code": -32600, "message": "batch too large"}


def _refusal(id_: Any, error: dict[str, Any] = _LIMIT) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "error": error}


def _each(guest: Guest, _most: int) -> None:
    guest.reply([_refusal(one["id"]) for one in guest.calls])


def _each_plainly(guest: Guest, _most: int) -> None:
    """By the code of any other error."""
    error = {"code": -32000, "message": "no more than some at a time"}
    guest.reply([_refusal(one["id"], error) for one in guest.calls])


def _some(guest: Guest, most: int) -> None:
    """As many as are taken are done, and nothing is said of the rest."""
    guest.reply(guest.answered(guest.calls[:most]))


def _only_the_first(guest: Guest, _most: int) -> None:
    """The answer to the first call, and no list."""
    guest.reply(guest.answered(guest.calls[:1])[0])


LIMITS: dict[str, Callable[[Guest, int], None]] = {
    "each": _each,
    "each_plainly": _each_plainly,
    "first_id": lambda guest, _: guest.reply([_refusal(guest.calls[0]["id"])]),  # as geth
    "null_in_list": lambda guest, _: guest.reply([_refusal(None)]),
    "null": lambda guest, _: guest.reply(_refusal(None)),
    "object": lambda guest, _: guest.reply(_refusal(guest.calls[0]["id"])),
    "only_the_first": _only_the_first,
    "413": lambda guest, _: guest.reply(b"<html>", 413),
    "400": lambda guest, _: guest.reply(b"", 400),
    "400_json": lambda guest, _: guest.reply(_refusal(None), 400),
    "429": lambda guest, _: guest.reply(b"", 429),
    "limit_exceeded": lambda guest, _: guest.reply(
        _refusal(None, {"code": -32005, "message": "batch request limit exceeded"})
    ),
    "missing": _some,
    "empty_list": lambda guest, _: guest.reply([]),
    "empty": lambda guest, _: guest.reply(b""),
}


# --- what only a transaction can suffer ------------------------------------------------


def on_one_send(words: str, *, done: bool, code: int = -32000) -> Fault:
    """One transaction of the request is answered with an error, whether it is `done` or not."""

    def fault(guest: Guest) -> None:
        chosen = _chosen(guest)
        answers = guest.answered([c for c in guest.calls if done or c["id"] != chosen])
        kept = [one for one in answers if one["id"] != chosen]
        refusal = {"code": code, "message": words}
        guest.give([*kept, {"jsonrpc": "2.0", "id": chosen, "error": refusal}])

    return fault


def forgotten(guest: Guest) -> None:
    """The node says yes to a transaction, and has it no more."""
    from eth_hash.auto import keccak

    chosen = _chosen(guest)
    answers = guest.answered([one for one in guest.calls if one["id"] != chosen])
    raw = next(one["params"][0] for one in guest.calls if one["id"] == chosen)
    tx_hash = "0x" + keccak(bytes.fromhex(raw[2:])).hex()
    guest.give([*answers, {"jsonrpc": "2.0", "id": chosen, "result": tx_hash}])


_LAGS = {
    "poor": (-32000, "insufficient funds for gas * price + value"),
    "cheap": (-32000, "transaction underpriced"),
    "rival": (-32000, "replacement transaction underpriced"),
    "no_method": (-32601, "the method eth_sendRawTransaction does not exist"),
    "any_words": (-32000, "the moon is full"),
}


def lost_then(code: int, words: str) -> Fault:
    """It is done and the reply is lost; then a replica that lags behind is asked."""

    def fault(guest: Guest) -> None:
        guest.forward()
        guest.proxy.once(SEND, error(code, words))
        guest.proxy.once("eth_getTransactionByHash", behind)
        guest.reply(b"busy", 502)

    return fault


def _chosen(guest: Guest) -> int:
    sends = [one["id"] for one in guest.calls if one["method"] == SEND]
    return int(guest.dice.choice(sends))


_WIRE: dict[str, Fault] = {
    "drop_request": drop_request,
    "drop_reply": drop_reply,
    "late": late,
    "hang": hang,
    "drip": drip,
    "cut": cut,
    "garbage": garbage,
    "500": status(500),
    "502": status(502),
    "503": status(503),
    "429": status(429),
    "429_retry_after": status(429, Retry_After="1"),
    "502_done": status(502, done=True),
}
_NODE: dict[str, Fault] = {
    "limit": error(-32005, "rate limit exceeded"),
    "wrong_ids": wrong_ids,
    "shuffled": shuffled,
    "one_missing": one_missing,
    "no_batches": no_batches,
}
FAULTS: dict[str, dict[str, Fault]] = {
    "read": {
        **_WIRE,
        **_NODE,
        "one_refused": one_refused,
        "wrong_chain": wrong_chain,
        "behind": behind,
        "no_block": error(-32000, "header not found"),
    },
    "send": {
        **_WIRE,
        **_NODE,
        "already_known": on_one_send("already known", done=True),
        "nonce_too_low": on_one_send("nonce too low", done=True),
        "nonce_too_low_unsent": on_one_send("nonce too low", done=False),
        "too_cheap": on_one_send("max fee per gas less than block base fee", done=False),
        "underpriced": on_one_send("replacement transaction underpriced", done=False),
        "unknown": on_one_send("unknown transaction", done=True),
        "internal": on_one_send("internal error", done=True, code=-32603),
        "refused": on_one_send("transaction type not supported", done=False),
        "forgotten": forgotten,
        **{f"lost_then_{name}": lost_then(*refusal) for name, refusal in _LAGS.items()},
    },
    "pin": {**_WIRE, "null": lambda guest: guest.reply(b"null")},
    "get": _WIRE,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has left is no news here."""


@contextmanager
def proxying(node: str, pins: str = "") -> Iterator[Proxy]:
    proxy = Proxy(node, pins)
    server = _Server(("127.0.0.1", 0), type("Handler", (Guest,), {"proxy": proxy}))
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.settle_down()
        server.shutdown()
        server.server_close()
        thread.join(10)
