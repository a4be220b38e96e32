"""`python -m ogpu_jupyter.localnet`: a whole OpenGPU market on this machine.

Prints one line of JSON when it is ready, and runs until its standard input closes or it
is terminated.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ogpu_jupyter.errors import OgpuError
from ogpu_jupyter.localnet.options import NODES, Options
from ogpu_jupyter.localnet.supervisor import run


def main() -> int:
    words = vars(_parser().parse_args())
    try:
        run(Options(**words))
    except OgpuError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ogpu_jupyter.localnet", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--node", choices=NODES, default="auto", help="auto takes anvil if found")
    parser.add_argument(
        "--block-time",
        type=float,
        metavar="SECONDS",
        help="a block every so often, and only then; without it, at once for a transaction",
    )
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="keep chain and content here for the next start"
    )
    parser.add_argument("--port", type=int, default=0, help="of the RPC; 0 takes a free one")
    parser.add_argument("--chain-id", type=int, default=31337, metavar="N")
    return parser


if __name__ == "__main__":
    sys.exit(main())
