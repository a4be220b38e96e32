"""A send whose reply was lost: whatever is said of the same bytes later, they may be there.

The node has the transaction, and a replica that lags behind answers all that is asked: it
refuses the bytes, and knows nothing of them.
"""

from __future__ import annotations

import dataclasses
import random
import signal
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.errors import GasBalanceLow, NotSent
from ogpu_jupyter.tasks import Stage, TransactionState
from tests.faults.kernels import Kernel
from tests.faults.mortal import Life, begin
from tests.faults.proxy import SEND, Guest, behind, error, on_one_send, proxying
from tests.faults.test_sending import lands, nonce, publish, states, times, wish_on
from tests.helpers import LATE
from tests.helpers import wait_until as until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.faults.kernels import Wish
    from tests.faults.world import World

    Opener = Callable[..., Kernel]

BY_HASH = "eth_getTransactionByHash"
REFUSALS = [
    (-32000, "insufficient funds for gas * price + value"),
    (-32000, "transaction underpriced"),
    (-32000, "replacement transaction underpriced"),
    (-32000, "max fee per gas less than block base fee"),
    (-32000, "nonce too low"),
    (-32000, "nonce too high"),
    (-32000, "txpool is full"),
    (-32000, "invalid sender"),
    (-32000, "the moon is full"),
    (-32601, "the method eth_sendRawTransaction does not exist"),
    (-32602, "Failed to decode transaction"),
    (3, "execution reverted"),
]


def lag(world: World, code: int = -32000, words: str = "insufficient funds") -> None:
    """From the second send on a replica answers that has nothing of what waits."""
    world.proxy.always(SEND, error(code, words))
    world.proxy.always(BY_HASH, behind)


def pruned(guest: Guest) -> None:
    """The node has no index of its transactions any more."""
    asked = {one["id"]: one["method"] for one in guest.calls}
    answers = guest.answered(guest.calls)
    for one in answers:
        if asked[one["id"]] in {BY_HASH, "eth_getTransactionReceipt"}:
            one["result"] = None
    guest.give(answers)


def strange_logs(guest: Guest) -> None:
    """Beside the real logs stand things that are none."""
    answers = guest.answered(guest.calls)
    for one in answers:
        if isinstance(one.get("result"), list):
            one["result"] = [None, 5, {}, {"transactionHash": []}, *one["result"]]
    guest.give(answers)


def keys(kernel: Kernel) -> list[int]:
    return [record.key for record in kernel.session.journal.tasks()]


@pytest.mark.parametrize(("code", "words"), REFUSALS)
def test_it_never_ends_as_refused(own: World, open_kernel: Opener, code: int, words: str) -> None:
    """The handle waits, the cell that is run again shows the same task, and one is paid."""
    kernel, wish = open_kernel(own), wish_on(own)
    with own.no_blocks():
        own.proxy.once(SEND, "502_done")
        lag(own, code, words)
        task = publish(kernel, wish, timeout=2)
        again = publish(kernel, wish, timeout=2)
        assert again is task
        assert task.stage in {Stage.SIGNED, Stage.SENT}
        own.proxy.settle_down()
    lands(kernel, task)

    assert times(own, wish) == 1
    assert keys(kernel) == [task.record.key]
    assert states(kernel) == [TransactionState.MINED]


@pytest.mark.parametrize(("code", "words"), REFUSALS[:4])
def test_nor_do_those_of_a_batch(own: World, open_kernel: Opener, code: int, words: str) -> None:
    kernel, wish = open_kernel(own), wish_on(own)
    rows = [{"row": n} for n in range(5)]
    with own.no_blocks():
        own.proxy.once(SEND, "502_done")
        lag(own, code, words)
        batch = kernel.session.publish_many(wish.source, "work", rows, timeout=2, yes=True)
        own.proxy.settle_down()
        again = kernel.session.publish_many(wish.source, "work", rows, timeout=2, yes=True)
    for task in batch:
        lands(kernel, task)

    assert [task.address for task in again] == [task.address for task in batch]
    assert states(kernel) == [TransactionState.MINED] * 5
    assert nonce(own, kernel.session.account) == 5


@pytest.mark.parametrize(("code", "words"), [*REFUSALS[:3], *REFUSALS[8:10]])
def test_nor_on_the_embedded_node(
    embedded: World, open_kernel: Opener, code: int, words: str
) -> None:
    kernel, wish = open_kernel(embedded), wish_on(embedded)
    with embedded.no_blocks():
        embedded.proxy.once(SEND, "502_done")
        lag(embedded, code, words)
        task = publish(kernel, wish, timeout=2)
        assert publish(kernel, wish, timeout=2) is task
        embedded.proxy.settle_down()
    lands(kernel, task)

    assert times(embedded, wish) == 1
    assert states(kernel) == [TransactionState.MINED]


