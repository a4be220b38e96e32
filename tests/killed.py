"""A kernel's stand-in that is killed with SIGKILL at a named step of publishing.

Its standard input is JSON: network, key, journal, step and source.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import ogpu_jupyter
from ogpu_jupyter.chain._web3 import eth_account
from ogpu_jupyter.following import Keeper

QUESTION = {"messages": [{"role": "user", "content": "Who survives?"}]}
STEPS = ("intended", "uploaded", "signed", "broadcast", "receipt")


def die(*_args, **_kwargs):
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(owner, name):
    method = getattr(owner, name)

    def wrapped(*args, **kwargs):
        method(*args, **kwargs)
        die()

    setattr(owner, name, wrapped)


def arm(session, step):
    if step == "intended":
        session.client.store.put = die
    elif step == "uploaded":
        die_after(session.client.store, "put")
    elif step == "signed":
        die_after(session.journal, "add_transaction")
    elif step == "broadcast":
        die_after(session.client.rpc, "send_raw")


def main(network, key, journal, step, source):
    if step == "connecting":
        die_after(Keeper, "on_head")  # the newest block is known, and no task is read yet
    if step == "receipt":
        die_after(Keeper, "on_receipts")
    session = ogpu_jupyter.connect(
        ogpu_jupyter.Network(**network),
        account=eth_account.Account.from_key(key),
        journal=Path(journal),
    )
    arm(session, step)
    session.publish(source, "text2text", QUESTION).result(timeout=30)


if __name__ == "__main__":
    main(**json.load(sys.stdin))
