"""JSON-RPC over HTTP, by hand: a batch is matched by id, and read again where that is safe.

Reads are tried again within one deadline: after a lost connection, a rate limit, a
replica that lags behind. A transaction is sent in exactly one attempt (`send_raw`):
whether its answer was lost or it never arrived, only the chain can tell.
"""

from ogpu_jupyter.chain.rpc.messages import LIMIT_EXCEEDED, Call, said
from ogpu_jupyter.chain.rpc.node import MAX_BATCH, Rpc
from ogpu_jupyter.chain.rpc.values import as_object, digest, hex_bytes, one_line, quantity

__all__ = [
    "LIMIT_EXCEEDED",
    "MAX_BATCH",
    "Call",
    "Rpc",
    "as_object",
    "digest",
    "hex_bytes",
    "one_line",
    "quantity",
    "said",
]