@pytest.mark.parametrize("in_batch", [False, True], ids=["alone", "in a batch"])
@pytest.mark.parametrize(("code", "words"), [*REFUSALS[:3], *REFUSALS[8:10]])
def test_nor_where_the_kernel_was_killed_after_the_refusal(
    own: World, open_kernel: Opener, tmp_path: Path, code: int, words: str, in_batch: bool
) -> None:
    """The reply is lost, the replica refuses, and nobody is left who has heard of either."""
    account, wishes = own.account(), (wish_on(own), wish_on(own))
    life = Life(
        network=own.stormy,
        key=bytes(account.key),
        journal=tmp_path / "journal.sqlite3",
        wishes=wishes,
        step="sent again",
        batch=in_batch,
        seconds=LATE,
    )
    with own.no_blocks():
        own.proxy.once(SEND, "502_done")
        lag(own, code, words)
        child = begin(life)
        child.join(LATE)
        assert child.exitcode == -signal.SIGKILL

        new = open_kernel(own, account)
        again(new, wishes, in_batch)
        own.proxy.settle_down()
    again(new, wishes, in_batch)
    until(lambda: not new.unsettled or new.session._follower.poke())

    assert [times(own, wish) for wish in wishes] == [1, 1]
    assert nonce(own, account.address) == 2
    assert states(new).count(TransactionState.MINED) == 2


def again(kernel: Kernel, wishes: Sequence[Wish], in_batch: bool) -> None:
    if in_batch:
        kernel.publish_many(wishes)
    else:
        for wish in wishes:
            kernel.publish(wish)


def test_nor_where_the_node_has_lost_it_too(own: World, open_kernel: Opener) -> None:
    """It took the bytes, a replica refused them, and it comes back with an empty pool."""
    kernel, wish = open_kernel(own), wish_on(own)
    with own.no_blocks():
        own.proxy.once(SEND, "502_done")
        lag(own)
        task = publish(kernel, wish, timeout=2)
        own.bounce(random.Random(1))
        assert publish(kernel, wish, timeout=2) is task
        own.proxy.settle_down()
    lands(kernel, task)

    assert times(own, wish) == 1
    assert len(set(own.proxy.sent)) == 1
    assert states(kernel) == [TransactionState.MINED]


@pytest.mark.parametrize("end", ["closed", "node is busy", "refused in the next kernel too"])
def test_nor_after_the_kernel_ended(own: World, open_kernel: Opener, end: str) -> None:
    """The next kernel has the journal alone: no answer of a replica makes it pay again."""
    account, wish = own.account(), wish_on(own)
    old = open_kernel(own, account)
    with own.no_blocks():
        own.proxy.once(SEND, "502_done")
        lag(own)
        publish(old, wish, timeout=1)
        old.session.close()
        if end == "node is busy":
            own.proxy.settle_down()
            own.proxy.once("*", "503", "limit")
        elif end == "closed":
            own.proxy.settle_down()
        new = open_kernel(own, account)
        task = publish(new, wish, timeout=1)
        own.proxy.settle_down()
    lands(new, task)

    assert times(own, wish) == 1
    assert nonce(own, account.address) == 1


@pytest.mark.parametrize(
    "words", ["insufficient funds", "transaction underpriced", "no such method"]
)
def test_no_second_node_is_asked_while_the_first_may_have_it(
    own: World, tmp_path: Path, words: str
) -> None:
    code = -32601 if words == "no such method" else -32000
    wish, account = wish_on(own), own.account()
    with proxying(own.proxy.node) as second:
        network = dataclasses.replace(own.stormy, rpc_urls=(second.url,))
        second.always(SEND, error(code, words))
        kernel = Kernel(network, account, tmp_path / "journal.sqlite3")
        with own.no_blocks():
            own.proxy.once(SEND, "502_done", "502_done")
            task = publish(kernel, wish)
            assert second.sent == []
        lands(kernel, task)
        kernel.close()

    assert times(own, wish) == 1
    assert nonce(own, account.address) == 1


def test_a_first_node_that_is_gone_proves_nothing_either(own: World, tmp_path: Path) -> None:
    """Another may be asked then; what it refuses stays open."""
    wish, account = wish_on(own), own.account()

    def take_and_die(guest: Guest) -> None:
        guest.forward()
        dying.always("*", "drop_request")
        guest.reply(b"busy", 502)

    with proxying(own.proxy.node) as dying, proxying(own.proxy.node) as second:
        network = dataclasses.replace(own.stormy, rpc_url=dying.url, rpc_urls=(second.url,))
        kernel = Kernel(network, account, tmp_path / "journal.sqlite3")
        second.always(SEND, error(-32000, "insufficient funds"))
        second.always(BY_HASH, behind)
        with own.no_blocks():
            dying.once(SEND, take_and_die)
            task = publish(kernel, wish, timeout=2)
            assert task.stage in {Stage.SIGNED, Stage.SENT}
            second.settle_down()
        lands(kernel, task)
        kernel.close()

    assert times(own, wish) == 1
    assert nonce(own, account.address) == 1


def test_a_read_only_first_node_leaves_sends_to_the_second(own: World, tmp_path: Path) -> None:
    wish, account = wish_on(own), own.account()
    with proxying(own.proxy.node) as second:
        network = dataclasses.replace(own.stormy, rpc_urls=(second.url,))
        own.proxy.always(SEND, error(-32601, "the method does not exist"))
        kernel = Kernel(network, account, tmp_path / "journal.sqlite3")
        lands(kernel, publish(kernel, wish))
        kernel.close()
        own.proxy.settle_down()

    assert times(own, wish) == 1


