"""Signing, the fate of what was sent, and every refusal in our words."""

from __future__ import annotations

import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.chain._web3 import eth_abi, eth_account
from ogpu_jupyter.chain.contracts import PANICS, Revert
from ogpu_jupyter.chain.rpc import Rpc
from ogpu_jupyter.chain.transactions import (
    Facts,
    Fate,
    Head,
    Order,
    Quote,
    Receipt,
    Signed,
    broadcast,
    classify,
    resolve_account,
    revert_of,
    sign,
    translate,
)
from ogpu_jupyter.errors import (
    AccountError,
    AddressError,
    AmountError,
    ExpiryError,
    GasBalanceLow,
    NodeUnavailable,
    Reverted,
    RpcError,
    SourceInactive,
    VaultBalanceLow,
)
from tests.chain.faulty import answers, faulty_node, lost, reset, says
from tests.helpers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "0x" + "ca11ab1e" * 8  # a canary: it must be seen nowhere
ONE = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ORDER = Order(to=ONE, data="0x1234", value=5)
QUOTE = Quote(gas=100_000, max_fee=2 * 10**9, priority_fee=10**9, nonce=3)


# --- who signs -------------------------------------------------------------------------


@pytest.mark.parametrize("text", [KEY, KEY[2:], f"  {KEY}\n"])
def test_the_key_comes_from_the_environment(monkeypatch, text):
    """With or without 0x, as it is found in people's settings."""
    monkeypatch.setenv("CLIENT_PRIVATE_KEY", text)

    assert resolve_account(None).address == eth_account.Account.from_key(KEY).address


@pytest.mark.parametrize("text", [None, "", "  "])
def test_without_a_key_it_is_said_where_to_put_one(monkeypatch, text):
    monkeypatch.delenv("CLIENT_PRIVATE_KEY", raising=False)
    if text is not None:
        monkeypatch.setenv("CLIENT_PRIVATE_KEY", text)

    with pytest.raises(AccountError) as caught:
        resolve_account(None)

    assert str(caught.value) == (
        "There is no key: CLIENT_PRIVATE_KEY is not set.\n"
        "Nothing was spent.\n"
        "Set the environment variable CLIENT_PRIVATE_KEY before the kernel starts, or give an "
        "`eth_account` account: `ogpu_jupyter.connect(network, account=…)`."
    )


def everything_of(error: BaseException) -> str:
    """An error as the most verbose of tracebacks has it, with the values of all names.

    The test's own frame is left out: there the canary stands.
    """
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert len(shown.stack) > 1
    frames = [str(frame.locals) for frame in shown.stack if frame.filename != __file__]
    return f"{error!r} {frames} {error.__cause__!r} {error.__context__!r}"


@pytest.mark.parametrize(
    "text", [KEY[:-1], KEY + "00", "0x" + "ff" * 32, KEY[:-2] + "zz", "ca11ab1e"]
)
def test_a_bad_key_is_not_shown(monkeypatch, text):
    """Not in the message, nor in what hangs on the error, nor in any frame of it."""
    monkeypatch.setenv("CLIENT_PRIVATE_KEY", text)
    caught: Any = None
    try:
        resolve_account(None)
    except AccountError as error:
        caught = error

    assert str(caught) == (
        "CLIENT_PRIVATE_KEY doesn't hold a private key.\n"
        "Nothing was spent.\n"
        "A private key is 64 hex digits, with or without 0x before them."
    )
    shown = everything_of(caught)
    assert "ca11ab1e" not in shown
    assert "ffffffff" not in shown


@pytest.mark.parametrize("account", [KEY, KEY[2:], KEY.encode(), ONE])
def test_a_key_as_text_is_refused_and_not_shown(account):
    """It would stand in the notebook."""
    with pytest.raises(AccountError) as caught:
        resolve_account(account)

    assert caught.value.what == "A key or an address can't be given as text."
    assert "ca11ab1e" not in str(caught.value)


def test_an_account_is_taken_as_it_is():
    account = eth_account.Account.create()

    assert resolve_account(account) is account


def test_what_cannot_sign_is_refused():
    with pytest.raises(AccountError, match="type object can't sign"):
        resolve_account(object())


