"""The transport: right values by id, patience for reads, one attempt for a transaction."""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter.chain.rpc import Call, Rpc, as_object, digest, hex_bytes, one_line, quantity, said
from ogpu_jupyter.chain.rpc.messages import is_shallow
from ogpu_jupyter.errors import InputError, NodeUnavailable, RpcError
from tests.chain.faulty import (
    answers,
    changed,
    drips,
    echo,
    faulty_node,
    honest,
    leaves,
    lost,
    reset,
    says,
    silent,
)
from tests.helpers import LATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chain.faulty import Exchange, Faulty


@pytest.fixture
def faulty() -> Iterator[tuple[Faulty, Rpc]]:
    with faulty_node() as (node, url):
        rpc = Rpc(url, timeout=10)
        yield node, rpc
        rpc.close()


def numbered(count: int) -> list[Call]:
    return [Call("echo", (n,)) for n in range(count)]


def echoed(count: int) -> list[list[int]]:
    return [[n] for n in range(count)]


# --- batches ---------------------------------------------------------------------------


def test_a_batch_is_one_request_for_each_hundred(faulty):
    """Few requests, however many calls; none for no calls."""
    node, rpc = faulty

    assert rpc.batch(numbered(250)) == echoed(250)
    assert rpc.batch([]) == []
    assert rpc.requests == 3
    assert [len(asked) for asked in node.seen] == [100, 100, 50]


def test_a_single_call_is_no_batch(faulty):
    node, rpc = faulty

    assert rpc.call("echo", "x") == ["x"]
    assert isinstance(node.seen[0], dict)


def test_answers_in_another_order_are_matched_by_id(faulty):
    node, rpc = faulty
    node.script(changed(lambda given: given[::-1]))

    assert rpc.batch(numbered(7)) == echoed(7)
    assert rpc.requests == 1


def test_ids_may_come_back_as_text(faulty):
    node, rpc = faulty
    node.script(changed(lambda given: [{**one, "id": str(one["id"])} for one in given]))

    assert rpc.batch(numbered(3)) == echoed(3)


@pytest.mark.parametrize(
    "change",
    [
        lambda given: given[:2] + given[3:],
        lambda given: [*given, {**given[2], "result": "another"}],
        lambda given: [*given[:2], {**given[2], "id": 10**9}, *given[3:]],
        lambda given: [*given[:2], {**given[2], "id": True}, *given[3:]],
        lambda given: [*given[:2], {"id": given[2]["id"]}, *given[3:]],
        lambda given: [*given[:2], None, 5, "x", [], *given[3:]],
        lambda given: [*given[:2], {"id": None, "error": {"message": "no"}}, *given[3:]],
    ],
    ids=["missing", "doubled", "stranger's id", "bool id", "empty", "not objects", "no id"],
)
def test_a_call_without_a_proper_answer_is_asked_again_alone(faulty, change):
    """The others keep their answers."""
    node, rpc = faulty
    node.script(changed(change))

    assert rpc.batch(numbered(5)) == echoed(5)
    assert node.seen[1]["params"] == [2]
    assert rpc.requests == 2


def test_a_call_that_never_gets_an_answer_ends_as_an_error(faulty):
    """The others are unaffected."""
    node, rpc = faulty

    def all_but_the_second(exchange: Exchange) -> None:
        asked = exchange.asked if isinstance(exchange.asked, list) else [exchange.asked]
        exchange.reply([echo(one) for one in asked if one["params"] != [1]])

    node.always = all_but_the_second
    first, second, third = rpc.batch(numbered(3))

    assert (first, third) == ([0], [2])
    assert isinstance(second, RpcError)
    assert second.what == "The node gave no answer to echo."


def test_one_refused_call_leaves_the_others_alone(faulty):
    node, rpc = faulty
    error = {"code": 3, "message": "execution reverted", "data": "0x"}
    node.script(changed(lambda given: [given[0], {"id": given[1]["id"], "error": error}, given[2]]))

    first, second, third = rpc.batch(numbered(3))

    assert (first, third) == ([0], [2])
    assert isinstance(second, RpcError)
    assert (second.code, second.data, said(second)) == (3, "0x", "execution reverted")


