"""The node with all its methods: each of these modules registers its own when it is imported."""

from __future__ import annotations

from ogpu_jupyter.localnet.accounts import ALL, FUNDS
from ogpu_jupyter.localnet.embedded import filters, reading, sending, testing
from ogpu_jupyter.localnet.embedded.chain import Chain
from ogpu_jupyter.localnet.embedded.node import Node

__all__ = ["filters", "open_node", "reading", "sending", "testing"]


def open_node(chain_id: int, *, automine: bool) -> Node:
    """A node on a new chain on which the dev accounts are rich."""
    funds = {bytes.fromhex(account.address[2:]): FUNDS for account in ALL}
    return Node(Chain(chain_id, funds), automine=automine)
