"""The market on one chain, seen from this machine: look, price, and find out what became.

Few requests: what belongs together is asked in one batch. A `Client` holds no key and
signs nothing.
"""

from ogpu_jupyter.chain.client.market import Balances, Client, Look
from ogpu_jupyter.chain.transactions import Head, Order, Quote, Receipt

__all__ = ["Balances", "Client", "Head", "Look", "Order", "Quote", "Receipt"]