@pytest.mark.parametrize(
    "refusal",
    [
        says({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}}),
        says(b"Bad Request", 400),
        says(b"", 405),
        says({"error": "batch requests are not supported"}, 400),
        changed(lambda given: given[0]),
    ],
    ids=["error", "400", "405", "error text", "only the first"],
)
def test_a_node_without_batches_is_asked_one_by_one_from_then_on(faulty, refusal):
    node, rpc = faulty
    node.always = lambda x: (refusal if isinstance(x.asked, list) else honest)(x)

    assert rpc.batch(numbered(4)) == echoed(4)
    assert rpc.batch(numbered(3)) == echoed(3)
    assert [isinstance(asked, list) for asked in node.seen] == [True, True] + 7 * [False]


def test_a_node_that_takes_small_batches_gets_small_ones(faulty):
    node, rpc = faulty
    too_large = {"id": None, "error": {"code": -32600, "message": "batch too large (max 30)"}}

    def at_most_thirty(exchange: Exchange) -> None:
        (says(too_large) if len(exchange.asked) > 30 else honest)(exchange)

    node.always = at_most_thirty

    assert rpc.batch(numbered(100)) == echoed(100)
    assert [len(asked) for asked in node.seen] == [100, 50, 25, 25, 25, 25]


@pytest.mark.parametrize("fault", [says(b"<html>oh", 500), says(b"<html>welcome")])
def test_a_passing_trouble_does_not_forbid_batches_for_ever(faulty, fault):
    node, rpc = faulty
    node.script(fault)

    assert rpc.batch(numbered(3)) == echoed(3)
    assert rpc.batch(numbered(3)) == echoed(3)
    assert isinstance(node.seen[-1], list)


def test_the_same_error_for_each_is_no_limit_where_one_alone_gets_it_too(faulty):
    """One more question tells the two apart; a call's own errors need none."""
    node, rpc = faulty
    node.always = answers(error={"code": -32000, "message": "not today"})
    refused = rpc.batch(numbered(4))

    assert [said(error) for error in refused] == 4 * ["not today"]
    assert [len(a) if isinstance(a, list) else 1 for a in node.seen] == [4, 1]

    node.seen.clear()
    node.always = answers(error={"code": 3, "message": "execution reverted"})
    rpc.batch(numbered(4))

    assert len(node.seen) == 1
    node.always = None
    assert rpc.batch(numbered(50)) == echoed(50)
    assert rpc.batch_limit is None


def test_a_passing_limit_is_tried_again(faulty, monkeypatch):
    """What no node told may have been a trouble: more is tried later, and kept if it is taken."""
    from ogpu_jupyter.chain.rpc import limits

    monkeypatch.setattr(limits, "_UNTOLD_SECONDS", 0.0)
    node, rpc = faulty
    node.script(says(b"[]"), says(b"[]"))
    assert rpc.batch(numbered(40)) == echoed(40)
    assert rpc.batch_limit == 20

    for _ in range(3):
        assert rpc.batch(numbered(100)) == echoed(100)

    assert rpc.batch_limit is None
    assert len(node.seen[-1]) == 100


# --- patience --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        says(b"slow down", 429),
        says({"id": 1, "error": {"code": -32005, "message": "limit"}}, 429),
        says(b"", 502),
        says(b"<html>", 503),
        says(b"", 504),
        says(b"boom", 500),
        says(b"<html>hello"),
        says(b""),
        says(b"[]"),
        says(b"{}"),
        says(b"null"),
        says(b'{"jsonrpc":"2.0","id":1,"result":'),
        reset,
        lost,
        answers(error={"code": -32005, "message": "daily request count exceeded"}),
        answers(error={"code": -32005, "message": "limit exceeded"}),
        answers(error={"code": -32005, "message": "project ID request rate exceeded"}),
        answers(error={"code": 429, "message": "rate limited"}),
        answers(error={"code": -32000, "message": "Too Many Requests"}),
        answers(error={"code": -32000, "message": "header not found"}),
        answers(error={"code": -32000, "message": "block 0x1f not found"}),
        says({"jsonrpc": "2.0", "id": 10**9, "result": "0x1"}),
    ],
)
def test_reads_are_tried_again(faulty, fault):
    """A read that failed in passing is right at last, alone and in a batch."""
    node, rpc = faulty
    node.script(fault)

    assert rpc.call("echo", 1) == [1]

    node.script(fault)

    assert rpc.batch(numbered(3)) == echoed(3)


def test_retry_after_is_kept(faulty):
    node, rpc = faulty
    node.script(says(b"", 429, Retry_After="1"))
    start = time.monotonic()

    assert rpc.call("echo") == []
    assert 1 <= time.monotonic() - start < LATE


def test_a_wait_beyond_the_deadline_is_not_begun(faulty):
    node, rpc = faulty
    node.always = says(b"", 429, Retry_After="60")
    start = time.monotonic()

    with pytest.raises(NodeUnavailable, match="HTTP 429"):
        rpc.call("echo")

    assert time.monotonic() - start < LATE


