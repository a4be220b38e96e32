"""What a client needs of the local node; anvil and the embedded one give the same."""

from __future__ import annotations

import threading
import time

import pytest

from ogpu_jupyter import localnet as market
from ogpu_jupyter.chain._web3 import eth_account, web3
from ogpu_jupyter.errors import RpcError
from ogpu_jupyter.localnet.node import choose, launch
from ogpu_jupyter.localnet.options import Options
from ogpu_jupyter.localnet.services import SERVICES
from tests.helpers import wait_until
from tests.localnet.conftest import Sender, behind, rpc_to

SOURCE_PUBLISHED = "0x" + web3.Web3.keccak(text="SourcePublished(address)").hex().removeprefix("0x")
REGISTERED_TEXT = "Registered(address,uint256,address,uint8)"
REGISTERED = "0x" + web3.Web3.keccak(text=REGISTERED_TEXT).hex().removeprefix("0x")
NOBODY = "0x" + "11" * 32


def number_of(block) -> int:
    return int(block["number"], 16)


def time_of(rpc, tag="latest") -> int:
    return int(rpc.call("eth_getBlockByNumber", tag, False)["timestamp"], 16)


# --- what it says of itself ---


def test_it_names_its_chain(rpc) -> None:
    """The chain id is the same by both calls, and the node is in step with it."""
    assert rpc.call("eth_chainId") == hex(31337)
    assert rpc.call("net_version") == "31337"
    assert rpc.call("eth_syncing") is False


def test_another_chain_id_can_be_asked_for(node, anvil_path, monkeypatch) -> None:
    """A test may run a local chain with mainnet's id."""
    monkeypatch.setenv("OGPU_ANVIL", str(anvil_path))
    options = Options(node=node, chain_id=1071)

    own = launch(choose(options), options)

    assert own.rpc.call("eth_chainId") == hex(1071)
    own.stop()


def test_two_chains_begun_at_once_are_two(node, anvil_path, monkeypatch) -> None:
    """Block 0 of a new chain is its own, whatever second it begins in."""
    monkeypatch.setenv("OGPU_ANVIL", str(anvil_path))
    options = Options(node=node)

    chains = [launch(choose(options), options) for _ in range(3)]
    beginnings = {chain.rpc.call("eth_getBlockByNumber", "0x0", False)["hash"] for chain in chains}

    assert len(beginnings) == 3
    for chain in chains:
        chain.stop()


def test_plain_web3_reads_it(net) -> None:
    """Its formats are those that web3 expects."""
    w3 = web3.Web3(web3.HTTPProvider(net.network.rpc_url))

    assert w3.is_connected()
    assert w3.eth.get_block("latest").number == w3.eth.block_number
    assert w3.eth.get_block("pending").number > 0
    assert w3.eth.get_balance(net.accounts[5]["address"]) > 9_999 * 10**18
    assert w3.eth.fee_history(2, "latest", [50])["baseFeePerGas"]


@pytest.mark.parametrize("tag", ["latest", "pending", "earliest", "safe", "finalized", "0x1"])
def test_every_tag_is_a_block(rpc, tag: str) -> None:
    """Each word for a block gives one."""
    block = rpc.call("eth_getBlockByNumber", tag, False)

    assert number_of(block) >= 0


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_getTransactionReceipt", [NOBODY]),
        ("eth_getTransactionByHash", [NOBODY]),
        ("eth_getBlockByHash", [NOBODY, False]),
        ("eth_getBlockByNumber", ["0xffffff", False]),
    ],
)
def test_what_is_unknown_is_null(rpc, method: str, params: list) -> None:
    """Not there yet is no error."""
    assert rpc.call(method, *params) is None


# --- sending ---


