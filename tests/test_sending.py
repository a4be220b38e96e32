"""FAULTS, Sending: whatever comes between us and the node, each order is carried out once."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import ogpu_jupyter
from ogpu_jupyter.chain.transactions import Order, Quote, broadcast, read_raw, sign
from ogpu_jupyter.errors import BatchFailed, InputError, NotSent, TaskFailed
from ogpu_jupyter.localnet.rpc import Rpc as LocalRpc
from ogpu_jupyter.sending import settling
from ogpu_jupyter.tasks import Stage, TransactionKind, TransactionState
from tests.chain.faulty import answers, faulty_node, honest, lost, reset, says
from tests.helpers import funded_account
from tests.helpers import wait_until as until
from tests.market import Publisher

SEND = "eth_sendRawTransaction"
BY_HASH = {"eth_getTransactionByHash", "eth_getTransactionReceipt"}
DEPOSIT = 1  # the account's first transaction


@pytest.fixture
def node_between(localnet):
    """A node that can misbehave, before the real one."""
    with faulty_node(localnet.network.rpc_url) as between:
        yield between


@pytest.fixture
def faulty(node_between):
    return node_between[0]


@pytest.fixture
def session(localnet, account, node_between, tmp_path):
    network = replace(localnet.network, rpc_url=node_between[1])
    path = tmp_path / "journal.sqlite3"
    connected = ogpu_jupyter.connect(network, account=account, journal=path)
    connected.deposit(1)
    yield connected
    connected.close()


@pytest.fixture
def account(localnet):
    """With 5 OGPU: the market's giver is not endless."""
    return funded_account(localnet, 5 * 10**18)


@pytest.fixture(scope="module")
def source(localnet):
    """No provider serves it."""
    return Publisher(localnet).publish_source()


@pytest.fixture
def chain(localnet, account):
    """The truth, past the proxy."""
    opened = Chain(localnet, account.address)
    yield opened
    opened.node.close()


class Chain:
    def __init__(self, localnet, address):
        from ogpu_jupyter.chain.rpc import Rpc

        self.rpc = Rpc(localnet.network.rpc_url)
        self.node = LocalRpc(Path(localnet.description["socket"]))  # behind its door
        self.address = address

    def used(self):
        return int(self.rpc.call("eth_getTransactionCount", self.address, "latest"), 16)


def rows(number, start=0):
    return [{"row": n} for n in range(start, start + number)]


def sends(asked):
    return any(one["method"] == SEND for one in (asked if isinstance(asked, list) else [asked]))


def on_sends(faulty, *faults, then=honest):
    """The next requests that send anything get these, one after the other."""
    left = list(faults)

    def serve(exchange):
        fault = (left.pop(0) if left else then) if sends(exchange.asked) else honest
        fault(exchange)

    faulty.always = serve


def refuses(number, message, code=-32000):
    """The batch is passed on without this one, which is refused."""

    def fault(exchange):
        asked = exchange.asked if isinstance(exchange.asked, list) else [exchange.asked]
        refused = asked[number]
        passed = [one for one in asked if one is not refused]
        given = exchange.faulty.honestly(json.dumps(passed).encode()) if passed else []
        error = {"jsonrpc": "2.0", "id": refused["id"]}
        error["error"] = {"code": code, "message": message}
        found = [*given, error]
        exchange.reply(found if isinstance(exchange.asked, list) else error)

    return fault


def mined(session, batch):
    until(lambda: all(stage.is_on_chain for stage in session.journal.stages(batch.keys)))
    return [task.address for task in batch]


def transactions(session):
    return session.journal.transactions(session.network_id, session.account)


def kinds(session):
    return [record.kind for record in transactions(session)]


@pytest.mark.parametrize(
    "fault", [lost, reset, says(b"", 502), says({}, 429, Retry_After="1")],
    ids=["reply lost", "connection reset", "502", "429"],
)  # fmt: skip
@pytest.mark.parametrize("number", [1, 5])
def test_a_send_whose_answer_is_lost_happens_once(session, source, chain, faulty, fault, number):
    """Row 1: resolved by hash, then by nonce, then by the same bytes again."""
    on_sends(faulty, fault)

    batch = session.publish_many(source, "f", rows(number))

    assert len(set(mined(session, batch))) == number
    assert chain.used() == DEPOSIT + number
    assert {record.state for record in transactions(session)} == {TransactionState.MINED}


def test_a_node_that_takes_no_batch_of_sends_gets_them_one_by_one(session, source, chain, faulty):
    def serve(exchange):
        single = not isinstance(exchange.asked, list) or not sends(exchange.asked)
        refusal = says(
            {
                "jsonrpc": "2.0",
                "id": None,
                "error": {"code": -32600, "message": "batch not supported"},
            }
        )
        (honest if single else refusal)(exchange)

    faulty.always = serve

    batch = session.publish_many(source, "f", rows(4))

    assert len(set(mined(session, batch))) == 4
    assert chain.used() == DEPOSIT + 4


