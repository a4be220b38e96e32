"""The process in which services run, one question at a time.

A line of JSON comes in, `{"service", "data", "by"}`, and one goes out, `{"answer"}` or
`{"error"}`. It ends when its standard input closes, also in the middle of a service, so it
never outlives the provider.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from typing import IO


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted cell is not meant for us
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, lines), daemon=True).start()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a service prints must not look like an answer
    while True:
        answers.write(_answer(lines.get()) + b"\n")
        answers.flush()


def _read(stream: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    for line in stream:
        lines.put(line)
    os._exit(0)


def _answer(line: bytes) -> bytes:
    from ogpu_jupyter.localnet.services import SERVICES  # noqa: PLC0415 - after the reader

    try:
        question = json.loads(line)
        answer = SERVICES[question["service"]].answer(question["data"], question.get("by", ""))
        return json.dumps({"answer": answer}, allow_nan=False).encode()
    except Exception as error:  # noqa: BLE001 - whatever a service does is its answer
        return json.dumps({"error": f"{type(error).__name__}: {error}"[:2000]}).encode()
