"""A kernel's stand-in that is killed with SIGKILL in the middle of publishing many tasks.

Its standard input is JSON: network, key, journal, step, source and number.
"""

from __future__ import annotations

import json
import sys
from itertools import count
from pathlib import Path

import ogpu_jupyter
from ogpu_jupyter.chain._web3 import eth_account
from tests.killed import die

STEPS = ("intended", "uploading", "uploaded", "signed", "broadcast", "receipts")


def die_at(owner, name, call, *, after):
    """In its `call`-th call, before or after its work."""
    method, numbers = getattr(owner, name), count(1)

    def wrapped(*args, **kwargs):
        mine = next(numbers) == call  # decided at once: uploads run side by side
        if mine and not after:
            die()
        result = method(*args, **kwargs)
        if mine:
            die()
        return result

    setattr(owner, name, wrapped)


def arm(session, step):
    if step == "intended":
        die_at(session.client.store, "put", 1, after=False)
    elif step == "uploading":
        die_at(session.client.store, "put", 9, after=True)
    elif step == "uploaded":
        die_at(session._sender, "send_many", 1, after=False)
    elif step == "signed":
        die_at(session.journal, "add_transactions", 2, after=True)
    elif step == "broadcast":
        die_at(session.client.rpc, "send_raws", 2, after=True)
    elif step == "receipts":
        die_at(session._keeper, "on_receipts", 1, after=True)


def main(network, key, journal, step, source, number):
    session = ogpu_jupyter.connect(
        ogpu_jupyter.Network(**network),
        account=eth_account.Account.from_key(key),
        journal=Path(journal),
    )
    arm(session, step)
    session.publish_many(source, "f", [{"row": n} for n in range(number)]).wait(30)


if __name__ == "__main__":
    main(**json.load(sys.stdin))
