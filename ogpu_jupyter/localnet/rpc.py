"""JSON-RPC to the local node, with the standard library alone: web3 takes longer to import
than the whole network may take to start.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.errors import NodeUnavailable, RpcError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HOST = "127.0.0.1"
Call = tuple[str, list[Any]]


class Rpc:
    """One kept connection to a node on this machine; safe to share between threads.

    To a port by HTTP, or to the socket of a node, where it takes everything.
    """

    def __init__(self, place: int | Path, *, timeout: float = 30.0) -> None:
        by_http = isinstance(place, int)
        self.url = f"http://{HOST}:{place}" if by_http else f"unix:{place}"
        self._lock = threading.Lock()
        self._line: _Http | Line = (
            _Http(place, self.url, timeout) if isinstance(place, int) else Line(place, timeout)
        )

    def call(self, method: str, *params: Any) -> Any:
        return self.batch([(method, list(params))])[0]

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The results in the order of the calls; the first error among them is raised."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        answers = {answer["id"]: answer for answer in self._post(body)}
        return [_result(answers[number], calls[number][0]) for number in range(len(calls))]

    def close(self) -> None:
        with self._lock:
            self._line.close()

    def _post(self, body: object) -> Any:
        with self._lock:
            answer = self._line.exchange(json.dumps(body).encode())
        try:
            return json.loads(answer)
        except ValueError as error:
            raise _away(self.url) from error


class _Http:
    def __init__(self, port: int, url: str, timeout: float) -> None:
        self._url = url
        self._connection = http.client.HTTPConnection(HOST, port, timeout=timeout)

    def exchange(self, body: bytes) -> bytes:
        try:
            self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return self._connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise _away(self._url) from error

    def close(self) -> None:
        self._connection.close()


class Line:
    """A connection to a node's socket, for one request at a time: a line each way."""

    def __init__(self, place: Path, timeout: float = 120.0) -> None:
        self._place = place
        self._timeout = timeout
        self._socket: socket.socket | None = None

    def exchange(self, body: bytes) -> bytes:
        try:
            return self._exchange(body)
        except OSError as error:
            self.close()  # or a late answer would be the next one's
            raise _away(f"unix:{self._place}") from error

    def _exchange(self, body: bytes) -> bytes:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(self._timeout)
            self._socket.connect(str(self._place))
        self._socket.sendall(body + b"\n")
        pieces: list[bytes] = []
        while not (pieces and pieces[-1].endswith(b"\n")):
            piece = self._socket.recv(1 << 18)
            if not piece:
                raise ConnectionResetError
            pieces.append(piece)
        return b"".join(pieces)[:-1]

    def close(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
        self._socket = None


def _away(url: str) -> NodeUnavailable:
    return NodeUnavailable(f"The local node at {url} doesn't answer.")


def _result(answer: dict[str, Any], method: str) -> Any:
    if "error" not in answer:
        return answer["result"]
    error = answer["error"]
    raise RpcError(
        f"The local node refuses {method}: {error.get('message')}",
        code=error.get("code", 0),
        data=error.get("data"),
    )