def test_a_signer_needs_an_address():
    class Nobody:
        address = "nobody"

        def sign_transaction(self, transaction):
            raise NotImplementedError

    with pytest.raises(AddressError):
        resolve_account(Nobody())


# --- signing ---------------------------------------------------------------------------


@pytest.mark.parametrize("tip", [10**9, None], ids=["1559", "legacy"])
def test_the_bytes_say_what_was_ordered(tip):
    """The hash is known before anything is sent, and the sender can be recovered."""
    account = eth_account.Account.from_key(KEY)
    quote = Quote(gas=100_000, max_fee=2 * 10**9, priority_fee=tip, nonce=3)

    signed = sign(account, ORDER, quote, nonce=7, chain_id=1071)

    assert eth_account.Account.recover_transaction(signed.raw) == account.address
    assert signed.hash == account.sign_transaction(fields(tip)).hash.to_0x_hex()
    assert signed.nonce == 7
    assert (signed.raw[0] == 2) is (tip is not None)


def fields(tip: int | None) -> dict[str, Any]:
    common = {"to": ONE, "data": "0x1234", "value": 5, "gas": 100_000, "nonce": 7, "chainId": 1071}
    if tip is None:
        return common | {"gasPrice": 2 * 10**9}
    return common | {"maxFeePerGas": 2 * 10**9, "maxPriorityFeePerGas": tip, "type": 2}


def test_raw_transactions_and_keys_are_in_no_repr():
    """Whoever has the raw bytes can send them."""
    signed = sign(eth_account.Account.from_key(KEY), ORDER, QUOTE, nonce=0, chain_id=1)

    assert signed.raw.hex()[:20] not in repr(signed)
    assert "raw" not in repr(signed)


def test_a_signer_that_fails_is_told_without_its_words():
    """They may hold the key."""

    class Leaky:
        address = ONE

        def sign_transaction(self, transaction):
            key = KEY
            raise ValueError(f"can't sign with {key}")

    caught: Any = None
    try:
        sign(Leaky(), ORDER, QUOTE, nonce=0, chain_id=1)
    except AccountError as error:
        caught = error

    assert str(caught) == (
        f"The account {ONE} didn't sign the transaction (ValueError).\nNothing was spent."
    )
    assert "ca11ab1e" not in everything_of(caught)


def test_the_most_that_it_may_cost_is_gas_times_price():
    assert QUOTE.max_cost == 100_000 * 2 * 10**9


# --- fates -----------------------------------------------------------------------------

