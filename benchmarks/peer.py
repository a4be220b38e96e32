"""The official SDK at work, unmodified, in its own environment.

Where its chain, contracts and pinning service are is configuration. `patched` is a copy of
its watchers with one word corrected: as released they raise on first use.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
import time
from typing import Any

import ogpu.events.watchers
import ogpu.ipfs.publish
from ogpu import ChainConfig, ChainId
from ogpu.client import TaskInfo, TaskInput, publish_task
from ogpu.protocol import Task, vault
from web3 import Account

from benchmarks.orders import serve

_held: list[Any] = []
_heard: dict[str, float] = {}
_WRONG, _RIGHT = "create_filter(fromBlock=start)", "create_filter(from_block=start)"


def start(network: dict[str, Any], key: str, deposit: int) -> None:
    chain = ChainId.OGPU_MAINNET
    names = ("nexus", "controller", "terminal", "vault")
    ChainConfig.CHAIN_CONTRACTS[chain] = {name.upper(): network[name] for name in names}
    ChainConfig.set_chain(chain)
    ChainConfig.set_rpc(network["rpc_url"])
    ogpu.ipfs.publish._IPFS_PUBLISH_URL = network["pin_url"]  # noqa: SLF001 - it has no setting
    _held.append(key)
    if deposit:
        account = Account.from_key(key)
        vault.deposit(account.address, deposit, signer=account)


def publish(source: str, number: int, tag: str) -> float:
    """Seconds; it waits for the receipt of each."""
    begin = time.perf_counter()
    for item in range(number):
        data = {"messages": [{"role": "user", "content": f"{tag} {item}: What is 6 * 7?"}]}
        config = TaskInput(function_name="text2text", data=data)
        info = TaskInfo(
            source=source, config=config, expiryTime=int(time.time()) + 3600, payment=1000
        )
        publish_task(info, _held[0])
    return time.perf_counter() - begin


def snapshots(tasks: list[str]) -> float:
    """Seconds to read them all."""
    begin = time.perf_counter()
    found = [Task(task).snapshot() for task in tasks]
    seconds = time.perf_counter() - begin
    assert len(found) == len(tasks)
    return seconds


def hold(tasks: list[str], read: int) -> int:
    """An object for each task, and the state of some."""
    handles = [Task(task) for task in tasks]
    _held.append([handles, [handle.snapshot() for handle in handles[:read]]])
    return len(handles)


def watch_as_released(task: str) -> str:
    """What it raises, or nothing."""

    async def first() -> None:
        watcher = ogpu.events.watchers.watch_task_status_changed(task)
        await asyncio.wait_for(watcher.__anext__(), 5)

    try:
        asyncio.run(first())
    except asyncio.TimeoutError:
        return ""
    except Exception as error:  # noqa: BLE001 - that is the question
        return f"{type(error).__name__}: {error}"
    return ""


def watch_patched(tasks: list[str]) -> None:
    """A watcher for each task, for as long as this process lives."""
    module = _patched()
    ready = threading.Event()

    async def one(task: str) -> None:
        async for _ in module.watch_task_status_changed(task):
            _heard[task.lower()] = time.time()

    async def run() -> None:
        watching = [asyncio.ensure_future(one(task)) for task in tasks]
        await asyncio.sleep(3)  # by then each has its filter
        ready.set()
        await asyncio.gather(*watching)

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    assert ready.wait(30)


def _patched() -> Any:
    spec = importlib.util.find_spec("ogpu.events.watchers")
    assert spec is not None
    assert spec.loader is not None
    text = spec.loader.get_source("ogpu.events.watchers")  # type: ignore[attr-defined]
    assert _WRONG in text
    module = importlib.util.module_from_spec(spec)
    exec(compile(text.replace(_WRONG, _RIGHT), spec.origin or "", "exec"), module.__dict__)  # noqa: S102
    return module


def heard() -> dict[str, float]:
    return dict(_heard)


if __name__ == "__main__":
    listed = (start, publish, snapshots, hold, watch_as_released, watch_patched, heard)
    serve({order.__name__: order for order in listed})
