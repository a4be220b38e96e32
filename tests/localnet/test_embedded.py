"""The embedded node: its accounts, its manners as a server, and what it bears."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ogpu_jupyter import localnet as market
from ogpu_jupyter.chain._web3 import eth_account
from ogpu_jupyter.errors import RpcError
from ogpu_jupyter.localnet.accounts import ALL
from ogpu_jupyter.localnet.embedded.ledger import Ledger
from ogpu_jupyter.localnet.embedded.methods import open_node
from tests.localnet.conftest import rpc_to

ADDRESSES = st.sampled_from([bytes([n]) * 20 for n in range(3)])
SLOTS = st.integers(0, 2)
VALUES = st.integers(0, 3)
SETTERS = st.sampled_from(["balance", "nonce", "code"])

# --- the ledger ---


class LedgerMachine(RuleBasedStateMachine):
    """The ledger against whole copies of a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(None, b"\0" * 32)
        self.model: dict = {}
        self.checkpoints: list[tuple[int, dict]] = []
        self.begun: dict = {}
        self.before_block: dict = {}

    @rule(kind=SETTERS, address=ADDRESSES, value=VALUES)
    def set(self, kind: str, address: bytes, value: int) -> None:
        written = bytes(value) if kind == "code" else value
        getattr(self.ledger, f"set_{kind}")(address, written)
        self.model[kind, address] = written

    @rule(address=ADDRESSES, slot=SLOTS, value=VALUES)
    def store(self, address: bytes, slot: int, value: int) -> None:
        self.ledger.set_storage(address, slot, value)
        self.model["slot", address, slot] = value

    @rule(address=ADDRESSES)
    def delete(self, address: bytes) -> None:
        self.ledger.delete_account(address)
        self.model = {key: value for key, value in self.model.items() if key[1] != address}

    @rule()
    def record(self) -> None:
        self.checkpoints.append((self.ledger.record(), dict(self.model)))

    @precondition(lambda self: self.checkpoints)
    @rule(data=st.data())
    def discard(self, data) -> None:
        place = data.draw(st.integers(0, len(self.checkpoints) - 1))
        checkpoint, self.model = self.checkpoints[place]
        del self.checkpoints[place:]
        self.ledger.discard(checkpoint)

    @precondition(lambda self: self.checkpoints)
    @rule(data=st.data())
    def commit(self, data) -> None:
        place = data.draw(st.integers(0, len(self.checkpoints) - 1))
        self.ledger.commit(self.checkpoints[place][0])
        del self.checkpoints[place:]

    @precondition(lambda self: not self.checkpoints)
    @rule()
    def begin_transaction(self) -> None:
        self.ledger.lock_changes()
        self.begun = dict(self.model)

    @precondition(lambda self: not self.checkpoints)
    @rule()
    def end_block(self) -> None:
        """Undone and done again, a block leaves everything as it was."""
        root = self.ledger.state_root
        changes = self.ledger.seal()
        assert changes or self.ledger.state_root == root
        after = self.seen()
        again = self.ledger.undo(changes)
        assert self.seen() == self.plain(self.before_block)
        self.ledger.undo(again)
        assert self.seen() == after
        self.before_block = dict(self.model)

    def seen(self) -> dict:
        found: dict = {}
        for number in range(3):
            address = bytes([number]) * 20
            found["balance", address] = self.ledger.get_balance(address)
            found["nonce", address] = self.ledger.get_nonce(address)
            found["code", address] = self.ledger.get_code(address)
            for slot in range(3):
                found["slot", address, slot] = self.ledger.get_storage(address, slot)
        return self.plain(found)

    @staticmethod
    def plain(values: dict) -> dict:
        return {key: value for key, value in values.items() if value}

    @invariant()
    def same(self) -> None:
        assert self.seen() == self.plain(self.model)

    @invariant()
    def originals_are_those_of_the_transaction(self) -> None:
        for address in (bytes([n]) * 20 for n in range(3)):
            for slot in range(3):
                was = self.begun.get(("slot", address, slot), 0)
                assert self.ledger.get_storage(address, slot, from_journal=False) == was

    @invariant()
    def nothing_empty_exists(self) -> None:
        for address in (bytes([n]) * 20 for n in range(3)):
            kinds = ("balance", "nonce", "code")
            exists = any(self.model.get((kind, address)) for kind in kinds)
            assert self.ledger.account_exists(address) == exists


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_what_is_warm_cools_with_the_call_that_failed() -> None:
    """A place that a reverted call touched costs the full price again."""
    ledger = Ledger(None, b"\0" * 32)
    checkpoint = ledger.record()
    ledger.mark_address_warm(b"a" * 20)
    ledger.mark_storage_warm(b"a" * 20, 1)
    assert ledger.is_storage_warm(b"a" * 20, 1)

    ledger.discard(checkpoint)

    assert not ledger.is_address_warm(b"a" * 20)
    assert not ledger.is_storage_warm(b"a" * 20, 1)


# --- in this process ---


class InProcess:
    def __init__(self) -> None:
        self.node = open_node(31337, automine=True)

    def call(self, method: str, *params):
        told = self.node.answer({"id": 1, "method": method, "params": list(params)})
        if "error" in told:
            error = told["error"]
            raise RpcError(error["message"], code=error["code"], data=error.get("data"))
        return told["result"]

    def deploy(self, runtime: str) -> str:
        """A contract of exactly this code."""
        size = len(runtime) // 2
        creation = f"0x61{size:04x}80600a3d393df3{runtime}"
        sent = self.call("eth_sendTransaction", {"from": ALL[0].address, "data": creation})
        return self.call("eth_getTransactionReceipt", sent)["contractAddress"]


