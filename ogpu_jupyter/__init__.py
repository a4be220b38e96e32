"""The OpenGPU compute network in a notebook.

    %load_ext ogpu_jupyter
    %ogpu connect local

Every name here is imported when it is first used: loading the extension costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .batch import Batch as Batch
    from .chain.networks import MAINNET as MAINNET
    from .chain.networks import TESTNET as TESTNET
    from .chain.networks import Network as Network
    from .errors import OgpuError as OgpuError
    from .handle import Task as Task
    from .histories import History as History
    from .journal import Journal as Journal
    from .kernel import connect as connect
    from .kernel import form as form
    from .kernel import history as history
    from .kernel import publish as publish
    from .kernel import publish_many as publish_many
    from .kernel import publish_task as publish_task
    from .session import Session as Session
    from .tasks import ChainId as ChainId
    from .tasks import DeliveryMethod as DeliveryMethod
    from .tasks import TaskInfo as TaskInfo
    from .tasks import TaskInput as TaskInput
    from .tasks import TaskStatus as TaskStatus

__version__ = "0.1.0"

_HOMES = {
    "MAINNET": "chain.networks",
    "TESTNET": "chain.networks",
    "Batch": "batch",
    "ChainId": "tasks",
    "DeliveryMethod": "tasks",
    "History": "histories",
    "Journal": "journal",
    "Network": "chain.networks",
    "OgpuError": "errors",
    "Session": "session",
    "Task": "handle",
    "TaskInfo": "tasks",
    "TaskInput": "tasks",
    "TaskStatus": "tasks",
    "connect": "kernel",
    "form": "kernel",
    "history": "kernel",
    "publish": "kernel",
    "publish_many": "kernel",
    "publish_task": "kernel",
}

__all__ = [
    "MAINNET",
    "TESTNET",
    "Batch",
    "ChainId",
    "DeliveryMethod",
    "History",
    "Journal",
    "Network",
    "OgpuError",
    "Session",
    "Task",
    "TaskInfo",
    "TaskInput",
    "TaskStatus",
    "connect",
    "form",
    "history",
    "publish",
    "publish_many",
    "publish_task",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What `%load_ext ogpu_jupyter` calls."""
    from .magics import load  # noqa: PLC0415 - IPython is there only now

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """What `%unload_ext ogpu_jupyter` calls."""
    from .magics import unload  # noqa: PLC0415 - IPython is there only now

    unload(shell)
