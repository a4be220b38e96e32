"""A kernel's stand-in that fills its vault: its standard input is JSON; it says what it moved.

It begins when a line comes after the JSON, so that several can begin together.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ogpu_jupyter
from ogpu_jupyter.chain._web3 import eth_account


def main(network: dict[str, object], key: str, journal: str) -> None:
    session = ogpu_jupyter.connect(
        ogpu_jupyter.Network(**network),  # type: ignore[arg-type] # as it was written down
        account=eth_account.Account.from_key(key),
        journal=Path(journal),
    )
    print("ready", flush=True)
    sys.stdin.readline()
    done = session.deposit(1, if_below="0.5")
    print("moved" if done else "nothing", flush=True)
    session.close()


if __name__ == "__main__":
    main(**json.loads(sys.stdin.readline()))