@pytest.mark.parametrize(
    "fault",
    [silent, drips(), drips(headers=True), reset, says(b"", 503), says(b"", 429)],
    ids=["silent", "slow body", "slow headers", "reset", "503", "429"],
)
@pytest.mark.parametrize("calls", [1, 3])
def test_one_deadline_holds_for_everything(faulty, fault, calls):
    """Half a second is half a second, whatever the node does with it."""
    node, rpc = faulty
    node.always = fault
    start = time.monotonic()

    with pytest.raises(NodeUnavailable):
        rpc.batch(numbered(calls), deadline=start + 0.5)

    assert time.monotonic() - start < LATE


def test_a_node_that_is_not_there_is_told_after_a_few_seconds():
    """Nobody waits for the whole deadline on a port where nothing listens."""
    rpc = Rpc(f"http://127.0.0.1:{_free_port()}/v1/the-secret-key", timeout=60)
    start = time.monotonic()

    with pytest.raises(NodeUnavailable) as caught:
        rpc.call("eth_chainId")

    assert time.monotonic() - start < 2 * LATE
    assert str(caught.value) == (
        f"The node at {rpc.where} doesn't answer: connection refused.\n"
        "Type `%ogpu status` to ask it again, or `%ogpu connect <network>` for another."
    )


def test_a_node_that_comes_back_is_found(faulty):
    """As when it restarts between two requests: the kept connection is dead by then."""
    node, rpc = faulty
    rpc.call("echo")
    node.script(reset, reset, reset)

    assert rpc.call("echo", "again") == ["again"]


@pytest.mark.parametrize(("status", "words"), [(404, "HTTP 404"), (401, "HTTP 401")])
def test_a_refusal_that_stays_is_told_at_once(faulty, status, words):
    node, rpc = faulty
    node.always = says(b"no", status)

    with pytest.raises(NodeUnavailable, match=words):
        rpc.call("echo")

    assert rpc.requests == 1


def test_a_redirect_is_not_followed(faulty):
    node, rpc = faulty
    node.always = says(b"", 307, Location="http://169.254.169.254/")

    with pytest.raises(NodeUnavailable, match="redirects"):
        rpc.call("echo")

    assert len(node.seen) == 1


@pytest.mark.parametrize(
    "words",
    [
        "query returned more than 10000 results",
        "block range is too wide",
        "exceed maximum block range: 5000",
        "limit exceeded",
    ],
)
def test_an_answer_that_would_be_too_large_is_not_a_rate_limit(faulty, words):
    """-32005 has two meanings: this one has to reach whoever can ask for less."""
    node, rpc = faulty
    node.script(answers(error={"code": -32005, "message": words}))

    with pytest.raises(RpcError, match=words):
        rpc.call("eth_getLogs")

    assert rpc.requests == 1


def test_closing_ends_the_waiting(faulty):
    node, rpc = faulty
    node.always = says(b"", 503)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(rpc.call, "echo")
        while rpc.requests < 3:
            time.sleep(0.01)
        start = time.monotonic()
        rpc.close()

        with pytest.raises(NodeUnavailable):
            waiting.result(20)

    assert time.monotonic() - start < LATE


# --- hostile answers -------------------------------------------------------------------