def test_a_transaction_is_mined_at_once(rpc, sender) -> None:
    """Long before the clock's next block."""
    taken = []
    while len(taken) < 5 and min(taken, default=1) > 0.5:  # a busy machine may be slow now and then
        begun = time.monotonic()
        receipt = sender.receipt(sender.send())
        taken.append(time.monotonic() - begun)

        assert receipt["status"] == "0x1"
    assert min(taken) <= 0.5
    told = rpc.call("eth_getTransactionByHash", receipt["transactionHash"])
    assert told["blockHash"] == receipt["blockHash"]
    assert web3.Web3.to_checksum_address(told["from"]) == sender.address
    assert rpc.call("eth_getBlockByHash", receipt["blockHash"], False)["transactions"] == [
        receipt["transactionHash"]
    ]


def test_a_legacy_transaction_is_taken(rpc, sender) -> None:
    """With a gas price, as older tools send."""
    fields = {"to": sender.address, "value": 0, "gas": 21_000, "nonce": 0, "chainId": 31337}
    raw = sender.account.sign_transaction({**fields, "gasPrice": 10**10}).raw_transaction

    receipt = sender.receipt(rpc.call("eth_sendRawTransaction", raw.to_0x_hex()))

    assert receipt["status"] == "0x1"
    assert receipt["effectiveGasPrice"] == hex(10**10)


