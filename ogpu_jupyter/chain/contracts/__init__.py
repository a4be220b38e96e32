"""The market's contracts as their ABIs give them: calls, events and reverts, both ways.

No node is spoken to here. What a node sends is hostile until it is decoded: whatever
doesn't fit the ABI is a typed error, or for a log, nothing.
"""

from ogpu_jupyter.chain.contracts.addresses import ZERO_ADDRESS, checksum, spelled
from ogpu_jupyter.chain.contracts.interfaces import (
    CONTRACTS,
    CONTROLLER,
    MANAGER,
    NEXUS,
    RESPONSE,
    SOURCE,
    TASK,
    TERMINAL,
    VAULT,
    Contract,
    ContractCall,
    Log,
)
from ogpu_jupyter.chain.contracts.refusals import PANICS, Revert, decode_revert, is_known_error

__all__ = [
    "CONTRACTS",
    "CONTROLLER",
    "MANAGER",
    "NEXUS",
    "PANICS",
    "RESPONSE",
    "SOURCE",
    "TASK",
    "TERMINAL",
    "VAULT",
    "ZERO_ADDRESS",
    "Contract",
    "ContractCall",
    "Log",
    "Revert",
    "checksum",
    "decode_revert",
    "is_known_error",
    "spelled",
]