SAID = [
    # geth, and what descends from it: bor, op-geth, go-opera, Sonic
    (-32000, "already known", Fate.KNOWN),
    (-32000, "nonce too low", Fate.NONCE_TOO_LOW),
    (-32000, "nonce too low: address 0xabc, tx: 5 state: 6", Fate.NONCE_TOO_LOW),
    (-32000, "nonce too low: next nonce 6, tx nonce 5", Fate.NONCE_TOO_LOW),
    (-32000, "nonce too high", Fate.NOT_NOW),
    (-32000, "replacement transaction underpriced", Fate.OCCUPIED),
    (-32000, "transaction underpriced", Fate.UNDERPRICED),
    (-32000, "transaction underpriced: gas tip cap 0, minimum needed 1", Fate.UNDERPRICED),
    (-32000, "transaction gas price below minimum: gas tip cap 1", Fate.UNDERPRICED),
    (-32000, "max fee per gas less than block base fee: address 0xabc", Fate.UNDERPRICED),
    (-32000, "insufficient funds for gas * price + value", Fate.NO_FUNDS),
    (-32000, "insufficient funds for gas * price + value: balance 0, tx cost 5", Fate.NO_FUNDS),
    (-32000, "insufficient funds for transfer", Fate.NO_FUNDS),
    (-32000, "exceeds block gas limit", Fate.REFUSED),
    (-32000, "intrinsic gas too low", Fate.REFUSED),
    (-32000, "invalid sender", Fate.REFUSED),
    (-32000, "only replay-protected (EIP-155) transactions allowed over RPC", Fate.REFUSED),
    (-32000, "tx fee (5.00 ether) exceeds the configured cap (1.00 ether)", Fate.REFUSED),
    (-32000, "txpool is full", Fate.NOT_NOW),
    (-32000, "transaction type not supported", Fate.REFUSED),
    (-32000, "unknown transaction type", Fate.REFUSED),
    (-32000, "rlp: value size exceeds available input length", Fate.REFUSED),
    # older nodes
    (-32000, "known transaction: 5c504ed4", Fate.KNOWN),
    (-32000, "Known transaction", Fate.KNOWN),
    (-32010, "Transaction with the same hash was already imported.", Fate.KNOWN),
    (-32010, "Transaction nonce is too low. Try incrementing the nonce.", Fate.NONCE_TOO_LOW),
    (-32010, "Transaction gas price is too low.", Fate.UNDERPRICED),
    # Erigon
    (-32000, "ALREADY_EXISTS: already known", Fate.KNOWN),
    (-32000, "NONCE_TOO_LOW: nonce too low", Fate.NONCE_TOO_LOW),
    (-32000, "INTERNAL_ERROR: existing tx with same hash", Fate.UNCLEAR),
    # Nethermind
    (-32010, "AlreadyKnown", Fate.KNOWN),
    (-32010, "OldNonce, Current nonce: 6, nonce of rejected tx: 5", Fate.NONCE_TOO_LOW),
    (-32010, "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7", Fate.UNDERPRICED),
    (-32010, "FeeTooLowToCompete", Fate.UNDERPRICED),
    (-32010, "ReplacementNotAllowed", Fate.OCCUPIED),
    (-32010, "InsufficientFunds, Balance is less than the cost", Fate.NO_FUNDS),
    (-32010, "NonceGap, Future nonce. Expected nonce: 5", Fate.NOT_NOW),
    # Besu
    (-32001, "Nonce too low", Fate.NONCE_TOO_LOW),
    (-32004, "Upfront cost exceeds account balance", Fate.NO_FUNDS),
    (-32009, "Gas price below configured minimum gas price", Fate.UNDERPRICED),
    # anvil
    (-32003, "transaction already imported", Fate.KNOWN),
    (-32003, "nonce too low", Fate.NONCE_TOO_LOW),
    (-32003, "Insufficient funds for gas * price + value", Fate.NO_FUNDS),
    (-32003, "max fee per gas less than block base fee", Fate.UNDERPRICED),
    (-32602, "Failed to decode transaction", Fate.REFUSED),
    # Hardhat
    (-32000, "Sender doesn't have enough funds to send tx.", Fate.NO_FUNDS),
    (-32000, "nonce has already been used", Fate.NONCE_TOO_LOW),
    # sequencers that simulate, and what stands before nodes
    (-32000, "execution reverted: InsufficientBalance", Fate.REFUSED),
    (3, "execution reverted", Fate.REFUSED),
    (-32005, "limit exceeded", Fate.UNCLEAR),
    (429, "Too Many Requests", Fate.UNCLEAR),
    (-32603, "Internal error", Fate.UNCLEAR),
    (-32000, "context deadline exceeded", Fate.UNCLEAR),
    (-32000, "request timed out", Fate.UNCLEAR),
    (-32002, "resource unavailable", Fate.UNCLEAR),
    (-32000, "unknown transaction", Fate.UNCLEAR),
    (-32601, "the method eth_sendRawTransaction does not exist", Fate.REFUSED),
    (0, "no reason given", Fate.UNCLEAR),
    (-1, "something new", Fate.UNCLEAR),
]


@pytest.mark.parametrize(("code", "words", "fate"), SAID, ids=[words for _, words, _ in SAID])
def test_the_nodes_words_name_the_fate(code, words, fate):
    """In doubt it is unclear: a refusal that was none would be paid twice."""
    assert classify(code, words) is fate


SIGNED = Signed(hash="0x" + "ab" * 32, nonce=1, raw=b"\x01")


