"""`python -m ogpu_jupyter.localnet.embedded`: the node as a process, until its input closes."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path
from typing import Final

from ogpu_jupyter.localnet.children import remove_folder_of, when_orphaned
from ogpu_jupyter.localnet.door import Server
from ogpu_jupyter.localnet.embedded.server import Answers, Lines
from ogpu_jupyter.localnet.rpc import HOST

_STACK: Final = 64 << 20  # contracts call each other 1024 deep, and each call is some of ours


def main() -> None:
    words = _parser().parse_args()
    orphaned = threading.Event()
    when_orphaned(orphaned)
    threading.stack_size(_STACK)
    answers = Answers()
    server: Server | Lines
    try:
        server = Lines(words.socket, answers) if words.socket else Server(words.port, answers)
    except OSError as error:
        sys.exit(f"{words.socket or f'Port {words.port}'}: {error.strerror}")
    with answers.turn:  # the first requests wait while the EVM is imported
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"Listening on {_place(server)}", flush=True)  # noqa: T201
        # Imported with the port open already: it takes as long as all the rest.
        from ogpu_jupyter.localnet.embedded.methods import open_node  # noqa: PLC0415

        answers.answer = open_node(words.chain_id, automine=not words.no_mining).answer
    orphaned.wait()
    if words.socket:
        remove_folder_of(words.socket)
    # There is nothing to save, and an EVM in the middle of a loop would not listen.
    os._exit(0)


def _place(server: Server | Lines) -> str:
    return f"{HOST}:{server.server_port}" if isinstance(server, Server) else "its socket"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--socket", type=Path)
    parser.add_argument("--chain-id", type=int, required=True)
    parser.add_argument("--no-mining", action="store_true")
    return parser


if __name__ == "__main__":
    main()