def test_a_missing_answer_in_a_batch_is_asked_after(session, source, chain, faulty):
    def without_the_second(exchange):
        given = exchange.faulty.honestly(exchange.body)
        exchange.reply([given[0], *reversed(given[2:])])

    on_sends(faulty, without_the_second)

    batch = session.publish_many(source, "f", rows(4))

    assert len(set(mined(session, batch))) == 4
    assert chain.used() == DEPOSIT + 4


def test_a_refused_items_nonce_is_filled_and_no_other_is_renumbered(session, source, chain, faulty):
    """Row 9: those behind it land; run again, only the refused one is sent."""
    on_sends(faulty, refuses(2, "exceeds block gas limit"))

    batch = session.publish_many(source, "f", rows(5))
    others = [task for n, task in enumerate(batch) if n != 2]
    until(lambda: all(task.stage is Stage.PUBLISHED for task in others))
    until(lambda: chain.used() == DEPOSIT + 6 - 1)

    assert batch[2].stage is Stage.ABANDONED
    assert "exceeds block gas limit" in batch[2].record.problem
    with pytest.raises(TaskFailed, match="Nothing was spent"):
        batch[2].result()
    assert kinds(session).count(TransactionKind.FILL) == 1
    again = session.publish_many(source, "f", rows(5))
    mined(session, again)
    assert [task.earlier for task in again] == [True, True, False, True, True]
    assert chain.used() == DEPOSIT + 6


def test_a_refused_items_nonce_goes_to_the_next_that_waits(session, source, chain, faulty):
    """With more to send, nothing is filled."""
    on_sends(faulty, refuses(3, "invalid sender"))

    batch = session.publish_many(source, "f", rows(20))
    until(lambda: session.journal.stages(batch.keys).count(Stage.PUBLISHED) == 19)

    assert batch.status == {Stage.PUBLISHED: 19, Stage.ABANDONED: 1}
    assert TransactionKind.FILL not in kinds(session)
    assert chain.used() == DEPOSIT + 19


def test_when_all_are_refused_the_error_is_raised(session, source, chain, faulty):
    on_sends(faulty, then=answers(error={"code": -32000, "message": "tx type not supported"}))

    with pytest.raises(NotSent, match="tx type not supported"):
        session.publish_many(source, "f", rows(3))

    faulty.always = None
    assert chain.used() == DEPOSIT
    assert session.tasks(open_only=True) == []
    mined(session, session.publish_many(source, "f", rows(3)))


@pytest.mark.parametrize(
    "words", ["transaction underpriced", "max fee per gas less than block base fee"]
)
def test_what_is_underpriced_is_offered_again_at_its_nonce(session, source, chain, faulty, words):
    """At least ten percent more, the same nonce."""
    on_sends(faulty, refuses(1, words))

    batch = session.publish_many(source, "f", rows(3))
    mined(session, batch)

    first, second = [r for r in transactions(session) if r.nonce == DEPOSIT + 1]
    assert [first.state, second.state] == [TransactionState.REFUSED, TransactionState.MINED]
    assert read_raw(second.raw)[1].max_fee * 10 >= read_raw(first.raw)[1].max_fee * 11
    assert batch[1].tx_hash == second.hash
    assert chain.used() == DEPOSIT + 3


def test_no_more_than_three_times_the_first_offer_is_made(session, source, chain, faulty):
    on_sends(faulty, then=answers(error={"code": -32000, "message": "transaction underpriced"}))

    with pytest.raises(NotSent, match="three times"):
        session.publish(source, "f", {"row": 1})

    offers = [read_raw(r.raw)[1].max_fee for r in transactions(session)[DEPOSIT:]]
    assert len(offers) > 1
    assert max(offers) <= 3 * offers[0]
    assert chain.used() == DEPOSIT


def test_a_full_pool_is_waited_for(session, source, chain, faulty):
    on_sends(faulty, refuses(1, "txpool is full"))

    batch = session.publish_many(source, "f", rows(3))

    assert len(set(mined(session, batch))) == 3
    assert chain.used() == DEPOSIT + 3
    assert TransactionState.REFUSED not in {record.state for record in transactions(session)}