@pytest.mark.parametrize(
    ("fault", "fate", "words"),
    [
        (answers(result="0x" + "ab" * 32), Fate.ACCEPTED, ""),
        (answers(result="0x" + "AB" * 32), Fate.ACCEPTED, ""),
        (answers(result="0x" + "cd" * 32), Fate.UNCLEAR, "another transaction's hash"),
        (answers(result=None), Fate.UNCLEAR, "another transaction's hash"),
        (answers(result={"a": []}), Fate.UNCLEAR, "another transaction's hash"),
        (answers(error={"code": -32000, "message": "already known"}), Fate.KNOWN, "already known"),
        (answers(error={"code": -32000, "message": "Bad\nthing."}), Fate.REFUSED, "Bad thing"),
        (lost, Fate.UNCLEAR, "the connection broke"),
        (reset, Fate.UNCLEAR, "the connection broke"),
        (says(b"", 502), Fate.UNCLEAR, "HTTP 502"),
        (says(b"<html>"), Fate.UNCLEAR, "not JSON-RPC"),
    ],
)
def test_a_broadcast_is_one_attempt_and_raises_nothing(fault, fate, words):
    with faulty_node() as (node, url):
        node.always = fault
        rpc = Rpc(url)
        found, told = broadcast(rpc, SIGNED)
        rpc.close()

    assert found is fate
    assert words in told
    assert not told.endswith(".")
    assert len(node.seen) == 1


@pytest.fixture
def rpc(localnet) -> Iterator[Rpc]:
    rpc = Rpc(localnet.network.rpc_url)
    yield rpc
    rpc.close()


def transfer(localnet, account, nonce: int, *, max_fee: int = 20 * 10**9, value: int = 1) -> Signed:
    quote = Quote(gas=21_000, max_fee=max_fee, priority_fee=10**9, nonce=nonce)
    order = Order(to=ONE, data="0x", value=value)
    return sign(account, order, quote, nonce=nonce, chain_id=localnet.network.chain_id)


def mined(rpc: Rpc, signed: Signed) -> Receipt:
    return wait_until(lambda: Receipt.of(rpc.call("eth_getTransactionReceipt", signed.hash)))


def test_real_nodes_take_it_once(localnet, account, rpc):
    """The same bytes again are known or too late, and never taken twice."""
    first = transfer(localnet, account, 0)

    assert broadcast(rpc, first) == (Fate.ACCEPTED, "")
    receipt = mined(rpc, first)
    assert (receipt.hash, receipt.ok, receipt.gas_used) == (first.hash, True, 21_000)
    assert 0 < receipt.fee <= 21_000 * 20 * 10**9
    assert broadcast(rpc, first)[0] in {Fate.KNOWN, Fate.NONCE_TOO_LOW}
    assert broadcast(rpc, transfer(localnet, account, 0, value=2))[0] is Fate.NONCE_TOO_LOW


def test_real_nodes_name_their_refusals(localnet, account, rpc):
    """A waiting one is known; a cheap replacement finds its nonce occupied; no money is none."""
    waiting = transfer(localnet, account, 1)  # behind a gap: it stays in the pool

    assert broadcast(rpc, waiting)[0] is Fate.ACCEPTED
    assert broadcast(rpc, waiting)[0] is Fate.KNOWN
    cheap = transfer(localnet, account, 1, value=2)
    assert broadcast(rpc, cheap)[0] is Fate.OCCUPIED
    assert broadcast(rpc, transfer(localnet, account, 0, max_fee=10**9, value=10**24))[0] is (
        Fate.NO_FUNDS
    )
    filled = transfer(localnet, account, 0)
    assert broadcast(rpc, filled)[0] is Fate.ACCEPTED
    assert mined(rpc, waiting).ok


# --- what nodes hold -------------------------------------------------------------------

BLOCK = {
    "number": "0x10",
    "hash": "0x" + "AB" * 32,
    "timestamp": "0x5",
    "baseFeePerGas": "0x7",
    "gasLimit": "0xffffffffffff",
}
MINED = {
    "transactionHash": "0x" + "AB" * 32,
    "status": "0x0",
    "blockNumber": "0x10",
    "blockHash": "0x" + "cd" * 32,
    "gasUsed": "0x10",
    "effectiveGasPrice": "0x3",
    "logs": [{"a": 1}, "odd"],
}


def test_a_head_is_read():
    assert Head.of(BLOCK) == Head(16, "0x" + "ab" * 32, 5, 7, 2**48 - 1)
    assert Head.of({**BLOCK, "baseFeePerGas": None}).base_fee is None


