"""A vault that is filled up is filled up once: by several at once, and after what is unclear."""

from __future__ import annotations

import _thread
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter import session as sessions
from ogpu_jupyter.errors import Interrupted, Unclear
from ogpu_jupyter.tasks import TransactionKind, TransactionState
from ogpu_jupyter.units import WEI_PER_OGPU
from tests.at_once import at_once
from tests.faults.proxy import SEND
from tests.helpers import LATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.kernels import Kernel
    from tests.faults.proxy import Guest, Proxy
    from tests.faults.world import World

    Opener = Callable[..., Kernel]


def deposits(kernel: Kernel) -> list[TransactionState]:
    session = kernel.session
    known = session.journal.transactions(session.network_id, session.account)
    return [each.state for each in known if each.kind is TransactionKind.DEPOSIT]


def fill(kernel: Kernel, least: int) -> Any:
    return kernel.session.deposit(1, if_below=f"{least} wei")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block is waited for as long as these tests have time."""
    monkeypatch.setattr(sessions, "_ROUND_TRIP_SECONDS", 2.0)


def test_three_threads_deposit_once(kernel: Kernel) -> None:
    vault = kernel.session.balance().vault
    together = threading.Barrier(3)

    def deposit(_: int) -> Any:
        together.wait(LATE)
        return fill(kernel, vault + 1)

    with ThreadPoolExecutor(3) as pool:
        moved = list(pool.map(deposit, range(3)))

    assert sum(each is not None for each in moved) == 1
    assert kernel.session.balance().vault == vault + WEI_PER_OGPU
    assert deposits(kernel) == [TransactionState.MINED]


def test_three_kernels_deposit_once(session: Any, account: Any) -> None:
    """Real processes, of one journal."""
    found = at_once(3, "deposit", session, account)

    assert sorted(found) == [False, False, True]
    assert session.balance().vault == WEI_PER_OGPU


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("fault", ["502_done", "drop_reply", "lost_then_poor"])
@pytest.mark.parametrize("first", ["plain", "if_below"])
def test_after_an_unclear_deposit_nothing_more_leaves(
    own: World, open_kernel: Opener, fault: str, first: str
) -> None:
    """Neither here nor in another kernel, until it is known what came of it."""
    account = own.account()
    one, other = (open_kernel(own, account) for _ in range(2))
    vault = one.session.balance().vault
    with own.no_blocks():
        own.proxy.once(SEND, fault)
        with pytest.raises(Unclear):
            one.session.deposit(1) if first == "plain" else fill(one, vault + 1)
        for kernel in (one, other):
            with pytest.raises(Unclear, match="is not in a block yet"):
                fill(kernel, vault + 1)
        assert len(deposits(one)) == 1

    assert fill(other, vault + 1) is None
    assert fill(one, vault + 1) is None
    assert one.session.balance().vault == vault + WEI_PER_OGPU
    assert deposits(other) == [TransactionState.MINED]


def test_an_older_balance_deposits_nothing(world: World, kernel: Kernel, proxy: Proxy) -> None:
    """A replica that lags behind is not asked for what it had."""
    vault = kernel.session.balance().vault
    assert fill(kernel, vault + 1) is not None
    asked: list[Any] = []

    def look(guest: Guest) -> None:
        asked.extend(call["params"][-1] for call in guest.calls if call["method"] == "eth_call")
        status, body = guest.forward()
        guest.reply(body, status)

    proxy.once("eth_call", look)
    assert fill(kernel, vault + 1) is None

    (mined,) = kernel.session.journal.deposits(kernel.session.network_id, kernel.session.account)
    assert int(asked[0], 16) >= mined.block


@pytest.mark.usefixtures("short")
def test_interrupted_while_another_is_waited_for(own: World, open_kernel: Opener) -> None:
    kernel = open_kernel(own)
    vault = kernel.session.balance().vault
    with own.no_blocks():
        with pytest.raises(Unclear):
            kernel.session.deposit(1)
        waits = kernel.session._until

        def stop(condition: Callable[[], bool]) -> None:
            _thread.interrupt_main()
            waits(condition)

        kernel.session._until = stop  # type: ignore[method-assign] # at this moment
        with pytest.raises(Interrupted) as told:
            fill(kernel, vault + 1)
        kernel.session._until = waits  # type: ignore[method-assign]

    assert told.value.what == (
        "Interrupted while another deposit was waited for: this one was not sent."
    )
    assert fill(kernel, vault + 1) is None