def test_another_program_on_the_same_account_takes_nothing_from_us(
    session, source, chain, account, faulty
):
    """Its transactions come between the quote and the sending: nonces are reconciled."""
    quote = Quote(21_000, 10**11, 10**9, 0)

    def first_the_stranger(exchange):
        for nonce in (DEPOSIT, DEPOSIT + 1):
            order = Order(account.address, "0x", nonce)
            chain_id = session.network_id.chain_id
            broadcast(chain.rpc, sign(account, order, quote, nonce=nonce, chain_id=chain_id))
        until(lambda: chain.used() == DEPOSIT + 2)
        honest(exchange)

    on_sends(faulty, first_the_stranger)

    batch = session.publish_many(source, "f", rows(4))

    assert len(set(mined(session, batch))) == 4
    assert chain.used() == DEPOSIT + 2 + 4


def test_nothing_is_broadcast_after_the_time(session, source, chain, faulty):
    """One budget of time for all of it; what was not sent by then is sent by the next run."""

    def late(exchange):
        exchange.faulty.ended.wait(4)
        honest(exchange)

    on_sends(faulty, late)

    batch = session.publish_many(source, "f", rows(20), timeout=3)
    out = sum(1 for asked in faulty.seen if sends(asked))

    assert batch.status.get(Stage.ABANDONED) == 4
    assert "longer than the 3 s" in batch[19].record.problem
    until(lambda: chain.used() == DEPOSIT + 16)
    assert sum(1 for asked in faulty.seen if sends(asked)) == out
    faulty.always = None
    mined(session, session.publish_many(source, "f", rows(20)))
    assert chain.used() == DEPOSIT + 20


def test_a_dead_node_stops_the_rest(session, source, chain, faulty):
    """The unclear ones stay in the journal and are found; the others were never sent."""
    down = threading.Event()

    def dies(exchange):
        honest(exchange)
        down.set()

    def serve(exchange):
        if down.is_set():
            reset(exchange)
        else:
            (dies if sends(exchange.asked) else honest)(exchange)

    faulty.always = serve
    session.client.rpc.timeout = 1.0

    batch = session.publish_many(source, "f", rows(120))
    status = batch.status
    faulty.always = None

    assert status == {Stage.SIGNED: 96, Stage.SENT: 16, Stage.ABANDONED: 8}
    until(lambda: batch.status == {Stage.PUBLISHED: 112, Stage.ABANDONED: 8}, seconds=60)
    assert chain.used() == DEPOSIT + 112


def test_a_transaction_that_the_node_dropped_is_sent_again(
    localnet, session, source, chain, faulty
):
    """The same bytes."""
    on_sends(faulty, swallow)

    task = session.publish(source, "f", {"row": 1})
    assert task.stage is Stage.SENT
    session._keeper.settle()
    until(lambda: task.stage is Stage.PUBLISHED)

    assert chain.used() == DEPOSIT + 1
    assert len(transactions(session)) == DEPOSIT + 1


def swallow(exchange):
    """Taken with the right hash, and forgotten."""
    from ogpu_jupyter.chain._web3 import eth_utils

    raw = bytes.fromhex(exchange.asked["params"][0][2:])
    answers(result="0x" + eth_utils.crypto.keccak(raw).hex())(exchange)


def test_a_lagging_index_proves_no_loss(session, source, chain, faulty):
    """The nonce is used and the hash unknown, but the block has it: no second one is signed."""

    def forgetful(exchange):
        many = exchange.asked if isinstance(exchange.asked, list) else [exchange.asked]
        given = exchange.faulty.honestly(json.dumps(many).encode())
        hidden = {one["id"] for one in many if one["method"] in BY_HASH}
        given = [one | ({"result": None} if one["id"] in hidden else {}) for one in given]
        exchange.reply(given if isinstance(exchange.asked, list) else given[0])

    on_sends(faulty, lost)
    plain = faulty.always
    faulty.always = lambda exchange: (plain if sends(exchange.asked) else forgetful)(exchange)

    task = session.publish(source, "f", {"row": 1})
    assert task.stage is Stage.SENT
    faulty.always = None
    until(lambda: task.stage is Stage.PUBLISHED)

    assert chain.used() == DEPOSIT + 1
    assert len(transactions(session)) == DEPOSIT + 1


def test_a_gap_that_others_wait_behind_is_filled(session, source, chain, faulty, monkeypatch):
    """Its task has expired, no node has it: nothing takes its place, and the rest go on."""

    def without_the_first(exchange):
        first, *rest = exchange.asked
        given = exchange.faulty.honestly(json.dumps(rest).encode())
        exchange.reply([{"jsonrpc": "2.0", "id": first["id"], "result": hash_of(first)}, *given])

    on_sends(faulty, without_the_first)
    batch = session.publish_many(source, "f", rows(3))
    first, *rest = batch
    session.journal.update(first.record.key, expires_at=1)
    session._keeper.settle()

    until(lambda: all(task.stage is Stage.PUBLISHED for task in rest))
    assert first.stage is Stage.ABANDONED
    assert chain.used() == DEPOSIT + 3
    assert kinds(session).count(TransactionKind.FILL) == 1