def test_a_receipt_is_read():
    """A reverted one has a fee too; one that is in no block is none yet."""
    assert Receipt.of(MINED) == Receipt(
        "0x" + "ab" * 32, False, 16, "0x" + "cd" * 32, 48, 16, ({"a": 1},)
    )
    assert Receipt.of({**MINED, "blockNumber": None}) is None
    assert Receipt.of(None) is None


@pytest.mark.parametrize("value", [[], "0x", 5, True, {}, {"blockNumber": 7}])
def test_what_is_no_receipt_is_an_rpc_error(value):
    if value == {}:
        assert Receipt.of(value) is None
        return
    with pytest.raises(RpcError):
        Receipt.of(value)


@pytest.mark.parametrize("name", [n for n in MINED if n not in {"logs", "effectiveGasPrice"}])
@pytest.mark.parametrize("value", [[], 5, "0x", "nonsense", {}, "0x" + "1" * 100])
def test_a_broken_field_of_a_receipt_is_an_rpc_error(name, value):
    with pytest.raises(RpcError):
        Receipt.of({**MINED, name: value})


def test_a_time_beyond_the_calendar_is_an_rpc_error():
    """Nobody could write it down."""
    with pytest.raises(RpcError):
        Head.of({**BLOCK, "timestamp": hex(2**60)})


@pytest.mark.parametrize("name", BLOCK)
@pytest.mark.parametrize("value", [[], 5, "0x", "nonsense", {}, "0x" + "1" * 100])
def test_a_broken_field_of_a_block_is_an_rpc_error(name, value):
    with pytest.raises(RpcError):
        Head.of({**BLOCK, name: value})


# --- reverts ---------------------------------------------------------------------------


def packed(reason: str) -> str:
    return "0x08c379a0" + eth_abi.abi.encode(["string"], [reason]).hex()


DATA = packed("NotOwner")
PANIC = "0x4e487b71" + f"{0x32:064x}"
CUSTOM = "0x118cdaa7" + f"{int(ONE, 16):064x}"
OUT_OF_RANGE = Revert("Panic", {"code": 0x32})
NO_OWNER = Revert("OwnableUnauthorizedAccount", {"account": ONE})
HASH = "0x" + "ab" * 32
SHAPES = [
    # geth, go-opera, Erigon, anvil
    (3, "execution reverted: NotOwner", DATA, Revert("NotOwner")),
    (3, "execution reverted", PANIC, OUT_OF_RANGE),
    (3, "execution reverted: custom error 0x118cdaa7", CUSTOM, NO_OWNER),
    (3, "execution reverted", "0x", Revert("")),
    (3, "execution reverted", None, Revert("")),
    (-32000, "execution reverted", None, Revert("")),
    (-32000, "execution reverted: NotOwner", None, Revert("NotOwner")),
    (-32603, "execution reverted: Source: it is closed", None, Revert("Source: it is closed")),
    (3, "execution reverted: panic: array out-of-bounds access (0x32)", PANIC, OUT_OF_RANGE),
    (3, 'execution reverted, data: "' + DATA + '"', None, Revert("NotOwner")),
    (3, "execution reverted", "0xdeadbeef" + "00" * 32, Revert("0xdeadbeef" + "00" * 32)),
    # OpenEthereum, Nethermind
    (-32015, "VM execution error.", "Reverted " + DATA, Revert("NotOwner")),
    (-32015, "VM execution error.", DATA, Revert("NotOwner")),
    (-32015, "VM execution error.", "revert: NotOwner", Revert("NotOwner")),
    # Hardhat
    (
        -32603,
        "Error: VM Exception while processing transaction: reverted with reason string 'NotOwner'",
        {"message": "…", "txHash": HASH, "data": DATA},
        Revert("NotOwner"),
    ),
    (
        -32603,
        "VM Exception while processing transaction: reverted with reason string 'NotOwner'",
        None,
        Revert("NotOwner"),
    ),
    (-32603, "Transaction reverted without a reason string", None, Revert("")),
    # Ganache
    (
        -32000,
        "VM Exception while processing transaction: revert NotOwner",
        {HASH: {"error": "revert", "program_counter": 5, "return": DATA, "reason": "NotOwner"}},
        Revert("NotOwner"),
    ),
    (
        -32000,
        "VM Exception while processing transaction: revert NotOwner",
        None,
        Revert("NotOwner"),
    ),
    # wrapped by what stands between
    (
        -32603,
        "Internal JSON-RPC error.",
        {"originalError": {"code": 3, "data": DATA}},
        Revert("NotOwner"),
    ),
    (
        -32603,
        "Internal JSON-RPC error.",
        {"data": {"data": [{"result": DATA}]}},
        Revert("NotOwner"),
    ),
    (-32000, "rpc error", DATA, Revert("NotOwner")),
    # no reverts
    (-32000, "nonce too low", None, None),
    (-32000, "header not found", HASH, None),
    (-32601, "Method not found", None, None),
    (-32602, "invalid argument 0: hex string", {"data": [[[[[[[[DATA]]]]]]]]}, None),
]


