"""Signed transactions, each journalled before it leaves, and what became of them.

One sender an account at a time, over all kernels: nonces are chosen, signed, journalled
and broadcast under one lock. What is in the journal but not on the chain is sent again as
the same bytes, so that nothing can happen twice; a new nonce is taken only when the old
one is provably used by another transaction, or a node has refused what was to have it.
"""

from __future__ import annotations

from .ledger import Parcel
from .outcomes import task_after
from .sender import Sender

__all__ = ["Parcel", "Sender", "task_after"]
