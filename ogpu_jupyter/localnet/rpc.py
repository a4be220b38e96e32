"""JSON-RPC to the local node, with the standard library alone: web3 takes longer to import
than the whole network may take to start.
"""

from __future__ import annotations

import http.client
import json
import threading
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.errors import NodeUnavailable, RpcError

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST = "127.0.0.1"
Call = tuple[str, list[Any]]


class Rpc:
    """One kept connection to a node on this machine; safe to share between threads."""

    def __init__(self, port: int, *, timeout: float = 30.0) -> None:
        self.url = f"http://{HOST}:{port}"
        self._lock = threading.Lock()
        self._connection = http.client.HTTPConnection(HOST, port, timeout=timeout)

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
            self._connection.close()

    def _post(self, body: object) -> Any:
        with self._lock:
            try:
                self._connection.request(
                    "POST", "/", json.dumps(body), {"Content-Type": "application/json"}
                )
                return json.loads(self._connection.getresponse().read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._connection.close()
                raise NodeUnavailable(f"The local node at {self.url} doesn't answer.") from error


def _result(answer: dict[str, Any], method: str) -> Any:
    if "error" not in answer:
        return answer["result"]
    error = answer["error"]
    raise RpcError(
        f"The local node refuses {method}: {error.get('message')}",
        code=error.get("code", 0),
        data=error.get("data"),
    )