@pytest.mark.parametrize(("code", "words", "data", "revert"), SHAPES)
def test_a_revert_is_found_wherever_a_node_keeps_it(code, words, data, revert):
    error = RpcError(f"The node refuses eth_estimateGas: {words}", code=code, data=data)

    assert revert_of(error) == revert


# --- in our words ----------------------------------------------------------------------

OGPU = 10**18
NOW = 1_700_000_000
FACTS = Facts(
    account=ONE,
    wallet=OGPU,
    vault=OGPU // 5,
    payment=OGPU // 2,
    source=ONE,
    min_payment=OGPU,
    max_expiry=3600,
    expires_at=NOW + 10_000,
    now=NOW,
)
WITHDRAWAL = Facts(account=ONE, wallet=OGPU, vault=OGPU // 5, payment=OGPU, withdraws=True)
TEXTS = [
    (
        "InsufficientBalance",
        FACTS,
        VaultBalanceLow,
        (
            "The vault holds 0.2 OGPU; this task pays 0.5 OGPU.\nNothing was spent.\n"
            "Type `%ogpu deposit 0.3`."
        ),
    ),
    (
        "InsufficientBalance",
        WITHDRAWAL,
        VaultBalanceLow,
        (
            "The vault holds 0.2 OGPU; 1 OGPU can't be withdrawn.\nNothing was spent.\n"
            "Type `%ogpu withdraw 0.2`."
        ),
    ),
    (
        "InsufficientBalance",
        Facts(),
        VaultBalanceLow,
        (
            "The vault holds too little.\nNothing was spent.\n"
            "Type `%ogpu status` to see what it holds, `%ogpu deposit <amount>` to add to it."
        ),
    ),
    (
        "SourceInactive",
        FACTS,
        SourceInactive,
        (
            f"The source {ONE} is inactive: it takes no tasks.\nNothing was spent.\n"
            "Type `%ogpu sources` to see those that are active."
        ),
    ),
    (
        "SourceInactive",
        Facts(),
        SourceInactive,
        (
            "The source is inactive: it takes no tasks.\nNothing was spent.\n"
            "Type `%ogpu sources` to see those that are active."
        ),
    ),
    (
        "Expired",
        replace(FACTS, expires_at=NOW - 60),
        ExpiryError,
        (
            "The expiry 2023-11-14 22:12:20 UTC is in the past; on the chain's clock it is "
            "2023-11-14 22:13:20 UTC.\nNothing was spent.\n"
            "Type a duration from now: `--expires 10m`."
        ),
    ),
    (
        "Expired",
        Facts(),
        Reverted,
        (
            "The contracts refuse publishing the task: Expired. Its time has passed.\n"
            "Nothing was spent."
        ),
    ),
    (
        "ExpiryTooLong",
        FACTS,
        ExpiryError,
        (
            "The expiry is 2 h 46 min away; the source takes at most 1 h.\nNothing was spent.\n"
            "Type `--expires 1h`, or less."
        ),
    ),
    (
        "InsufficientPayment",
        FACTS,
        AmountError,
        (
            "The payment of 0.5 OGPU is below the source's minimum of 1 OGPU.\nNothing was spent.\n"
            "Type `--pay 1`, or leave `--pay` away."
        ),
    ),
    (
        "NotOwner",
        FACTS,
        Reverted,
        (
            "The contracts refuse publishing the task: NotOwner. It is not for this account to do "
            f"({ONE}).\nNothing was spent."
        ),
    ),
    (
        "AlreadyFinalized",
        Facts(),
        Reverted,
        (
            "The contracts refuse publishing the task: AlreadyFinalized. "
            "The task is taken, answered or closed already.\nNothing was spent."
        ),
    ),
    (
        "Whatever they say",
        FACTS,
        Reverted,
        "The contracts refuse publishing the task: Whatever they say.\nNothing was spent.",
    ),
]


@pytest.mark.parametrize(("name", "facts", "kind", "text"), TEXTS)
def test_reverts_are_told_in_our_words(name, facts, kind, text):
    error = RpcError(
        "The node refuses eth_estimateGas: execution reverted", code=3, data=packed(name)
    )

    found = translate(error, doing="publishing the task", facts=facts)

    assert type(found) is kind
    assert str(found) == text


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("Expired", FACTS),
        ("ExpiryTooLong", replace(FACTS, max_expiry=20_000)),
        ("InsufficientPayment", replace(FACTS, min_payment=1)),
    ],
)
def test_what_the_chains_values_do_not_bear_out_is_not_said(name, facts):
    """The contracts may mean something else by the same word."""
    error = RpcError("execution reverted", code=3, data=packed(name))

    found = translate(error, doing="publishing the task", facts=facts)

    assert isinstance(found, Reverted)
    assert f"refuse publishing the task: {name}." in found.what


