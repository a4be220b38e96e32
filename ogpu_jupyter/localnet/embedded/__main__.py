"""`python -m ogpu_jupyter.localnet.embedded`: the node as a process, until its input closes."""

from __future__ import annotations

import argparse
import os
import sys
import threading

from ogpu_jupyter.localnet.children import when_orphaned
from ogpu_jupyter.localnet.embedded.server import Server
from ogpu_jupyter.localnet.rpc import HOST


def main() -> None:
    words = _parser().parse_args()
    orphaned = threading.Event()
    when_orphaned(orphaned)
    try:
        server = Server(words.port)
    except OSError as error:
        sys.exit(f"Port {words.port}: {error.strerror}")
    with server.turn:  # the first requests wait while the EVM is imported
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"Listening on {HOST}:{server.server_port}", flush=True)  # noqa: T201
        # Imported with the port open already: it takes as long as all the rest.
        from ogpu_jupyter.localnet.embedded.methods import open_node  # noqa: PLC0415

        server.answer = open_node(words.chain_id, automine=not words.no_mining).answer
    orphaned.wait()
    # There is nothing to save, and an EVM in the middle of a loop would not listen.
    os._exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--chain-id", type=int, required=True)
    parser.add_argument("--no-mining", action="store_true")
    return parser


if __name__ == "__main__":
    main()
