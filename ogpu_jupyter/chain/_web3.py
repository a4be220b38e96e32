"""The one door to web3 and its family, each imported when it is first asked for.

`eth_account` raises Python's recursion limit to 100000 when it is imported. With that
limit, `json.loads` of deep brackets ends the process instead of raising, so the limit
that was there before is put back here, and everybody imports from here. Reading the chain
needs `eth_abi` and `eth_utils` alone, a quarter of the time that `web3` takes.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import eth_abi
    import eth_account
    import eth_utils
    import web3

__all__ = ["eth_abi", "eth_account", "eth_utils", "web3"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    limit = sys.getrecursionlimit()
    try:
        globals()[name] = module = importlib.import_module(name)
    finally:
        sys.setrecursionlimit(limit)
    return module
