"""The client on real nodes: few requests, real values, and refusals before anything is spent."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.chain._web3 import eth_account
from ogpu_jupyter.chain.client import Balances, Client
from ogpu_jupyter.chain.contracts import NEXUS
from ogpu_jupyter.chain.contracts.codec import Entry, encode
from ogpu_jupyter.chain.rpc import Rpc
from ogpu_jupyter.chain.transactions import Fate, Order, Receipt, broadcast, sign
from ogpu_jupyter.content import HttpContentStore, MemoryContentStore, cid
from ogpu_jupyter.errors import (
    AddressError,
    AmountError,
    ExpiryError,
    GasBalanceLow,
    NodeUnavailable,
    OgpuError,
    Reverted,
    RpcError,
    SourceInactive,
    VaultBalanceLow,
    WrongChain,
)
from ogpu_jupyter.localnet.accounts import ALL, DEPLOYER, PUBLISHER
from ogpu_jupyter.localnet.contracts import Switches, switches_abi
from ogpu_jupyter.localnet.pinning import PinServer
from ogpu_jupyter.tasks import DeliveryMethod, SourceStatus
from tests.chain.faulty import answers, changed, faulty_node, honest, lost, says, silent
from tests.helpers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chain.market import Market

OGPU = 10**18
NOBODY = "0x000000000000000000000000000000000000dEaD"
CONFIG = "https://gateway.invalid/ipfs/QmConfig"


@pytest.fixture
def client(market: Market) -> Iterator[Client]:
    client = Client(market.network(), MemoryContentStore())
    yield client
    client.close()


@pytest.fixture
def account(market: Market):
    """A fresh account with 100 OGPU and nothing in the vault."""
    fresh = eth_account.Account.create()
    market.send(ALL[1].address, fresh.address, "0x", value=100 * OGPU)
    return fresh


@contextmanager
def requests_of(client: Client) -> Iterator[list[int]]:
    """How many HTTP requests the block made."""
    count: list[int] = []
    before = client.rpc.requests
    yield count
    count.append(client.rpc.requests - before)


def send(client: Client, account: Any, order: Order) -> Receipt:
    quote = client.quote(account.address, order)
    signed = sign(account, order, quote, nonce=quote.nonce, chain_id=client.network.chain_id)
    assert broadcast(client.rpc, signed) == (Fate.ACCEPTED, "")
    receipt = wait_until(lambda: client.receipts([signed.hash])[0], every=0.01)
    assert receipt.ok
    return receipt


def deposited(client: Client, account: Any, amount: int = OGPU) -> None:
    send(client, account, client.deposit_order(account.address, amount))


def publishing(client: Client, market: Market, **changes: Any) -> Order:
    terms = {
        "source": market.first,
        "config_url": CONFIG,
        "expires_at": client.head().timestamp + 600,
        "payment": OGPU // 2,
    }
    return client.publish_order(**{**terms, **changes})


def new_source(market: Market, metadata_url: str = "", **changes: Any) -> str:
    params = {
        "client": PUBLISHER.address,
        "imageMetadataUrl": metadata_url,
        "imageEnvironments": 5,
        "minPayment": OGPU // 10,
        "minAvailableLockup": 7,
        "maxExpiryDuration": 3600,
        "privacyEnabled": False,
        "optionalParamsUrl": "",
        "deliveryMethod": 0,
        "lastUpdateTime": 0,
    }
    data = NEXUS.encode("publishSource", params | changes)
    receipt = market.send(PUBLISHER.address, market.contracts["nexus"], data)
    logs = [log for raw in receipt.logs if (log := NEXUS.decode_log(raw))]
    return next(log.args["source"] for log in logs if log.name == "SourcePublished")


# --- which chain it is -----------------------------------------------------------------


def test_a_network_is_known_by_its_chain_its_genesis_and_its_controller(client, market):
    """All in one request."""
    first = market.call("eth_getBlockByNumber", "0x0", False)["hash"]

    with requests_of(client) as count:
        known = client.identify()

    assert count == [1]
    assert (known.chain_id, known.genesis) == (31337, first)
    assert known.controller == client.network.controller


def test_another_chain_is_refused(market):
    client = Client(replace(market.network(), chain_id=1071), MemoryContentStore())

    with pytest.raises(WrongChain) as caught:
        client.identify()

    client.close()
    assert str(caught.value) == (
        f"The node at {market.url} speaks for chain 31337; local is chain 1071.\n"
        "Nothing was spent.\nConnect to a node of that network."
    )


@pytest.mark.parametrize("name", ["nexus", "controller", "vault"])
def test_a_chain_without_the_contracts_is_refused(market, name):
    """As a new local chain at the address of an old one."""
    client = Client(replace(market.network(), **{name: NOBODY}), MemoryContentStore())

    with pytest.raises(WrongChain) as caught:
        client.identify()

    client.close()
    assert str(caught.value) == (
        f"The node at {market.url} has no {name.capitalize()} at {NOBODY}.\nNothing was spent.\n"
        "Either it is behind its chain, or the network's addresses are another's."
    )


def test_a_node_without_the_first_block_is_refused(market):
    """With it tasks are told apart; were it guessed, one could be paid twice."""

    def without_genesis(given: Any) -> Any:
        return [{**one, "result": None} if "number" in str(one["result"]) else one for one in given]

    with faulty_node(market.url) as (node, url):
        client = Client(market.network(url), MemoryContentStore())
        node.always = changed(without_genesis)

        with pytest.raises(NodeUnavailable, match="doesn't have the chain's first block"):
            client.identify()

        client.close()


def test_a_url_tells_its_chain(market):
    assert Client.chain_id_of(market.url) == 31337


# --- looking ---------------------------------------------------------------------------


def test_one_look_shows_all_that_the_checks_need(client, market, account):
    deposited(client, account)
    source = new_source(market, "https://gateway.invalid/ipfs/QmMeta")

    with requests_of(client) as count:
        look = client.look(source, account.address)

    assert count == [1]
    assert look.source.address == source
    assert look.source.client == PUBLISHER.address
    assert look.source.status is SourceStatus.ACTIVE
    assert look.source.delivery is DeliveryMethod.MANUAL_CONFIRMATION
    assert (look.source.min_payment, look.source.min_lockup) == (OGPU // 10, 7)
    assert (look.source.max_expiry, look.source.environments) == (3600, 5)
    assert look.source.metadata_url == "https://gateway.invalid/ipfs/QmMeta"
    assert look.balances.vault == OGPU
    assert 98 * OGPU < look.balances.wallet < 99 * OGPU
    assert look.head == client.head()
    assert look.head.timestamp == client.block_time(look.head.number)


@pytest.mark.parametrize("where", ["nobody", "task", "nexus", "vault"])
def test_what_is_no_source_is_told(client, market, where):
    """An account, and contracts of other kinds."""
    places = {"nobody": NOBODY, "nexus": market.contracts["nexus"], "vault": client.network.vault}
    address = market.publish(market.first) if where == "task" else places[where]
    text = (
        f"There is no source at {address} on local.\nNothing was spent.\n"
        "Type `%ogpu sources` to see those that there are."
    )

    for ask in (lambda: client.look(address, NOBODY), lambda: client.source(address)):
        with pytest.raises(AddressError) as caught:
            ask()
        assert str(caught.value) == text


@pytest.mark.parametrize("text", ["chat", "0x12", NOBODY[:-1] + "d"])
def test_a_bad_address_asks_nobody(client, text):
    with requests_of(client) as count, pytest.raises(AddressError):
        client.look(text, NOBODY)

    assert count == [0]


def test_a_source_has_its_counts_and_its_name(client, market):
    url = client.store.put(
        json.dumps({"name": "Chat\n\x1b[2J", "description": "d" * 5000}).encode()
    )
    source = new_source(market, url)
    market.publish(source, expires=600, payment=OGPU)

    found = client.source(source)

    assert (found.task_count, found.provider_count) == (1, 0)
    assert found.name == "Chat  [2J"
    assert found.description == "d" * 1000 + "…"


@pytest.mark.parametrize(
    "metadata",
    [b"", b"<html>", b"[1]", b"[" * 50_000, b'{"name": 5}', b'{"name": null}', b'"text"', None],
)
def test_metadata_that_can_not_be_had_leaves_the_name_empty(client, market, metadata):
    """The source is there all the same."""
    url = "https://elsewhere.invalid/x" if metadata is None else client.store.put(metadata)

    found = client.source(new_source(market, url))

    assert (found.name, found.description) == ("", "")


def test_many_sources_take_few_requests(client, market):
    """Three for forty sources and those that were there; names are fetched once."""
    urls = [client.store.put(json.dumps({"name": f"s{n}"}).encode()) for n in range(40)]
    made = [new_source(market, url) for url in urls]

    with requests_of(client) as count:
        newest = client.sources(limit=40)

    assert [source.address for source in newest] == made
    assert [source.name for source in newest] == [f"s{n}" for n in range(40)]
    assert count == [4]  # 160 calls in two batches
    client.store.files.clear()
    assert client.sources(limit=3)[0].name == "s37"
    assert {market.first, market.manual, *made} <= {s.address for s in client.sources()}
    assert client.sources(limit=0) == []


def test_names_are_not_waited_for_long(market):
    """A gateway that takes the question and never answers: all are asked at once."""
    with faulty_node() as (gateway, url):
        gateway.always = silent
        urls = [f"{url}/ipfs/{cid(bytes([n]))}" for n in range(6)]
        for metadata_url in urls:
            new_source(market, metadata_url)
        store = HttpContentStore(f"{url}/pin", f"{url}/ipfs")
        client = Client(market.network(), store)
        start = time.monotonic()
        found = client.sources(limit=6)
        taken = time.monotonic() - start
        client.close()
        store.close()

    assert [source.name for source in found] == [""] * 6
    assert len(gateway.seen) == 6
    assert taken < 10


# --- orders ----------------------------------------------------------------------------


def test_money_goes_in_and_out_to_the_last_wei(client, account):
    start = client.balances(account.address)

    paid_in = send(client, account, client.deposit_order(account.address, 3 * OGPU))
    paid_out = send(client, account, client.withdraw_order(OGPU))

    assert start == Balances(wallet=100 * OGPU, vault=0)
    assert client.balances(account.address) == Balances(
        wallet=98 * OGPU - paid_in.fee - paid_out.fee, vault=2 * OGPU
    )


def test_a_task_is_published_in_four_requests(client, market, account):
    """A look, an upload, a simulation with the price, and the send.

    The receipt says where the task is.
    """
    deposited(client, account)
    with PinServer() as pin:
        client.store = HttpContentStore(pin.pin_url, pin.gateway_url)

        with requests_of(client) as count:
            look = client.look(market.first, account.address)
            url = client.store.put(b"{}")
            order = client.publish_order(market.first, url, look.head.timestamp + 60, OGPU // 2)
            quote = client.quote(account.address, order)
            signed = sign(account, order, quote, nonce=quote.nonce, chain_id=31337)
            assert broadcast(client.rpc, signed)[0] is Fate.ACCEPTED

        client.store.close()
    assert count == [3]
    receipt = wait_until(lambda: client.receipts([signed.hash])[0])
    task = client.task_address(receipt)
    assert receipt.gas_used <= quote.gas
    assert receipt.fee <= quote.max_cost
    assert task is not None
    assert client.balances(account.address).vault == OGPU // 2

    send(client, account, client.cancel_order(task))

    assert client.balances(account.address).vault == OGPU


def test_a_receipt_without_a_task_has_none(client, market, account):
    receipt = send(client, account, client.deposit_order(account.address, 1))

    assert client.task_address(receipt) is None


def test_the_market_alone_names_a_task(client, market, account):
    """Another contract can write the same event into the same receipt."""
    deposited(client, account)
    receipt = send(client, account, publishing(client, market))
    forged = [{**log, "address": NOBODY.lower()} for log in receipt.logs]

    assert client.task_address(replace(receipt, logs=tuple(forged))) is None
    assert client.task_address(replace(receipt, logs=(*forged, *receipt.logs))) is not None


def test_a_quote_is_one_request_and_counts_waiting_transactions(client, market, account):
    order = client.deposit_order(account.address, 1)
    first = client.quote(account.address, order)
    behind = sign(account, order, first, nonce=first.nonce, chain_id=31337)
    broadcast(client.rpc, behind)

    with requests_of(client) as count:
        second = client.quote(account.address, order)

    assert count == [1]
    assert second.nonce == first.nonce + 1
    assert 0 < (second.priority_fee or 0) < second.max_fee
    assert second.max_cost == second.gas * second.max_fee


def test_a_chain_without_a_base_fee_is_paid_by_gas_price(market, account):
    """As many EVM chains are: no `baseFeePerGas`, and no word for a tip."""

    def legacy(given: Any) -> Any:
        for one in given if isinstance(given, list) else [given]:
            if isinstance(one.get("result"), dict):
                one["result"].pop("baseFeePerGas", None)
        return given

    with faulty_node(market.url) as (node, url):
        node.always = changed(legacy)
        client = Client(market.network(url), MemoryContentStore())
        quote = client.quote(account.address, client.deposit_order(account.address, 1))
        receipt = send(client, account, client.deposit_order(account.address, 1))
        client.close()

    assert quote.priority_fee is None
    assert receipt.ok


@pytest.mark.parametrize("price", ["0xffffffffffffffff", "0x" + "f" * 64])
def test_an_absurd_price_is_refused(market, account, price):
    """A node that is broken or lying must not drain the account."""
    with faulty_node(market.url) as (node, url):

        def absurd(given: Any) -> Any:
            given[4] = {"id": given[4]["id"], "result": price}
            return given

        node.always = changed(absurd)
        client = Client(market.network(url), MemoryContentStore())
        with pytest.raises(RpcError, match="for one unit of gas, which can't be right"):
            client.quote(account.address, client.deposit_order(account.address, 1))
        client.close()


# --- refusals, before anything is spent ------------------------------------------------


def refused(client: Client, account: Any, order: Order) -> OgpuError:
    before = client.balances(account.address)
    with pytest.raises(OgpuError) as caught:
        client.quote(account.address, order)
    assert client.balances(account.address) == before
    return caught.value


def test_an_empty_vault_is_told_with_its_values(client, market, account):
    deposited(client, account, OGPU // 5)

    error = refused(client, account, publishing(client, market))

    assert type(error) is VaultBalanceLow
    assert str(error) == (
        "The vault holds 0.2 OGPU; this task pays 0.5 OGPU.\nNothing was spent.\n"
        "Type `%ogpu deposit 0.3`."
    )


def test_a_withdrawal_of_too_much_is_told_with_its_values(client, account):
    deposited(client, account, OGPU // 5)

    error = refused(client, account, client.withdraw_order(OGPU))

    assert type(error) is VaultBalanceLow
    assert str(error) == (
        "The vault holds 0.2 OGPU; 1 OGPU can't be withdrawn.\nNothing was spent.\n"
        "Type `%ogpu withdraw 0.2`."
    )


def test_an_inactive_source_is_told(client, market, account):
    deposited(client, account)
    source = new_source(market)
    nexus = market.contracts["nexus"]
    market.send(PUBLISHER.address, nexus, NEXUS.encode("inactivateSource", source))

    error = refused(client, account, publishing(client, market, source=source))

    assert type(error) is SourceInactive
    assert client.look(source, account.address).source.status is SourceStatus.INACTIVE
    assert error.what == f"The source {source} is inactive: it takes no tasks."


def test_an_expiry_in_the_past_is_told(client, market, account):
    deposited(client, account)

    error = refused(client, account, publishing(client, market, expires_at=86_400))

    assert type(error) is ExpiryError
    assert error.what.startswith("The expiry 1970-01-02 00:00:00 UTC is in the past; on the chain")


def test_an_expiry_that_is_too_far_is_told(client, market, account):
    deposited(client, account)
    far = client.head().timestamp + 86_400

    error = refused(
        client, account, publishing(client, market, source=new_source(market), expires_at=far)
    )

    assert type(error) is ExpiryError
    assert "the source takes at most 1 h" in error.what
    assert error.hint == "Type `--expires 1h`, or less."


def test_a_payment_below_the_minimum_is_told(client, market, account):
    deposited(client, account)

    error = refused(
        client, account, publishing(client, market, source=new_source(market), payment=OGPU // 20)
    )

    assert type(error) is AmountError
    assert error.what == ("The payment of 0.05 OGPU is below the source's minimum of 0.1 OGPU.")


def test_a_source_that_is_none_is_told(client, market, account):
    deposited(client, account)

    error = refused(client, account, publishing(client, market, source=NOBODY))

    assert type(error) is AddressError
    assert error.what == f"There is no source at {NOBODY} on local."


def test_another_ones_task_can_not_be_canceled(client, market, account):
    task = market.publish(market.first)

    error = refused(client, account, client.cancel_order(task))

    assert type(error) is Reverted
    assert (error.name, error.spent) == ("NotOwner", "Nothing was spent.")
    assert error.what == (
        "The contracts refuse canceling the task: NotOwner. It is not for this account to do "
        f"({account.address})."
    )


def test_what_is_no_response_can_not_be_confirmed(client, account):
    error = refused(client, account, client.confirm_order(NOBODY))

    assert type(error) is Reverted
    assert error.what.startswith("The contracts refuse confirming the response: ")


def test_a_deposit_of_more_than_there_is_is_told(client, account):
    error = refused(client, account, client.deposit_order(account.address, 1000 * OGPU))

    assert type(error) is GasBalanceLow
    assert f"The account {account.address} holds 100 OGPU; " in error.what
    assert "Nothing was spent." in str(error)


def test_an_account_without_gas_is_told(client, market):
    """Its simulation may pass: what the gas costs is known only then."""
    poor = eth_account.Account.create()

    error = refused(client, poor, client.deposit_order(poor.address, 0))

    assert type(error) is GasBalanceLow
    assert re.fullmatch(
        rf"The account {poor.address} holds 0 OGPU; this transaction may need [0-9.]+ OGPU\.\n"
        rf"Nothing was spent\.\nSend at least [0-9.]+ OGPU to {poor.address}\.",
        str(error),
    ) or error.what.startswith(f"The account {poor.address} holds 0 OGPU; the deposit takes gas")


def test_where_only_the_sources_client_may_publish_others_are_told(client, market, account):
    """It isn't known who may publish on the live networks: the simulation says."""
    deposited(client, account)
    _switch(market, Switches(only_client_publishes=True))
    try:
        error = refused(client, account, publishing(client, market))
    finally:
        _switch(market, Switches())

    assert type(error) is Reverted
    assert error.name == "NotOwner"
    assert "refuse publishing the task" in error.what