DEEP = b"[" * 50_000
HUGE = b"1" + b"0" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        DEEP,
        b'{"jsonrpc":"2.0","id":1,"result":' + DEEP + b"]" * 50_000 + b"}",
        b'{"a":' * 50_000,
        b'{"jsonrpc":"2.0","id":1,"result":' + HUGE + b"}",
        b'{"jsonrpc":"2.0","id":1,"result":NaN}',
        b'{"jsonrpc":"2.0","id":1,"result":"\xff\xfe"}',
        b'{"jsonrpc":"2.0","id":' + HUGE + b',"result":1}',
        b'{"jsonrpc":"2.0","id":{},"result":1}',
        b'{"jsonrpc":"2.0","id":[1],"result":1}',
        b'{"jsonrpc":"2.0","id":1.0,"result":1}',
        b'"result"',
        b"7",
        b"true",
        gzip.compress(b"not json at all", mtime=0),
        b"\x00" * 1000,
    ],
)
def test_hostile_answers_are_typed_errors(faulty, body):
    """Also with the recursion limit that `eth_account` sets, where brackets end a process."""
    node, rpc = faulty
    node.always = says(body)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        try:
            given = rpc.batch(numbered(2), deadline=time.monotonic() + 0.1)
            assert all(isinstance(answer, RpcError) for answer in given)
        except NodeUnavailable:
            pass
        with pytest.raises((NodeUnavailable, RpcError)):
            rpc.call("echo", deadline=time.monotonic() + 0.1)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ("just text", 0, "just text"),
        ({}, 0, "no reason given"),
        ([1, 2], 0, "no reason given"),
        (5, 0, "no reason given"),
        ({"code": "x", "message": ["a"]}, 0, "no reason given"),
        ({"code": True, "message": ""}, 0, "no reason given"),
        ({"code": 7.5, "message": None, "data": {"a": []}}, 0, "no reason given"),
        ({"code": -32000, "message": "a\nb\x1b[31mc"}, -32000, "a b [31mc"),
        ({"code": -32000, "message": "x" * 5000}, -32000, "x" * 1000 + "…"),
    ],
)
def test_errors_of_any_shape_are_rpc_errors(faulty, error, code, words):
    """Their text is one line, without control characters, and not too long."""
    node, rpc = faulty
    node.script(answers(error=error))

    with pytest.raises(RpcError) as caught:
        rpc.call("echo")

    assert (caught.value.code, said(caught.value)) == (code, words)


def test_an_error_of_null_is_none(faulty):
    node, rpc = faulty
    node.script(answers(error=None, result="0x1"))

    assert rpc.call("echo") == "0x1"


def test_an_error_without_an_id_is_that_of_the_only_call(faulty):
    node, rpc = faulty
    node.script(says({"id": None, "error": {"code": -32700, "message": "parse error"}}))

    with pytest.raises(RpcError, match="parse error"):
        rpc.call("echo")


def test_an_endless_answer_ends_at_the_cap(faulty):
    """A small packed body can't become a large one in memory."""
    node, rpc = faulty
    bomb = gzip.compress(b" " * (80 << 20))
    node.always = says(bomb, Content_Encoding="gzip")

    with pytest.raises(NodeUnavailable, match="more than 64 MB"):
        rpc.call("echo", deadline=time.monotonic() + 3)


_TEXT = st.text('[]{}"\\é', max_size=6)


@given(st.recursive(_TEXT, lambda s: st.lists(s) | st.dictionaries(_TEXT, s), max_leaves=8))
def test_depth_is_measured_as_it_is(value: Any):
    """Brackets in strings don't count, whatever is escaped around them."""

    def depth(v: Any) -> int:
        if not isinstance(v, (list, dict)):
            return 0
        inner = v.values() if isinstance(v, dict) else v
        return 1 + max(map(depth, inner), default=0)

    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert is_shallow(text.encode(), depth(value))
        assert not depth(value) or not is_shallow(text.encode(), depth(value) - 1)


# --- one attempt -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        reset,
        lost,
        says(b"", 429),
        says(b"", 502),
        says(b"<html>"),
        says(b""),
        says({"jsonrpc": "2.0", "id": 10**9, "result": "0x1"}),
    ],
    ids=["reset", "lost", "429", "502", "html", "empty", "wrong id"],
)
def test_a_transaction_is_sent_once(faulty, fault):
    """What became of it is unknown, and it is not for the transport to try again."""
    node, rpc = faulty
    node.always = fault

    with pytest.raises(NodeUnavailable):
        rpc.send_raw(b"\x01\x02")

    assert rpc.requests == len(node.seen) == 1


@pytest.mark.parametrize("fault", [silent, drips(), drips(headers=True)])
def test_a_late_answer_to_a_transaction_is_unknown(faulty, fault):
    node, rpc = faulty
    node.always = fault
    start = time.monotonic()

    with pytest.raises(NodeUnavailable):
        rpc.send_raw(b"\x01", deadline=start + 0.5)

    assert time.monotonic() - start < LATE
    assert len(node.seen) == 1


def test_a_kept_connection_that_was_closed_is_not_used_for_a_transaction(faulty):
    """Else the node's idle timeout would leave a transaction's fate unknown."""
    node, rpc = faulty
    node.script(leaves, answers(result="0x1"))
    rpc.call("echo")
    assert node.closed.wait(5)

    assert rpc.send_raw(b"\x01") == "0x1"


def test_a_refused_transaction_is_an_rpc_error(faulty):
    node, rpc = faulty
    node.script(answers(error={"code": -32005, "message": "limit exceeded"}))

    with pytest.raises(RpcError):
        rpc.send_raw(b"\x01")

    assert node.seen == [{**node.seen[0], "params": ["0x01"]}]


