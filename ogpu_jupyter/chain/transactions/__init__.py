"""One transaction: priced, signed, broadcast, and told in our words when it is refused.

`broadcast` never raises for what a node says: it names the transaction's fate, and only
an answer that proves a refusal is one. `translate` is the one place where reverts and RPC
errors become ours.
"""

from ogpu_jupyter.chain.transactions.accounts import (
    Signer,
    from_environment,
    from_key,
    resolve_account,
    sign,
)
from ogpu_jupyter.chain.transactions.fates import Fate, broadcast, broadcast_many, classify
from ogpu_jupyter.chain.transactions.raw import read_raw
from ogpu_jupyter.chain.transactions.records import Head, Order, Quote, Receipt, Signed
from ogpu_jupyter.chain.transactions.reverts import Facts, revert_of, translate

__all__ = [
    "Facts",
    "Fate",
    "Head",
    "Order",
    "Quote",
    "Receipt",
    "Signed",
    "Signer",
    "broadcast",
    "broadcast_many",
    "classify",
    "from_environment",
    "from_key",
    "read_raw",
    "resolve_account",
    "revert_of",
    "sign",
    "translate",
]