@pytest.fixture
def inside():
    return InProcess()


def test_storage_of_long_ago_is_told(inside) -> None:
    """Each block's own, in any order, and then no more."""
    counter = inside.deploy("5f5460010180" + "5f55" + "00")
    start = int(inside.call("eth_blockNumber"), 16)
    for _ in range(5):
        inside.call("eth_sendTransaction", {"from": ALL[0].address, "to": counter})

    def at(tag: str) -> int:
        return int(inside.call("eth_getStorageAt", counter, "0x0", tag), 16)

    assert [at(hex(start + n)) for n in (0, 5, 2, 4, 1, 3)] == [0, 5, 2, 4, 1, 3]
    assert at("latest") == 5
    for _ in range(300):
        inside.call("evm_mine")
    with pytest.raises(RpcError, match="no longer kept"):
        at(hex(start))


def test_a_snapshot_reaches_further_back(inside) -> None:
    """What a test means to come back to is kept."""
    counter = inside.deploy("5f5460010180" + "5f55" + "00")
    snapshot = inside.call("evm_snapshot")
    begun = inside.call("eth_getBlockByNumber", "latest", False)
    inside.call("eth_sendTransaction", {"from": ALL[0].address, "to": counter})
    for _ in range(300):
        inside.call("evm_mine")

    assert inside.call("evm_revert", snapshot) is True

    assert inside.call("eth_getStorageAt", counter, "0x0") == "0x" + "0" * 64
    assert inside.call("eth_getBlockByNumber", "latest", False) == begun
    assert inside.call("evm_revert", snapshot) is False


def test_contracts_may_call_themselves_to_the_limit() -> None:
    """1024 deep, which is thousands of our own frames: an answer, and a node that lives."""
    with market.start(node="embedded") as net:
        rpc = rpc_to(net)
        calls_itself = "0x" + "5f5f5f5f5f305af1" + "00"
        somewhere = "0x" + "12" * 20
        override = {somewhere: {"code": calls_itself}}

        assert rpc.call("eth_call", {"to": somewhere, "gas": hex(30_000_000)}, "latest", override)
        assert rpc.call("eth_chainId") == hex(31337)
        rpc.close()


def test_a_fee_that_rises_leaves_a_transaction_waiting(inside) -> None:
    """It is mined when the fee has come down again."""
    inside.call("evm_setAutomine", False)
    fees = {"maxFeePerGas": hex(2 * 10**9), "maxPriorityFeePerGas": "0x1"}
    sent = inside.call(
        "eth_sendTransaction", {"from": ALL[0].address, "to": ALL[1].address, **fees}
    )
    inside.call("anvil_setNextBlockBaseFeePerGas", hex(10**11))
    inside.call("evm_mine")
    assert inside.call("eth_getTransactionByHash", sent)["blockHash"] is None

    inside.call("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    inside.call("evm_mine")

    assert inside.call("eth_getTransactionReceipt", sent)["status"] == "0x1"


def test_a_dropped_transaction_is_gone(inside) -> None:
    inside.call("evm_setAutomine", False)
    sent = inside.call("eth_sendTransaction", {"from": ALL[0].address, "to": ALL[1].address})

    inside.call("anvil_dropTransaction", sent)
    inside.call("evm_mine")

    assert inside.call("eth_getTransactionByHash", sent) is None


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (1, -32600),
        ([], -32600),
        ({}, -32600),
        ({"method": 1}, -32600),
        ({"id": {}, "method": "eth_chainId"}, -32600),
        ({"id": 1, "method": "eth_chainId", "params": {}}, -32602),
        ({"id": 1, "method": "eth_chainId", "params": [1]}, -32602),
        ({"id": 1, "method": "__init__"}, -32601),
        ([{"id": 1, "method": "eth_chainId"}] * 5001, -32600),
    ],
)
def test_a_bad_request_has_its_code(inside, request_, code: int) -> None:
    assert inside.node.answer(request_)["error"]["code"] == code


def test_a_batch_is_answered_one_by_one(inside) -> None:
    """A call without an id is made and not answered."""
    batch = [
        {"id": "a", "method": "eth_chainId"},
        {"method": "evm_mine"},
        {"id": None, "method": "eth_nonsense"},
        7,
    ]

    told = inside.node.answer(batch)

    assert [answer["id"] for answer in told] == ["a", None, None]
    assert told[0]["result"] == hex(31337)
    assert inside.call("eth_blockNumber") == "0x1"
    assert inside.node.answer({"method": "evm_mine"}) is None


def test_a_topic_that_a_log_lacks_does_not_match(inside) -> None:
    """Null stands for any topic, but for one that is there."""
    logs_one = inside.deploy("602a5f5fa1" + "00")
    inside.call("eth_sendTransaction", {"from": ALL[0].address, "to": logs_one})

    def found(*topics) -> int:
        return len(inside.call("eth_getLogs", {"fromBlock": "0x0", "topics": list(topics)}))

    topic = f"0x{42:064x}"
    assert (found(), found(None), found(topic), found([topic, None])) == (1, 1, 1, 1)
    assert (found(None, None), found(topic, topic)) == (0, 0)


# --- as a process ---


@pytest.fixture(scope="module")
def embedded():
    with market.start(node="embedded") as net:
        yield net


def test_a_stranger_has_no_account_here(embedded) -> None:
    """Only the keys that everybody knows sign in the node."""
    rpc = rpc_to(embedded)
    stranger = eth_account.Account.create().address

    with pytest.raises(RpcError, match="unknown account"):
        rpc.call("eth_sendTransaction", {"from": stranger, "to": stranger})
    rpc.close()
