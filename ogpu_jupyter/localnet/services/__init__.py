"""What the local provider can do: small services that really compute, without downloads.

Each is a function from a pydantic model to a pydantic model, gives the same answer to the
same question, and has the shapes of the real sources. What needs Pillow imports it when
it is called.
"""

from ogpu_jupyter.localnet.services.registry import SERVICES, Bidder, Service

__all__ = ["SERVICES", "Bidder", "Service"]
