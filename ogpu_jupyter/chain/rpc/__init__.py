"""JSON-RPC by hand, over HTTP or a WebSocket: batches matched by id, reads tried again.

Reads are tried again within one deadline: after a lost connection, a rate limit, a
replica that lags behind; where a network has several nodes, by the next of them. A
transaction is sent in exactly one attempt (`send_raw`):
whether its answer was lost or it never arrived, only the chain can tell.
"""

from ogpu_jupyter.chain.rpc.heads import Heads
from ogpu_jupyter.chain.rpc.limits import MAX_BATCH
from ogpu_jupyter.chain.rpc.messages import LIMIT_EXCEEDED, Call, said
from ogpu_jupyter.chain.rpc.node import Rpc
from ogpu_jupyter.chain.rpc.socket import is_socket_url
from ogpu_jupyter.chain.rpc.values import as_object, digest, hex_bytes, one_line, quantity

__all__ = [
    "LIMIT_EXCEEDED",
    "MAX_BATCH",
    "Call",
    "Heads",
    "Rpc",
    "as_object",
    "digest",
    "hex_bytes",
    "is_socket_url",
    "one_line",
    "quantity",
    "said",
]
