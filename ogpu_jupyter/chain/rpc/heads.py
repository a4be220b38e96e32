"""New blocks as they come, told by a WebSocket; only that there is one, for no news is trusted.

While it is silent, or away, whoever listens has to look by itself: `is_live` says which.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.chain.rpc.http import WireError
from ogpu_jupyter.chain.rpc.messages import is_shallow
from ogpu_jupyter.chain.rpc.socket import Talk, explained

if TYPE_CHECKING:
    from collections.abc import Callable

    from ogpu_jupyter.transport import Headers

_OPENING_SECONDS: Final = 15.0
_SILENCE_SECONDS: Final = 60.0  # then it is tried anew: a dead connection says nothing either
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_JOIN_SECONDS: Final = 2.0
_MOST_BYTES: Final = 1 << 20  # a head; whoever sends more is not listened to
_log = logging.getLogger("ogpu_jupyter")


class Heads:
    """Calls `told`, on its own thread, for each new block, from `start` to `stop`."""

    def __init__(
        self, url: str, chain_id: int, told: Callable[[], None], headers: Headers = ()
    ) -> None:
        self._url = url
        self._headers = headers
        self._chain_id = chain_id
        self._told = told
        self._talk: Talk | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_live = False
        self._is_stray = False

    @property
    def is_live(self) -> bool:
        """It is subscribed, and has told of a block since."""
        return self._is_live

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=copy_context().run, args=(self._run,), name="ogpu-heads", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        talk = self._talk
        if talk is not None:
            talk.abort()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            was_live = False
            try:
                self._listen()
            except Exception as error:  # noqa: BLE001 - blocks are looked for without it
                _log.debug("No blocks are told: %s.", explained(error).reason)
            finally:
                was_live, self._is_live = self._is_live, False
                self._close()
            if self._is_stray:
                return
            if was_live:
                self._told()  # so that whoever relied on it looks by itself now
                pause = _FIRST_PAUSE
            self._stopping.wait(pause * random.uniform(0.75, 1.0))  # noqa: S311 - not all at once
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _close(self) -> None:
        talk, self._talk = self._talk, None
        if talk is not None:
            talk.abort()

    def _listen(self) -> None:
        until = time.monotonic() + _OPENING_SECONDS
        talk = self._talk = Talk(self._url, self._headers)
        talk.open(until=until)
        if self._stopping.is_set():
            return
        chain_id = self._ask(talk, 1, "eth_chainId", [], until)
        if not isinstance(chain_id, str) or int(chain_id, 16) != self._chain_id:
            self._is_stray = True
            _log.warning("The WebSocket speaks for another chain; it is not listened to.")
            return
        subscription = self._ask(talk, 2, "eth_subscribe", ["newHeads"], until)
        while not self._stopping.is_set():
            message = _decoded(talk.receive(until=time.monotonic() + _SILENCE_SECONDS))
            params = message.get("params")
            if isinstance(params, dict) and params.get("subscription") == subscription:
                self._is_live = True
                self._told()

    def _ask(self, talk: Talk, id_: int, method: str, params: list[Any], until: float) -> Any:
        question = {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}
        talk.send(json.dumps(question).encode(), until=until)
        while True:
            message = _decoded(talk.receive(until=until))
            if message.get("id") == id_:
                if "result" not in message:
                    raise WireError(f"it refuses {method}")
                return message["result"]


def _decoded(data: bytes) -> dict[str, Any]:
    if len(data) > _MOST_BYTES or not is_shallow(data):
        raise WireError("what it sends is not a block")
    message = json.loads(data)
    if not isinstance(message, dict):
        raise WireError("what it sends is not a block")
    return message
