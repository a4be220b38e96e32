"""Who signs. A key is never bound to a name here, nor to any frame that an error could show."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from ogpu_jupyter.chain import _web3
from ogpu_jupyter.chain.contracts import checksum
from ogpu_jupyter.chain.transactions.records import Signed
from ogpu_jupyter.errors import NOTHING_SPENT, AccountError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ogpu_jupyter.chain.transactions.records import Order, Quote

KEY_VARIABLE = "CLIENT_PRIVATE_KEY"
_KEY = re.compile(r"(0[xX])?[0-9a-fA-F]{64}")
_KEY_HINT = (
    "Set the environment variable {} before the kernel starts, or give an "
    "`eth_account` account: `ogpu_jupyter.connect(network, account=…)`."
)


class Signer(Protocol):
    """Whatever can sign: an `eth_account` account fits. Its key is never asked for."""

    @property
    def address(self) -> str: ...

    def sign_transaction(self, transaction_dict: Any, /) -> Any: ...


def resolve_account(account: object | None) -> Signer:
    """The account that was given, or that of the key in `CLIENT_PRIVATE_KEY`."""
    if account is None:
        return from_environment()
    hint = _KEY_HINT.format(KEY_VARIABLE)
    if isinstance(account, (str, bytes)):
        raise AccountError("A key or an address can't be given as text.", hint=hint)
    if not callable(getattr(account, "sign_transaction", None)):
        kind = type(account).__name__
        raise AccountError(f"An object of type {kind} can't sign a transaction.", hint=hint)
    checksum(getattr(account, "address", None))
    return account  # type: ignore[return-value]


def from_environment(variable: str = KEY_VARIABLE) -> Signer:
    """The account of the key in an environment variable."""
    if not os.environ.get(variable, "").strip():
        raise AccountError(
            f"There is no key: {variable} is not set.", hint=_KEY_HINT.format(variable)
        )
    return from_key(lambda: os.environ[variable], variable)


def from_key(read: Callable[[], str], place: str) -> Signer:
    """The account of the key that `read` gives; `place` is where an error says it was.

    No name is bound to the key in a frame that an error leaves by: a verbose traceback shows
    the names of its frames. What `read` raises goes through, with its own frames.
    """
    account = _parsed(read())
    if account is None:
        raise AccountError(
            f"{place} doesn't hold a private key.",
            hint="A private key is 64 hex digits, with or without 0x before them.",
        )
    return account


def _parsed(text: str) -> Signer | None:
    if not _KEY.fullmatch(text.strip()):  # a digit less is another account's
        return None
    account: Signer | None = None
    with suppress(Exception):  # whatever it says, and its frames, may hold the key
        account = _web3.eth_account.Account.from_key(text.strip())
    return account


def sign(signer: Signer, order: Order, quote: Quote, *, nonce: int, chain_id: int) -> Signed:
    """The exact bytes of a transaction, and the hash that it will have."""
    fields = _fields(order, quote) | {"nonce": nonce, "chainId": chain_id}
    raw, failed = b"", ""
    try:
        raw = bytes(signer.sign_transaction(fields).raw_transaction)
    except Exception as error:  # noqa: BLE001 - whatever it says may hold the key
        failed = type(error).__name__
    if failed or not raw:
        raise AccountError(
            f"The account {signer.address} didn't sign the transaction"
            + (f" ({failed})." if failed else "."),
            spent=NOTHING_SPENT,
        )
    return Signed("0x" + _web3.eth_utils.crypto.keccak(raw).hex(), nonce, raw)


def _fields(order: Order, quote: Quote) -> dict[str, Any]:
    common = {"to": order.to, "data": order.data, "value": order.value, "gas": quote.gas}
    if quote.priority_fee is None:
        return common | {"gasPrice": quote.max_fee}
    fees = {"maxFeePerGas": quote.max_fee, "maxPriorityFeePerGas": quote.priority_fee}
    return common | fees | {"type": 2}