# --- what was refused, and is there after all -------------------------------------------


def refused_yet_there(own: World, kernel: Kernel, wish: Any) -> None:
    """The node takes the bytes, says that it doesn't, and knows of nothing."""
    own.proxy.once(SEND, on_one_send("insufficient funds", done=True))
    own.proxy.always(BY_HASH, behind)
    with pytest.raises(GasBalanceLow, match="Nothing was spent"):
        publish(kernel, wish)
    own.proxy.settle_down()


def test_what_was_refused_and_mined_is_not_paid_again(own: World, open_kernel: Opener) -> None:
    """The cell that is run again says so, and shows it the next time."""
    kernel, wish = open_kernel(own), wish_on(own)
    with own.no_blocks():
        refused_yet_there(own, kernel, wish)
        with pytest.raises(NotSent, match="reached the chain after all"):
            publish(kernel, wish)
        task = publish(kernel, wish)
    lands(kernel, task)

    assert times(own, wish) == 1
    assert nonce(own, kernel.session.account) == 1
    assert task.record.problem == ""


def test_what_was_refused_and_mined_lives_in_the_next_kernel(
    own: World, open_kernel: Opener
) -> None:
    account, wish = own.account(), wish_on(own)
    old = open_kernel(own, account)
    with own.no_blocks():
        refused_yet_there(own, old, wish)
        old.session.close()
    until(lambda: times(own, wish) == 1)

    new = open_kernel(own, account)
    (key,) = keys(new)
    until(lambda: new.session.journal.task(key).stage is Stage.PUBLISHED)
    task = publish(new, wish)

    assert task.earlier
    assert task.record.key == key
    assert nonce(own, account.address) == 1


def test_a_cheaper_offer_that_is_mined_is_the_outcome(own: World, open_kernel: Opener) -> None:
    """Refused as too cheap, and taken all the same: what offers more at its nonce gives way."""
    kernel, wish = open_kernel(own), wish_on(own)

    def cheap(guest: Guest) -> None:
        on_one_send("transaction underpriced", done=True)(guest)
        own.call("evm_mine")

    own.proxy.once(SEND, cheap)
    own.proxy.once(BY_HASH, behind)

    task = publish(kernel, wish)
    lands(kernel, task)

    assert times(own, wish) == 1
    assert nonce(own, kernel.session.account) == 1
    assert len(keys(kernel)) == 1


# --- a nonce that was used long ago -----------------------------------------------------


def lost_long_ago(own: World, open_kernel: Opener, wish: Any, fault: Any) -> Any:
    """Signed, the reply lost, the kernel closed; then many blocks, and no index of them."""
    account = own.account()
    old = open_kernel(own, account)
    own.proxy.once(SEND, fault)
    own.proxy.always(BY_HASH, pruned)
    own.proxy.always(SEND, error(-32000, "the moon is full"))
    with own.no_blocks():
        publish(old, wish, timeout=1, expires="1d")
        old.session.close()
    own.proxy.settle_down()
    own.call("anvil_mine", hex(100), "0x1")
    return account


def test_a_nonce_of_long_ago_is_ours_by_the_logs(own: World, open_kernel: Opener) -> None:
    """No receipt, and no block near enough to read: the market's log names the transaction."""
    wish = wish_on(own)
    account = lost_long_ago(own, open_kernel, wish, "502_done")
    own.proxy.always(BY_HASH, pruned)
    own.proxy.always("eth_getTransactionReceipt", pruned)
    own.proxy.always("eth_getLogs", strange_logs)

    new = open_kernel(own, account)
    task = publish(new, wish)
    lands(new, task)

    assert task.earlier
    assert task.record.fee is None
    assert times(own, wish) == 1
    assert nonce(own, account.address) == 1


def test_a_nonce_of_long_ago_that_no_log_names_was_anothers(
    own: World, open_kernel: Opener
) -> None:
    wish = wish_on(own)
    others: list[str] = []

    def elsewhere(guest: Guest) -> None:
        fields = {"from": others[0], "to": others[0], "nonce": "0x0"}
        own.call("anvil_impersonateAccount", others[0])
        own.call("eth_sendTransaction", fields)
        guest.reply(b"busy", 502)

    account = own.account()
    others.append(account.address)
    old = open_kernel(own, account)
    own.proxy.once(SEND, elsewhere)
    own.proxy.always(SEND, error(-32000, "the moon is full"))
    own.proxy.always(BY_HASH, pruned)
    with own.no_blocks():
        publish(old, wish, timeout=1)
        old.session.close()
    own.proxy.settle_down()
    own.call("anvil_mine", hex(100), "0x1")
    assert nonce(own, account.address) == 1

    new = open_kernel(own, account)
    (record,) = new.session.journal.tasks()
    until(lambda: new.session.journal.task(record.key).stage is Stage.ABANDONED)
    lands(new, publish(new, wish))

    assert times(own, wish) == 1
