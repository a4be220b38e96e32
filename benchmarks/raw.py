"""The least that the same work can take here: bare requests, made ready before the clock runs."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

_AT_ONCE = 16  # uploads, as many as ours
_PART = "benchmark"
_IMPORTS = "import sqlite3, requests, pydantic, eth_account, IPython"


class Line:
    """One kept connection that posts JSON."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._path = parts.path or "/"
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def post(self, body: bytes, kind: str = "application/json") -> bytes:
        self._connection.request("POST", self._path, body, {"Content-Type": kind})
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status < 300, content[:200]
        return content

    def ask(self, calls: list[dict[str, Any]]) -> list[Any]:
        """The results of a JSON-RPC batch."""
        numbered = [{"jsonrpc": "2.0", "id": place, **call} for place, call in enumerate(calls)]
        answers = json.loads(self.post(json.dumps(numbered).encode()))
        by_id = {answer["id"]: answer["result"] for answer in answers}
        return [by_id[place] for place in range(len(calls))]

    def close(self) -> None:
        self._connection.close()


def publish_seconds(node: str, pin: str, signed: Sequence[bytes]) -> float:
    """Uploads, sixteen at a time, then all transactions in one batch, until all are in a block."""
    payloads = [_upload(f"{time.time_ns()} {item}") for item in range(len(signed))]
    sends = [{"method": "eth_sendRawTransaction", "params": ["0x" + one.hex()]} for one in signed]
    begin = time.perf_counter()
    _post_all(pin, payloads)
    line = Line(node)
    sent = line.ask(sends)
    last = [{"method": "eth_getTransactionReceipt", "params": [sent[-1]]}]
    while line.ask(last) == [None]:
        time.sleep(0.005)
    line.close()
    return time.perf_counter() - begin


def _upload(text: str) -> bytes:
    body = json.dumps({"function_name": "text2text", "data": text})
    head = 'Content-Disposition: form-data; name="file"; filename="taskConfig.json"'
    lines = [f"--{_PART}", head, "Content-Type: application/json", "", body, f"--{_PART}--", ""]
    return "\r\n".join(lines).encode()


def _post_all(url: str, bodies: Sequence[bytes]) -> None:
    def some(share: Sequence[bytes]) -> None:
        line = Line(url)
        for body in share:
            line.post(body, f"multipart/form-data; boundary={_PART}")
        line.close()

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(some, [bodies[start::_AT_ONCE] for start in range(_AT_ONCE)]))


def answer_seconds(node: str, body: bytes, times: int) -> float:
    """The median of the same request, from the wire to the bytes of its results."""
    line = Line(node)
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        found = json.loads(line.post(body))
        for answer in found if isinstance(found, list) else [found]:
            bytes.fromhex(answer["result"][2:])
        taken.append(time.perf_counter() - begin)
    line.close()
    return statistics.median(taken)


def import_seconds(python: Path | str, module: str, folder: Path, *, path: str) -> float:
    """The median of seven fresh interpreters."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return statistics.median(_run(python, code, folder, path) for _ in range(7))


def load_ext_seconds(module: str, folder: Path, *, path: str) -> float:
    """The median of seven IPython shells, in which the module has been imported."""
    code = (
        "import time; from IPython.core.interactiveshell import InteractiveShell\n"
        f"shell = InteractiveShell.instance(); import {module}; t = time.perf_counter()\n"
        f"shell.extension_manager.load_extension({module!r}); print(time.perf_counter() - t)"
    )
    return statistics.median(_run(sys.executable, code, folder, path) for _ in range(7))


def empty_extension(folder: Path) -> str:
    """The name of a module with one magic that does nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    Path(folder, "empty_extension.py").write_text(
        "def load_ipython_extension(shell):\n"
        "    shell.register_magic_function(lambda line: None, 'line', 'empty')\n"
    )
    return "empty_extension"


def rss_mb(folder: Path, body: bytes) -> float:
    """Of a process that has only imported the libraries that signing and a kernel need.

    It also holds `body`, an answer about a thousand tasks, as Python objects.
    """
    kept = Path(folder, "answer.json")
    kept.write_bytes(body)
    code = (
        f"{_IMPORTS}; import json, os, subprocess; kept = json.load(open({str(kept)!r}))\n"
        "print(int(subprocess.check_output(['ps', '-o', 'rss=', '-p', str(os.getpid())])) / 1024)"
    )
    return _run(sys.executable, code, folder, "")


def _run(python: Path | str, code: str, folder: Path, path: str) -> float:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": path}
    told = subprocess.run(  # noqa: S603 - our own few lines
        [str(python), "-c", code], check=True, capture_output=True, text=True, env=env, cwd=folder
    )
    return float(told.stdout.split()[-1])