# --- the rest --------------------------------------------------------------------------


def test_threads_share_it(faulty):
    """Each gets its own answers, and the count of requests is right."""
    _, rpc = faulty
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda n: rpc.call("echo", n), range(100)))

    assert given == echoed(100)
    assert rpc.requests == 100


def test_one_connection_is_kept():
    """Keep-alive: twenty requests of a thread make one connection."""
    ports = set()
    with faulty_node() as (node, url):
        rpc = Rpc(url)

        def noted(exchange: Exchange) -> None:
            ports.add(exchange.client_address[1])
            honest(exchange)

        node.always = noted
        for _ in range(20):
            rpc.call("echo")
        rpc.close()

    assert len(ports) == 1


def test_connections_of_ended_threads_are_closed(faulty):
    """A follower that comes and goes leaves no sockets behind; warnings are errors here."""
    _, rpc = faulty
    for _ in range(20):
        thread = threading.Thread(target=rpc.call, args=("echo",))
        thread.start()
        thread.join()

    assert len(rpc._nodes.all[0].wire._sessions) <= 1


@pytest.mark.parametrize(
    "url", ["", "local", "ws://", "http://", "http:///x", "http://a:b", "file:///etc"]
)
def test_what_is_no_url_is_an_input_error(url):
    """It isn't shown: an address can hold a key."""
    with pytest.raises(InputError) as caught:
        Rpc(url)

    assert str(caught.value) == (
        "That is not the address of a node.\nNothing was spent.\n"
        "Type one that begins with http://, https:// or wss://, such as http://127.0.0.1:8545."
    )


def test_keys_in_the_url_are_never_shown():
    """Providers give out URLs with a key in the path, the query or the user."""
    rpc = Rpc("http://user:canary@127.0.0.1:1/canary?key=canary", timeout=0.3)

    with pytest.raises(NodeUnavailable) as caught:
        rpc.call("eth_chainId")

    assert "canary" not in f"{rpc!r} {rpc.where} {caught.value} {caught.value!r}"
    assert caught.value.__cause__ is None


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(faulty, monkeypatch):
    """A proxy's 127.0.0.1 is another one."""
    _, rpc = faulty
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)

    assert rpc.call("echo", 1) == [1]


def test_a_proxy_of_the_environment_is_used_for_nodes_elsewhere(monkeypatch):
    """Also through it, the deadline holds."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with faulty_node() as (node, url):
        monkeypatch.setenv("http_proxy", url)
        rpc = Rpc("http://node.invalid/v1")
        given = rpc.call("echo", 1)
        node.always = drips(headers=True)
        start = time.monotonic()
        with pytest.raises(NodeUnavailable):
            rpc.call("echo", deadline=start + 0.3)
        taken = time.monotonic() - start
        rpc.close()

    assert given == [1]
    assert taken < 1.5


def test_a_password_of_netrc_is_not_sent(faulty, monkeypatch, tmp_path):
    node, rpc = faulty
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    headers = []

    def noted(exchange: Exchange) -> None:
        headers.append(dict(exchange.headers))
        honest(exchange)

    node.always = noted
    monkeypatch.setattr("ogpu_jupyter.chain.rpc.http.is_loopback", lambda _: False)
    rpc.call("echo")

    assert "Authorization" not in headers[0]


@given(st.text())
def test_values_of_the_wire_are_values_or_errors(text):
    """Nothing else is raised by them."""
    for read in (quantity, digest, lambda t: as_object(t, "an object")):
        with pytest.raises(RpcError):
            read(text + "?")
    assert hex_bytes(text + "?") is None
    assert "\n" not in one_line(text)


@given(st.integers(0, 2**256 - 1))
def test_quantities_are_read_exactly(number):
    assert quantity(hex(number)) == number


@pytest.mark.parametrize("value", [None, 5, True, [], {}, "", "0x", "5", "0x" + "1" * 65, "0x-1"])
def test_what_is_no_quantity_is_an_rpc_error(value):
    with pytest.raises(RpcError):
        quantity(value)


def test_it_speaks_to_a_real_node(localnet):
    """Both nodes answer batches, and name what they don't know."""
    rpc = Rpc(localnet.network.rpc_url)
    chain, unknown, block = rpc.batch(
        [Call("eth_chainId"), Call("no_such_method"), Call("eth_blockNumber")]
    )
    rpc.close()

    assert quantity(chain) == localnet.network.chain_id
    assert isinstance(unknown, RpcError)
    assert unknown.code == -32601
    assert quantity(block) > 0
    assert rpc.requests == 1


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
