"""A process that does what it is told: one JSON order a line on stdin, one answer on stdout.

It uses nothing but the standard library, for it is the SDK's environment too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self

ROOT = Path(__file__).parent.parent


class Worker:
    """`worker("publish", number=1)` is one call in another process; its errors are raised here."""

    def __init__(self, python: Path | str, module: str, folder: Path, **env: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        env = dict(os.environ) | {
            "PYTHONPATH": str(ROOT),
            "OGPU_JUPYTER_HOME": str(folder / "home"),
            **env,
        }
        self._process = subprocess.Popen(  # noqa: S603 - our own scripts
            [str(python), "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=env,
        )

    def __call__(self, order: str, **words: Any) -> Any:
        self.begin(order, **words)
        return self.end()

    def begin(self, order: str, **words: Any) -> None:
        """Say it, and do other things meanwhile."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([order, words]) + "\n")
        self._process.stdin.flush()

    def end(self) -> Any:
        """The answer to what was begun."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"A worker ended: exit code {self._process.wait()}.")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]

    @property
    def rss_mb(self) -> float:
        """Resident memory, as `ps` tells it on Linux and macOS."""
        command = ["ps", "-o", "rss=", "-p", str(self._process.pid)]
        told = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        return int(told.stdout) / 1024

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(orders: Mapping[str, Callable[..., Any]]) -> None:
    """Obey until stdin closes. What is printed meanwhile goes to stderr."""
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        name, words = json.loads(line)
        try:
            answer = {"ok": orders[name](**words)}
        except Exception as error:  # noqa: BLE001 - told to who gave the order
            answer = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(answer) + "\n")
        out.flush()
