"""The one door to web3 and its family.

`eth_account` raises Python's recursion limit to 100000 when it is imported. With that
limit, `json.loads` of deep brackets ends the process instead of raising, so the limit
that was there before is put back here, and everybody imports from here.
"""

from __future__ import annotations

import sys

_limit = sys.getrecursionlimit()

import eth_abi  # noqa: E402 - between the two looks at the limit
import eth_account  # noqa: E402
import web3  # noqa: E402

sys.setrecursionlimit(_limit)

__all__ = ["eth_abi", "eth_account", "web3"]