def _switch(market: Market, switches: Switches) -> None:
    item = next(item for item in switches_abi() if item.get("name") == "setSwitches")
    entry = Entry(item["name"], tuple(item["inputs"]))
    data = entry.selector + encode(entry.inputs, [dataclasses.astuple(switches)])
    market.send(DEPLOYER.address, market.contracts["manager"], "0x" + data.hex())


# --- what became of it -----------------------------------------------------------------


@pytest.fixture
def proxied(market: Market) -> Iterator[Any]:
    """A client whose node can be made to fail."""
    with faulty_node(market.url) as (node, url):
        client = Client(market.network(url), MemoryContentStore())
        yield node, client
        client.close()


def signed_deposit(client: Client, account: Any, amount: int = 1, nonce: int | None = None) -> Any:
    order = client.deposit_order(account.address, amount)
    quote = client.quote(account.address, order)
    chosen = quote.nonce if nonce is None else nonce
    return sign(account, order, quote, nonce=chosen, chain_id=31337)


def test_the_fate_of_a_mined_transaction_is_its_receipt(client, account):
    signed = signed_deposit(client, account)
    broadcast(client.rpc, signed)
    wait_until(lambda: client.receipts([signed.hash])[0])

    with requests_of(client) as count:
        receipt, known, used = client.fate(signed.hash, account.address, signed.nonce)

    assert count == [1]
    assert (receipt.hash, receipt.ok, known, used) == (signed.hash, True, True, signed.nonce + 1)