def hash_of(asked):
    from ogpu_jupyter.chain._web3 import eth_utils

    return "0x" + eth_utils.crypto.keccak(bytes.fromhex(asked["params"][0][2:])).hex()


def test_what_a_reorg_took_back_is_waited_for_again(session, source):
    task = session.publish(source, "f", {"row": 1})
    until(lambda: task.stage is Stage.PUBLISHED)

    session._sender.retracted(task.tx_hash)
    (reopened,) = [r for r in transactions(session) if r.hash == task.tx_hash]
    (settled,) = session._sender.settle()

    assert (reopened.state, reopened.block) == (TransactionState.SENT, None)
    assert settled.state is TransactionState.MINED


# -- a rising fee, on a node whose blocks and fees a test can set ---------------------------


@contextmanager
def no_blocks(chain):
    chain.node.call("evm_setAutomine", False)
    try:
        yield
    finally:
        chain.node.call("evm_setAutomine", True)
        chain.node.call("evm_mine")


@pytest.fixture
def patient_node(node, chain, monkeypatch):
    if node != "anvil":
        pytest.skip("only anvil's fees can be set")
    monkeypatch.setattr(settling, "_STUCK_SECONDS", 0.0)
    with no_blocks(chain):
        yield chain


def base_fee(chain, wei):
    chain.node.call("anvil_setNextBlockBaseFeePerGas", hex(wei))
    chain.node.call("evm_mine")


def offer(record):
    return read_raw(record.raw)[1].max_fee


def test_a_fee_that_rises_is_followed_at_the_same_nonce(session, source, patient_node):
    """Each hash is watched, one is mined, and the journal shows which."""
    task = session.publish(source, "f", {"row": 1})
    (first,) = transactions(session)[DEPOSIT:]

    base_fee(patient_node, offer(first) * 5 // 4)
    until(lambda: session._keeper.settle() or len(transactions(session)) > DEPOSIT + 1)
    base_fee(patient_node, offer(first) * 5 // 4)
    until(lambda: task.stage is Stage.PUBLISHED)
    until(lambda: session._keeper.settle() or not session._sender._ledger.unsettled())

    old, new = transactions(session)[DEPOSIT:]
    assert old.nonce == new.nonce
    assert offer(old) * 11 <= offer(new) * 10 <= offer(old) * 30
    assert (old.state, new.state) == (TransactionState.REPLACED, TransactionState.MINED)
    assert task.tx_hash == new.hash
    assert task.record.problem == ""


def test_a_fee_beyond_the_cap_is_told(session, source, patient_node):
    task = session.publish(source, "f", {"row": 1})
    (first,) = transactions(session)[DEPOSIT:]

    base_fee(patient_node, offer(first) * 4)
    until(lambda: session._keeper.settle() or task.record.problem)

    assert task.stage is Stage.SENT
    assert "waits until the fee falls" in task.record.problem
    assert len(transactions(session)) == DEPOSIT + 1
    while int(
        patient_node.rpc.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16
    ) > offer(first):
        base_fee(patient_node, offer(first) // 2)
    patient_node.node.call("evm_mine")
    until(lambda: task.stage is Stage.PUBLISHED)
    assert task.record.problem == ""


# -- what was signed can be read again --------------------------------------------------------


@pytest.mark.parametrize("tip", [None, 0, 7])
@pytest.mark.parametrize("size", [0, 1, 55, 56, 300])
def test_signed_bytes_say_what_was_ordered(account, tip, size):
    order = Order(account.address, "0x" + "ab" * size, 10**18)
    quote = Quote(90_000, 10**9, tip, 300)

    signed = sign(account, order, quote, nonce=300, chain_id=1071)

    assert read_raw(signed.raw) == (order, quote)


@pytest.mark.parametrize("raw", [b"", b"\x02", b"\x02\xc0", b"\x01\xc1\x80", b"\xc1", b"\x05abc"])
def test_other_bytes_are_refused(raw):
    with pytest.raises(InputError, match="no signed transaction"):
        read_raw(raw)


def test_a_batch_error_names_what_failed(session, source, faulty):
    on_sends(faulty, refuses(0, "invalid sender"))

    batch = session.publish_many(source, "f", rows(2), expires="5s")
    with pytest.raises(
        BatchFailed, match=r"2 of 2 tasks have no answer:\n\[0\] .*invalid sender"
    ) as failed:
        batch.results(timeout=30)

    assert set(failed.value.failures) == {0, 1}
