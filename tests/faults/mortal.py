"""A kernel's stand-in that is killed with SIGKILL at a named step of connecting or publishing."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.chain._web3 import eth_account
from ogpu_jupyter.following import Keeper
from tests.faults.kernels import Kernel, Wish
from tests.faults.world import hurry
from tests.killed import STEPS as ALONE
from tests.killed import die, die_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ogpu_jupyter.chain.networks import Network

__all__ = ["STEPS", "Life", "begin"]

STEPS = (*ALONE, "connecting", "sent again")


@dataclass(frozen=True)
class Life:
    """All that a process needs to begin and end with; the key is a test's own."""

    network: Network
    key: bytes
    journal: Path
    wishes: tuple[Wish, ...]
    step: str
    batch: bool
    seconds: float


def begin(life: Life, *, forked: bool = False) -> Any:
    """A process of its own.

    `forked` from one that has no threads, has imported everything, and ends with this one.
    """
    context: Any = multiprocessing.get_context("forkserver" if forked else "spawn")
    if forked:
        context.set_forkserver_preload(["tests.faults.mortal"])
    child = context.Process(target=_live, args=(life,), daemon=True)
    child.start()
    return child


def _live(life: Life) -> None:
    """Publish until death at `step`; a storm may keep it from getting there."""
    hurry()
    if life.step == "connecting":
        die_after(Keeper, "on_head")  # the newest block is known, and no task is read yet
    if life.step == "receipt":
        die_after(Keeper, "on_receipts")
    account: Any = eth_account.Account.from_key(life.key)
    kernel = Kernel(life.network, account, life.journal)
    _arm(kernel.session, life.step)
    if life.batch:
        kernel.publish_many(life.wishes)
    else:
        for wish in life.wishes:
            kernel.publish(wish)
    kernel.wait_until_settled(life.seconds)
    os.kill(os.getpid(), signal.SIGTERM)  # no step was reached: say so, and clean up nothing


def _arm(session: Any, step: str) -> None:
    if step == "intended":
        session.client.store.put = die
    elif step == "uploaded":
        die_after(session.client.store, "put")
    elif step == "signed":
        die_after(session.journal, "add_transaction")
    elif step in {"broadcast", "sent again"}:
        count = itertools.count(2 if step == "broadcast" else 1)
        rpc = session.client.rpc
        rpc.send_raws = _second(rpc.send_raws, count)  # one by one too, and in a batch


def _second(send: Callable[..., Any], count: Iterator[int]) -> Callable[..., Any]:
    """Death follows, also where the answer was lost."""

    def wrapped(*args: Any, **options: Any) -> Any:
        try:
            return send(*args, **options)
        finally:
            if next(count) == 2:
                die()

    return wrapped