REFUSALS = {
    "a nonce that is used": ({"nonce": 0, "value": 2}, "nonce too low"),
    "the same bytes again": ({"nonce": 0}, "nonce too low"),
    "more than there is": ({"nonce": 1, "value": 10**30}, "(?i)insufficient funds for gas"),
    "another chain's": ({"nonce": 1, "chainId": 1}, "invalid chain id for signer"),
    "too little gas": ({"nonce": 1, "gas": 20_000}, "intrinsic gas too low"),
    "more gas than a block's": ({"nonce": 1, "gas": 10**9}, "(?i)exceeds block gas|too high"),
    "a fee below the block's": (
        {"nonce": 1, "maxFeePerGas": 1, "maxPriorityFeePerGas": 1},
        "max fee per gas less than block base fee",
    ),
    "a tip above the fee": (
        {"nonce": 1, "maxPriorityFeePerGas": 10**11},
        "max priority fee per gas higher than max fee per gas",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_a_node_refuses(sender, case: str) -> None:
    """In the words that geth has for it."""
    changes, words = REFUSALS[case]
    sender.receipt(sender.send(nonce=0))

    with pytest.raises(RpcError, match=words):
        sender.send(**changes)


@pytest.mark.parametrize("raw", ["0x", "0x02f801", "zz", "0x05c0", "0xc0"])
def test_what_is_no_transaction_is_refused(rpc, raw: str) -> None:
    with pytest.raises(RpcError):
        rpc.call("eth_sendRawTransaction", raw)


def test_a_gap_waits_until_it_is_filled(rpc, sender) -> None:
    """Later nonces are kept, counted as pending only without a gap, and mined in order."""
    late = [sender.send(nonce=2), sender.send(nonce=1)]
    assert rpc.call("eth_getTransactionCount", sender.address, "pending") == "0x0"
    assert rpc.call("eth_getTransactionReceipt", late[0]) is None
    assert rpc.call("eth_getTransactionByHash", late[0])["blockHash"] is None

    sender.receipt(sender.send(nonce=0))

    assert [sender.receipt(number)["status"] for number in late] == ["0x1", "0x1"]
    assert rpc.call("eth_getTransactionCount", sender.address, "latest") == "0x3"


def test_a_waiting_transaction_is_replaced_by_a_tenth_more(sender) -> None:
    """Known bytes are named so, and a replacement that pays too little is refused."""
    first = sender.send(nonce=1)
    with pytest.raises(RpcError, match=r"already (known|imported)"):
        sender.send(nonce=1)
    with pytest.raises(RpcError, match="replacement transaction underpriced"):
        sender.send(nonce=1, value=2)
    dear = {"maxFeePerGas": 12 * 10**9, "maxPriorityFeePerGas": 12 * 10**8}
    second = sender.send(nonce=1, **dear)

    sender.send(nonce=0)

    assert sender.receipt(second)["status"] == "0x1"
    assert first != second


def test_a_burst_is_mined_to_the_last(rpc, sender) -> None:
    """A hundred at once from one account, in one request."""
    burst = [("eth_sendRawTransaction", [sender.sign()]) for _ in range(100)]

    sent = rpc.batch(burst)

    assert {sender.receipt(number)["status"] for number in sent} == {"0x1"}
    assert rpc.call("eth_getTransactionCount", sender.address, "latest") == hex(100)


# --- calls ---


def withdraw(amount: int) -> str:
    return f"0x2e1a7d4d{amount:064x}"


@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas"])
def test_a_revert_tells_its_reason(net, rpc, sender, method: str) -> None:
    """Code 3 with the contract's own bytes, for a call and for an estimate."""
    call = {"from": sender.address, "to": net.network.vault, "data": withdraw(10**18)}

    with pytest.raises(RpcError, match="execution reverted: InsufficientBalance") as caught:
        rpc.call(method, call, "latest")

    assert caught.value.code == 3
    assert str(caught.value.data).startswith("0x08c379a0")


def test_a_custom_error_and_a_panic_come_as_data(net, rpc, sender) -> None:
    """What has no words has bytes."""
    renounce = {"from": sender.address, "to": net.network.nexus, "data": "0x715018a6"}
    get_sources = web3.Web3.keccak(text="getSources(uint256,uint256)")[:4].hex().removeprefix("0x")
    past_the_end = {"to": net.network.nexus, "data": f"0x{get_sources}{99:064x}{99:064x}"}

    with pytest.raises(RpcError, match="execution reverted") as custom:
        rpc.call("eth_call", renounce, "latest")
    with pytest.raises(RpcError, match="execution reverted") as panic:
        rpc.call("eth_call", past_the_end, "latest")

    assert str(custom.value.data).startswith("0x118cdaa7")
    assert panic.value.data == "0x4e487b71" + f"{0x32:064x}"


def test_an_estimate_suffices(net, rpc, sender) -> None:
    """What is estimated is enough, and not much more than what is used."""
    target = "0xf340fa01" + sender.address[2:].lower().rjust(64, "0")
    call = {"from": sender.address, "to": net.network.vault, "data": target, "value": "0x1"}

    gas = int(rpc.call("eth_estimateGas", call), 16)
    receipt = sender.receipt(sender.send(to=net.network.vault, data=target, gas=gas))

    assert receipt["status"] == "0x1"
    assert int(receipt["gasUsed"], 16) <= gas <= int(receipt["gasUsed"], 16) * 1.1


def test_a_transaction_that_fails_is_in_a_block(net, sender) -> None:
    """With status 0, its gas paid and no logs."""
    failed = sender.receipt(
        sender.send(to=net.network.vault, data=withdraw(1), value=0, gas=90_000)
    )

    assert failed["status"] == "0x0"
    assert failed["logs"] == []


def test_an_old_state_can_be_asked_for(rpc, sender) -> None:
    """A call at a block sees what was then; at one that isn't there it fails."""
    before = rpc.call("eth_blockNumber")
    was = rpc.call("eth_getBalance", sender.address, "latest")
    sender.receipt(sender.send(value=10**18))

    assert rpc.call("eth_getBalance", sender.address, before) == was
    assert rpc.call("eth_getBalance", sender.address, "latest") != was
    with pytest.raises(RpcError):
        rpc.call("eth_getBalance", sender.address, "0xffffff")


def test_a_call_changes_nothing(net, rpc, sender) -> None:
    """Even one that would move coins."""
    target = "0xf340fa01" + sender.address[2:].lower().rjust(64, "0")
    before = rpc.call("eth_getBalance", net.network.vault, "latest")

    rpc.call(
        "eth_call",
        {"from": sender.address, "to": net.network.vault, "data": target, "value": "0x1"},
        "latest",
    )

    assert rpc.call("eth_getBalance", net.network.vault, "latest") == before


def test_code_can_be_lent_for_a_call(rpc) -> None:
    """A state override runs code where there is none."""
    somewhere = "0x" + "12" * 20
    returns_42 = "0x602a60005260206000f3"

    told = rpc.call("eth_call", {"to": somewhere}, "latest", {somewhere: {"code": returns_42}})

    assert int(told, 16) == 42
    assert rpc.call("eth_getCode", somewhere, "latest") == "0x"


# --- logs ---


@pytest.fixture
def published(net, rpc):
    """The logs of all sources, read from the receipts of their transactions."""
    head = int(rpc.call("eth_blockNumber"), 16)
    blocks = rpc.batch([("eth_getBlockByNumber", [hex(n), False]) for n in range(min(head, 40))])
    numbers = [number for block in blocks for number in block["transactions"]]
    receipts = rpc.batch([("eth_getTransactionReceipt", [number]) for number in numbers])
    logs = [log for receipt in receipts for log in receipt["logs"]]
    found = [log for log in logs if log["topics"][0] == SOURCE_PUBLISHED]
    assert len(found) == len(net.services)
    return found


def places(logs) -> list:
    return [(log["blockHash"], log["logIndex"]) for log in logs]


@pytest.mark.parametrize(
    "topics",
    [[SOURCE_PUBLISHED], [[SOURCE_PUBLISHED]], [[SOURCE_PUBLISHED, NOBODY]], [[NOBODY], None]],
    ids=["one", "a list", "one of two", "another"],
)
def test_logs_are_found_by_topic(rpc, published, topics: list) -> None:
    """Every log and no other, as the receipts have them."""
    found = rpc.call("eth_getLogs", {"fromBlock": "0x0", "topics": topics})

    assert places(found) == ([] if topics[0] == [NOBODY] else places(published))


def test_logs_are_found_by_address(net, rpc, published) -> None:
    """One address, or one of several."""
    nexus, vault = net.network.nexus, net.network.vault
    both = [SOURCE_PUBLISHED, REGISTERED]

    for address in (nexus, [nexus, vault], [nexus.lower()]):
        query = {"fromBlock": "0x0", "address": address, "topics": [both]}
        found = rpc.call("eth_getLogs", query)
        registered = sum(max(1, len(SERVICES[name].bidders)) for name in net.services)
        assert len(found) == len(net.services) + registered
    query = {"fromBlock": "0x0", "address": vault, "topics": [SOURCE_PUBLISHED]}
    assert rpc.call("eth_getLogs", query) == []


def test_logs_are_found_by_block(rpc, published) -> None:
    """A range has both its ends; a block can be named by its hash."""
    first, last = published[0]["blockNumber"], published[-1]["blockNumber"]
    topics = [SOURCE_PUBLISHED]

    within = rpc.call("eth_getLogs", {"fromBlock": first, "toBlock": last, "topics": topics})
    of_first = rpc.call("eth_getLogs", {"fromBlock": first, "toBlock": first, "topics": topics})
    named = rpc.call("eth_getLogs", {"blockHash": published[0]["blockHash"], "topics": topics})

    assert places(within) == places(published)
    beside = [log for log in published if log["blockNumber"] == first]
    assert places(of_first) == places(named) == places(beside)


def test_a_filter_tells_what_is_new(net, rpc, sender) -> None:
    """Once each."""
    deposit = "0xf340fa01" + sender.address[2:].lower().rjust(64, "0")
    installed = rpc.call("eth_newFilter", {"address": net.network.vault})
    blocks = rpc.call("eth_newBlockFilter")

    receipt = sender.receipt(sender.send(to=net.network.vault, data=deposit, gas=200_000))
    found = wait_until(lambda: rpc.call("eth_getFilterChanges", installed))

    assert [log["transactionHash"] for log in found] == [receipt["transactionHash"]]
    assert rpc.call("eth_getFilterChanges", installed) == []
    assert receipt["blockHash"] in rpc.call("eth_getFilterChanges", blocks)
    assert rpc.call("eth_uninstallFilter", installed) is True


# --- requests ---


def test_a_batch_keeps_its_errors_apart(net, rpc) -> None:
    """One bad call leaves the others their answers."""
    good = rpc.batch([("eth_chainId", []), ("eth_blockNumber", [])])

    with pytest.raises(RpcError, match=r"(?i)method not found|does not exist") as caught:
        rpc.batch([("eth_chainId", []), ("eth_nonsense", [])])

    assert good[0] == hex(31337)
    assert caught.value.code == -32601


def test_bad_parameters_are_named(rpc) -> None:
    for params in ([], ["0x12", "latest"], [{"a": 1}, "latest"]):
        with pytest.raises(RpcError) as caught:
            rpc.call("eth_getBalance", *params)
        assert caught.value.code == -32602


def test_many_clients_at_once(net) -> None:
    """Threads with a connection each get their own answers."""
    senders = [eth_account.Account.create() for _ in range(8)]
    wrong: list[object] = []

    def ask(account) -> None:
        own = rpc_to(net)
        for _ in range(20):
            told = own.batch([("eth_getBalance", [account.address, "latest"]), ("eth_chainId", [])])
            if told != ["0x0", hex(31337)]:
                wrong.append(told)
        own.close()

    threads = [threading.Thread(target=ask, args=(account,)) for account in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


# --- time ---


def test_the_clock_never_stands_still(rpc) -> None:
    """Without any transaction the chain's time goes on, and never past the real one."""
    begun = time_of(rpc)

    wait_until(lambda: time_of(rpc) >= begun + 2, seconds=6)

    head = int(rpc.call("eth_blockNumber"), 16)
    times = [time_of(rpc, hex(number)) for number in range(max(0, head - 20), head + 1)]
    assert times == sorted(times)
    assert times[-1] <= time.time()
    assert time.time() - times[-1] < 3


def test_a_test_may_turn_the_clock_forward_and_back(net, rpc, sender) -> None:
    """`evm_increaseTime`, `evm_snapshot` and `evm_revert`, as in anvil, behind the door."""
    node = behind(net)
    snapshot = node.call("evm_snapshot")
    begun, balance = time_of(rpc), rpc.call("eth_getBalance", sender.address, "latest")

    node.call("evm_increaseTime", 3600)
    node.call("evm_mine")
    sender.receipt(sender.send(value=5))

    assert time_of(rpc) >= begun + 3600
    assert node.call("evm_revert", snapshot) is True
    node.close()
    assert rpc.call("eth_getBalance", sender.address, "latest") == balance
    assert rpc.call("eth_getTransactionCount", sender.address, "latest") == "0x0"
    sender.receipt(sender.send(nonce=0))


def test_a_block_time_is_kept(node, anvil_path, monkeypatch) -> None:
    """With `block_time` blocks come then and only then, with all that waits."""
    monkeypatch.setenv("OGPU_ANVIL", str(anvil_path))
    with market.start(node=node, block_time=0.5) as slow:
        rpc = rpc_to(slow)
        own = Sender(eth_account.Account.from_key(slow.accounts[3]["private_key"]), rpc)
        begun = rpc.call("eth_blockNumber")
        wait_until(lambda: rpc.call("eth_blockNumber") != begun, every=0.005)

        sent = [own.send() for _ in range(3)]
        assert rpc.call("eth_getTransactionReceipt", sent[0]) is None
        receipts = [own.receipt(number) for number in sent]

        assert len({receipt["blockHash"] for receipt in receipts}) == 1
        rpc.close()
