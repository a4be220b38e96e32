"""A person's web3 on the session's connection: reads, batches, reverts, sends, silence."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest
from web3 import HTTPProvider, IPCProvider, Web3
from web3.exceptions import ContractLogicError, Web3RPCError

import ogpu_jupyter
from ogpu_jupyter.chain.contracts import CONTRACTS
from ogpu_jupyter.chain.rpc import Rpc
from ogpu_jupyter.chain.w3 import Contracts, web3_on
from ogpu_jupyter.errors import AddressError, InputError, NodeUnavailable
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.session import Session
from ogpu_jupyter.tasks import TaskStatus
from ogpu_jupyter.transport import headers_for
from tests.chain.faulty import Exchange, faulty_node, honest, says
from tests.helpers import funded_account, wait_until
from tests.market import Publisher

NOBODY = "0x" + "12" * 20
CHAT = {"messages": [{"role": "user", "content": "hi"}]}


def test_it_is_a_web3_of_the_sessions_chain_and_account(session) -> None:
    """`session.w3` is ready: connected, on the right chain, calling as the account."""
    w3 = session.w3

    assert isinstance(w3, Web3)
    assert w3 is session.w3
    assert w3.is_connected()
    assert w3.eth.chain_id == session.network.chain_id
    assert w3.eth.default_account == session.account
    assert w3.eth.get_balance(session.account) == session.balance().wallet


@pytest.fixture
def alone(session):
    """A connection that nobody else uses, so that its requests can be counted."""
    rpc = Rpc(session.network.rpc_url)
    yield rpc, web3_on(rpc, session.account)
    rpc.close()


def test_the_chain_id_is_asked_once(session, alone) -> None:
    """web3 asks for the chain id around each call; a session's chain doesn't change."""
    rpc, w3 = alone
    vault = Contracts(w3, session.network).vault
    for _ in range(3):
        vault.functions.getBalanceOf(session.account).call()

    assert w3.eth.chain_id == session.network.chain_id
    assert rpc.requests == 4


def test_every_contract_of_a_task_is_there(session) -> None:
    """The market's contracts read as web3's do, from addresses and from handles."""
    session.deposit(1)
    task = session.publish(
        "text2text", "text2text", {"messages": [{"role": "user", "content": "hi"}]}
    )
    task.result(timeout=60)
    contracts = session.contracts
    response = task.responses[0].address

    assert contracts.nexus.functions.getSourceCount().call() >= 1
    assert contracts.controller.functions.nexus().call() == session.network.nexus
    assert contracts.terminal.functions.vault().call() == session.network.vault
    assert contracts.vault.functions.getBalanceOf(session.account).call() == session.balance().vault
    assert contracts.task(task).functions.getStatus().call() == TaskStatus.FINALIZED
    assert contracts.task(task.address).functions.getSource().call() == task.source
    assert contracts.source(task.source).functions.getTaskCount().call() >= 1
    assert contracts.response(response).functions.responseParams().call()[0] == task.address


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_web3_takes_each_abi(session, contract) -> None:
    """Each of our ABIs is one that web3 reads."""
    found = session.w3.eth.contract(abi=contract.abi)

    assert {f.fn_name for f in found.all_functions()} == set(contract.functions)


def test_a_batch_is_one_request(session, alone) -> None:
    """web3's batches go as ours do: in one request, matched by id."""
    rpc, w3 = alone
    with w3.batch_requests() as batch:
        for _ in range(20):
            batch.add(w3.eth.get_balance(session.account))
        batch.add(w3.eth.get_block("latest"))
        *balances, block = batch.execute()

    assert rpc.requests == 1
    assert set(balances) == {session.balance().wallet}
    assert block["number"] > 0


def test_a_revert_is_web3s(session) -> None:
    """What the contracts refuse is web3's own error, with the reason."""
    cancel = session.contracts.controller.functions.cancelTask(NOBODY)

    with pytest.raises((ContractLogicError, Web3RPCError)):
        cancel.call()


def test_an_unknown_method_is_web3s_error(session) -> None:
    """A node's refusal keeps its code."""
    with pytest.raises(Web3RPCError):
        session.w3.manager.request_blocking("eth_noSuchMethod", [])


def test_what_is_no_address_is_ours(session) -> None:
    """An address with a slip is told as everywhere."""
    with pytest.raises(AddressError):
        session.contracts.task("0x12")


def test_a_persons_own_transaction_leaves_once(session, localnet) -> None:
    """A raw transaction that a person signed goes out, and its receipt is web3's."""
    w3, account = session.w3, funded_account(localnet)
    fields = {
        "to": session.account, "value": 1, "gas": 21_000, "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 1, "nonce": 0, "chainId": w3.eth.chain_id,
    }  # fmt: skip
    sent = w3.eth.send_raw_transaction(account.sign_transaction(fields).raw_transaction)

    receipt = w3.eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.05)

    assert receipt["status"] == 1
    assert w3.eth.get_transaction_count(account.address) == 1


def test_logs_and_events_are_read(session, localnet) -> None:
    """web3's event readers work over it."""
    begin = session.w3.eth.block_number
    source = Publisher(localnet).publish_source()

    found = wait_until(
        lambda: session.contracts.nexus.events.SourcePublished.get_logs(from_block=begin)
    )

    assert source in {event["args"]["source"] for event in found}


def test_a_closed_session_says_so(session) -> None:
    """Nothing is asked for a session that was closed."""
    w3 = session.w3
    session.close()

    with pytest.raises(NodeUnavailable, match="disconnected"):
        w3.eth.get_balance(session.account)