def test_what_never_arrived_is_unknown_and_its_nonce_free(client, account):
    signed = signed_deposit(client, account)

    assert client.fate(signed.hash, account.address, signed.nonce) == (None, False, signed.nonce)


def test_a_waiting_transaction_is_known(client, account):
    """Behind a gap in the nonces it waits in the pool."""
    signed = signed_deposit(client, account, nonce=3)
    broadcast(client.rpc, signed)

    assert client.fate(signed.hash, account.address, 3) == (None, True, 0)


def test_a_nonce_that_went_to_another_is_proven(client, account):
    """Asked more than once: an answer in between could be of two moments."""
    mine, other = signed_deposit(client, account, 1), signed_deposit(client, account, 2)
    broadcast(client.rpc, other)
    wait_until(lambda: client.receipts([other.hash])[0])

    with requests_of(client) as count:
        fate = client.fate(mine.hash, account.address, mine.nonce)

    assert fate == (None, False, mine.nonce + 1)
    assert count == [3]


def test_a_lost_answer_is_found_by_the_known_hash(proxied, account):
    """Once: the transaction went through, though nobody said so."""
    node, client = proxied
    signed = signed_deposit(client, account)
    node.script(lost)

    assert broadcast(client.rpc, signed)[0] is Fate.UNCLEAR
    receipt, _, used = wait_until(
        lambda: (f := client.fate(signed.hash, account.address, signed.nonce))[0] and f
    )
    assert receipt.ok
    assert used == signed.nonce + 1


