"""A kernel's stand-in that publishes a batch at the same moment as another one.

The first line of its standard input is JSON: network, key, journal, source, rows and step.
It says when it has planned, goes on at the next line, and says how many are out. With a
step it is killed there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ogpu_jupyter
from ogpu_jupyter import session as sessions
from ogpu_jupyter.chain._web3 import eth_account
from tests.killed_many import arm


def main(network, key, journal, source, rows, step="", part=0):
    session = ogpu_jupyter.connect(
        ogpu_jupyter.Network(**network),
        account=eth_account.Account.from_key(key),
        journal=Path(journal),
    )
    if part:
        sessions.PART = part  # so that a few rows are several parts
    plan = session._plan_many

    def planned(*args):
        made = plan(*args)
        print("planned", flush=True)
        sys.stdin.readline()
        return made

    session._plan_many = planned
    if step:
        arm(session, step)
    batch = session.publish_many(source, "f", [{"row": n} for n in rows])
    print(json.dumps([batch.earlier, *batch.keys]), flush=True)
    sys.stdin.readline()
    session.close()


if __name__ == "__main__":
    main(**json.loads(sys.stdin.readline()))