def test_no_web3_is_loaded_before_it_is_asked_for() -> None:
    """Who doesn't use it doesn't wait for it."""
    code = "import sys, ogpu_jupyter, ogpu_jupyter.session;sys.exit('web3' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_url_stays_out_of_its_repr(session) -> None:
    """A node's path may hold an API key."""
    assert repr(session.w3.provider) == f"Provider({session.client.rpc.where!r})"
    assert "nexus" in repr(session.contracts)


# A person's own Web3

KEY = "Key-1-Canary"


@pytest.fixture
def connected():
    """`connect` as a person calls it; what it gave is closed afterwards."""
    opened = []

    def connect(*given, **options):
        opened.append(ogpu_jupyter.connect(*given, **options))
        return opened[-1]

    yield connect
    for session in opened:
        session.close()


def with_headers(url: str, **options: Any) -> Web3:
    return Web3(HTTPProvider(url, request_kwargs={"headers": {"X-Api-Key": KEY}, **options}))


def test_a_persons_web3_is_a_network(localnet, account, tmp_path, connected) -> None:
    """Its node is asked, with its headers; the local network behind it is found."""
    own = with_headers(localnet.network.rpc_url, timeout=5)
    session = connected(own, account=account, journal=tmp_path / "journal.sqlite3")
    session.deposit(1)

    assert session.network.name == localnet.network.name
    assert session.network.rpc_headers == (("X-Api-Key", KEY),)
    assert session.balance().vault == 10**18
    task = session.publish("text2text", "text2text", CHAT)
    assert task.result(timeout=60)


def test_a_node_that_wants_a_header_gets_it(localnet, account, tmp_path, caplog) -> None:
    """And tells no error, log or repr what it was; nor do we."""
    caplog.set_level(logging.DEBUG)

    def guarded(exchange: Exchange) -> None:
        if exchange.headers.get("X-Api-Key") == KEY:
            honest(exchange)
        else:
            exchange.reply(b"no key", 401)

    with faulty_node(localnet.network.rpc_url) as (node, url):
        node.always = guarded
        network = replace(localnet.network, rpc_url=url, rpc_headers={"X-Api-Key": KEY})
        session = Session(network, account, Journal(tmp_path / "journal.sqlite3"))
        session.deposit(1)
        assert session.w3.eth.block_number
        node.always = says(b"busy", 503)
        with pytest.raises(NodeUnavailable) as caught:
            session.client.rpc.call("eth_blockNumber", deadline=time.monotonic() + 1)
        node.always = guarded
        session.close()
        with pytest.raises(NodeUnavailable, match="401"):
            Session(replace(network, rpc_headers=()), account, Journal(tmp_path / "other.sqlite3"))

    told = [str(caught.value), repr(network), repr(session), repr(session.client), caplog.text]
    assert KEY not in "".join(told)
    assert "rpc_headers={'X-Api-Key': …}" in repr(network)


@pytest.mark.parametrize(
    ("url", "first", "goes"),
    [
        ("https://a.example/v1", "https://a.example", True),
        ("wss://a.example:8546", "https://a.example", True),
        ("https://a.example", "http://a.example", True),
        ("http://127.0.0.1:1", "http://127.0.0.1:2", True),
        ("http://a.example", "https://a.example", False),
        ("ws://a.example", "wss://a.example", False),
        ("https://b.example", "https://a.example", False),
        ("https://a.example.b.example", "https://a.example", False),
    ],
)
def test_headers_are_for_the_host_that_they_were_given_for(url, first, goes) -> None:
    """And never in the open, where the first way was not."""
    headers = (("X-Api-Key", KEY),)

    assert headers_for(url, first, headers) == (headers if goes else ())


def test_the_other_nodes_of_a_network_get_no_header(localnet) -> None:
    with faulty_node(localnet.network.rpc_url) as (node, url):
        seen = []
        node.always = lambda exchange: (
            seen.append(exchange.headers.get("X-Api-Key")),
            honest(exchange),
        )
        other = url.replace("127.0.0.1", "localhost")
        rpc = Rpc("http://127.0.0.1:9", other, headers=(("X-Api-Key", KEY),))
        assert rpc.call("eth_chainId")
        rpc.close()
        rpc = Rpc(url, headers=(("X-Api-Key", KEY),))
        assert rpc.call("eth_chainId")
        rpc.close()

    assert set(seen[:-1]) == {None}
    assert seen[-1] == KEY


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda url: Web3(IPCProvider("/nowhere/geth.ipc")), "IPCProvider, names no URL"),
        (lambda url: with_headers(url, auth=("me", KEY)), "was given 'auth', which is not taken"),
        (lambda url: with_headers(url, verify=False), "was given 'verify', which is not taken"),
        (lambda url: object(), "An object of type object is no network"),
        (lambda url: None, "An object of type NoneType is no network"),
    ],
)
def test_what_can_t_be_asked_as_it_asks_is_told(localnet, account, given, said) -> None:
    with pytest.raises(InputError, match=said) as caught:
        ogpu_jupyter.connect(given(localnet.network.rpc_url), account=account)

    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"X Key": KEY}, "one whose name is none"),
        ({"X-Key": f"{KEY}\r\nHost: other"}, "the header 'X-Key'"),
        ({"X-Key": f"{KEY}é"}, "the header 'X-Key'"),
        ({"X-Key": 7}, "the header 'X-Key'"),
        ({7: KEY}, "one whose name is none"),
        (KEY, "of type str"),
        (7, "of type int"),
    ],
)
def test_headers_that_can_t_be_sent_are_told(localnet, headers, said) -> None:
    with pytest.raises(InputError, match=said) as caught:
        replace(localnet.network, rpc_headers=headers)

    assert KEY not in str(caught.value)