def test_a_replica_that_lags_does_not_prove_a_loss(proxied, account):
    """The count is ahead of the receipt: the same question is asked again."""
    node, client = proxied
    signed = signed_deposit(client, account)
    broadcast(client.rpc, signed)
    wait_until(lambda: client.receipts([signed.hash])[0])

    def without_receipt(given: Any) -> Any:
        return [given[0], *({**one, "result": None} for one in given[1:])]

    node.script(changed(without_receipt), changed(without_receipt))
    receipt, known, _ = client.fate(signed.hash, account.address, signed.nonce)

    assert receipt.ok
    assert known


# --- hostile nodes ---------------------------------------------------------------------

ODD = [None, 5, True, "", "0x", "0xzz", "text", [], {}, [[]], {"hash": 5}, "0x" + "f" * 5000]


@pytest.mark.parametrize("odd", ODD, ids=str)
@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.identify(),
        lambda c: c.head(),
        lambda c: c.block_time(1),
        lambda c: c.balances(NOBODY),
        lambda c: c.look(NOBODY, NOBODY),
        lambda c: c.source(NOBODY),
        lambda c: c.sources(),
        lambda c: c.quote(NOBODY, c.deposit_order(NOBODY, 1)),
        lambda c: c.fate("0x", NOBODY, 0),
        lambda c: c.users_of(NOBODY, [0]),
        lambda c: c.next_nonce(NOBODY),
        lambda c: c.fees(),
        lambda c: c.receipts(["0x"] * 3),
        lambda c: Client.chain_id_of(c.rpc.url),
    ],
    ids=[
        "identify", "head", "block_time", "balances", "look", "source", "sources", "quote",
        "fate", "users_of", "next_nonce", "fees", "receipts", "chain_id_of",
    ],
)  # fmt: skip
def test_a_node_that_lies_makes_typed_errors(network_of_nobody, ask, odd):
    """Whatever it answers: an error of ours, or nothing; never a KeyError."""
    node, client = network_of_nobody
    node.always = answers(result=odd)
    try:
        found = ask(client)
    except OgpuError:
        return
    assert found in (None, [None] * 3, [], (None, False, 0)) or found[0] is None