@pytest.mark.parametrize(
    "name",
    [
        "NotOwner",
        "NotMaster",
        "NotProvider",
        "AlreadyConfirmed",
        "AlreadyFinalized",
        "InsufficientLockup",
        "UnbondingNotElapsed",
        "NotEligible",
    ],
)
def test_every_revert_string_of_the_market_is_named(name):
    error = RpcError("execution reverted", code=3, data=packed(name))

    found = translate(error, doing="the transaction")

    assert isinstance(found, Reverted)
    assert found.name == name
    assert f"refuse the transaction: {name}." in found.what


@pytest.mark.parametrize("code", PANICS)
def test_panics_are_told_in_words(code):
    error = RpcError("execution reverted", code=3, data="0x4e487b71" + f"{code:064x}")

    found = translate(error, doing="the transaction")

    assert isinstance(found, Reverted)
    assert (found.name, found.arguments) == ("Panic", {"code": code})
    assert PANICS[code] in found.what


def test_a_revert_without_a_reason_has_none_invented():
    found = translate(RpcError("execution reverted", code=3), doing="the transaction")

    assert str(found) == (
        "The contracts refuse the transaction: no reason given.\nNothing was spent."
    )


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        (Facts(), "The account holds too little for the deposit."),
        (
            Facts(account=ONE, wallet=5, sent=OGPU),
            f"The account {ONE} holds 5 wei; the deposit takes gas and 1 OGPU.",
        ),
        (Facts(account=ONE, wallet=5), f"The account {ONE} holds 5 wei; the deposit takes gas."),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        "insufficient funds for transfer",
        "Insufficient funds for gas * price + value",
        "InsufficientFunds, Balance is less",
        "gas required exceeds allowance (0)",
    ],
)
def test_an_account_that_can_not_pay_is_told(words, facts, what):
    error = RpcError(f"The node refuses eth_estimateGas: {words}", code=-32000)

    found = translate(error, doing="the deposit", facts=facts)

    assert type(found) is GasBalanceLow
    assert str(found) == (
        f"{what}\nNothing was spent.\nSend OGPU to the account; `%ogpu status` shows its address."
    )


def test_another_error_of_the_node_keeps_its_words():
    error = RpcError("The node refuses eth_estimateGas: odd", code=-32000, data={"a": 1})

    found = translate(error, doing="the deposit")

    assert type(found) is RpcError
    assert (found.code, found.data) == (-32000, {"a": 1})
    assert str(found) == (
        "The deposit failed. The node refuses eth_estimateGas: odd\nNothing was spent."
    )


def test_what_is_ours_already_stays():
    error = NodeUnavailable("gone")

    assert translate(error, doing="the deposit") is error