@pytest.fixture(scope="module")
def network_of_nobody(anvil_path) -> Iterator[Any]:
    """A node that says what it is told to say."""
    from ogpu_jupyter.chain.networks import TESTNET

    with faulty_node() as (node, url):
        client = Client(replace(TESTNET, rpc_url=url), MemoryContentStore(), Rpc(url, timeout=1))
        yield node, client
        client.close()


def test_a_node_that_is_away_is_node_unavailable(proxied):
    node, client = proxied
    client.rpc.timeout = 0.3
    node.always = says(b"", 503)

    with pytest.raises(NodeUnavailable):
        client.look(NOBODY, NOBODY)

    node.always = honest


# --- weight ----------------------------------------------------------------------------


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_client_imports_no_web3():
    """Only what signs needs `eth_account`, and nothing here needs `web3`."""
    loaded = run(
        "import sys, ogpu_jupyter.chain.client\n"
        "print([n for n in ('web3', 'eth_account', 'aiohttp', 'IPython') if n in sys.modules])"
    )

    assert loaded == "[]"


def test_the_recursion_limit_is_kept():
    """With the limit of `eth_account`, deep brackets end the process."""
    limits = run(
        "import sys; before = sys.getrecursionlimit()\n"
        "from ogpu_jupyter.chain._web3 import eth_account, web3\n"
        "print(before, sys.getrecursionlimit(), eth_account.__name__, web3.__name__)"
    )

    assert limits.split()[0] == limits.split()[1]
    assert limits.endswith("eth_account web3")


def test_the_door_has_no_other_names():
    from ogpu_jupyter.chain import _web3

    with pytest.raises(AttributeError, match="has no attribute 'requests'"):
        _ = _web3.requests
