"""The rows of *Sending*: whatever is lost, late, refused or killed, a task is published once."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.chain.contracts import CONTROLLER, NEXUS, SOURCE
from ogpu_jupyter.chain.contracts.codec import Entry, encode
from ogpu_jupyter.chain.transactions import Order, read_raw
from ogpu_jupyter.errors import (
    AddressError,
    AmountError,
    ExpiryError,
    GasBalanceLow,
    Interrupted,
    OgpuError,
    PinFailed,
    Reverted,
    SourceInactive,
    VaultBalanceLow,
    WrongChain,
)
from ogpu_jupyter.localnet.accounts import DEPLOYER, PUBLISHER
from ogpu_jupyter.localnet.contracts import Switches, switches_abi
from ogpu_jupyter.tasks import Stage, TransactionState
from tests.faults.kernels import FUNCTION, Kernel, Wish, all_at_once
from tests.faults.proxy import BEHIND, SEND, first, forgotten, on_one_send
from tests.helpers import ROOT
from tests.helpers import wait_until as until
from tests.killed import QUESTION, STEPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.proxy import Guest, Proxy
    from tests.faults.world import World

    Opener = Callable[..., Kernel]

UNSENT = {"intended", "uploaded"}
_numbers = itertools.count()


def wish_on(world: World) -> Wish:
    return Wish(world.manual, 0, next(_numbers))


def times(world: World, wish: Wish) -> int:
    """How often it is on the chain."""
    return [state.config_url for state in world.tasks()].count(world.link(wish.payload))


def nonce(world: World, account: str) -> int:
    return int(world.call("eth_getTransactionCount", account, "latest"), 16)


def publish(kernel: Kernel, wish: Wish, **options: Any) -> Any:
    return kernel.session.publish(
        wish.source, FUNCTION, wish.data, **{"timeout": 10, "yes": True, **options}
    )


def lands(kernel: Kernel, task: Any) -> None:
    """The handle comes to know of the chain's word by itself."""
    until(lambda: task.stage is Stage.PUBLISHED or kernel.session._follower.poke())


def states(kernel: Kernel) -> list[TransactionState]:
    session = kernel.session
    return [t.state for t in session.journal.transactions(session.network_id, session.account)]


# --- the answer to a transaction is lost ------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    ["drop_reply", "hang", "cut", "garbage", "502_done", "wrong_ids", "drop_request", "503"],
)
def test_reply_lost_or_late(world: World, proxy: Proxy, kernel: Kernel, fault: str) -> None:
    """Reply to eth_sendRawTransaction lost or late: once, with the same bytes all along."""
    wish = wish_on(world)
    proxy.once(SEND, fault)

    task = publish(kernel, wish)
    lands(kernel, task)

    assert times(world, wish) == 1
    assert len(set(proxy.sent[-len(states(kernel)) :])) == 1
    assert states(kernel) == [TransactionState.MINED]
    assert publish(kernel, wish) is task


def test_node_dies_before_the_receipt(own: World, open_kernel: Opener) -> None:
    """Node dies between broadcast and receipt: hash and nonce are kept, the task is found."""
    kernel, wish = open_kernel(own), wish_on(own)
    with own.no_blocks():
        task = publish(kernel, wish)
        tx_hash = task.tx_hash
        assert own.call("eth_getTransactionByHash", tx_hash)["blockNumber"] is None
        own.bounce(random.Random(1))

    lands(kernel, task)

    assert times(own, wish) == 1
    assert task.tx_hash == tx_hash


def test_interrupted_after_the_broadcast(world: World, proxy: Proxy, kernel: Kernel) -> None:
    """Kernel interrupted after the broadcast: detached, and the task is found."""
    wish = wish_on(world)

    def stop(guest: Guest) -> None:
        status, body = guest.forward()
        signal.raise_signal(signal.SIGINT)
        guest.reply(body, status)

    proxy.once(SEND, stop)
    with pytest.raises(Interrupted) as caught:
        publish(kernel, wish)
    lands(kernel, caught.value.task)

    assert times(world, wish) == 1
    assert publish(kernel, wish) is caught.value.task


@pytest.mark.parametrize("step", STEPS)
def test_killed(world: World, proxy: Proxy, open_kernel: Opener, tmp_path: Any, step: str) -> None:
    """Process killed at a step: on the next start once, or none; and the journal says which."""
    account, journal = world.account(), tmp_path / "journal.sqlite3"
    order = {
        "network": vars(world.stormy),
        "key": account.key.hex(),
        "journal": str(journal),
        "step": step,
        "source": world.manual,
    }
    proxy.once("eth_estimateGas", "drop_reply")
    done = subprocess.run(
        [sys.executable, "-m", "tests.killed"],
        cwd=ROOT,
        input=json.dumps(order).encode(),
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL

    kernel = open_kernel(world, account)
    (record,) = kernel.session.journal.tasks()
    task = kernel.session.publish(world.manual, "text2text", QUESTION)
    lands(kernel, task)

    assert (record.stage is Stage.ABANDONED) == (step in UNSENT)
    assert task.earlier == (step not in UNSENT)
    assert nonce(world, account.address) == 1


# --- what the node says of a transaction ------------------------------------------------


@pytest.mark.parametrize("fault", ["already_known", "nonce_too_low", "unknown", "internal"])
def test_told_of_what_it_has(world: World, proxy: Proxy, kernel: Kernel, fault: str) -> None:
    """ "already known" is success, "nonce too low" is reconciled: nothing is sent blindly."""
    wish = wish_on(world)
    before = len(proxy.sent)
    proxy.once(SEND, fault)

    lands(kernel, publish(kernel, wish))

    assert times(world, wish) == 1
    assert len(set(proxy.sent[before:])) == 1


def test_nonce_too_low_for_another_ones_sake(world: World, proxy: Proxy, kernel: Kernel) -> None:
    """ "nonce too low" where another transaction has it: a new nonce, and once."""
    wish = wish_on(world)
    proxy.once(SEND, first(lambda: _elsewhere(world, kernel)))

    lands(kernel, publish(kernel, wish))

    assert times(world, wish) == 1
    assert nonce(world, kernel.session.account) == 2


def test_underpriced(world: World, proxy: Proxy, kernel: Kernel) -> None:
    """Too cheap for the node: again at the same nonce, with a tenth more, within a cap."""
    wish, before = wish_on(world), len(proxy.sent)
    proxy.once(SEND, "too_cheap")

    lands(kernel, publish(kernel, wish))

    one, two = (read_raw(bytes.fromhex(raw[2:]))[1] for raw in proxy.sent[before:])
    assert times(world, wish) == 1
    assert one.nonce == two.nonce
    assert one.max_fee * 3 >= two.max_fee >= one.max_fee * 11 // 10


def test_replacement_underpriced(own: World, open_kernel: Opener) -> None:
    """ "replacement transaction underpriced": what is another program's stays, ours goes behind."""
    kernel, wish, others = open_kernel(own), wish_on(own), []
    account = kernel.session.account
    own.call("anvil_impersonateAccount", account)
    fields = {"from": account, "to": account, "maxFeePerGas": hex(10**12), "nonce": "0x0"}
    fields["maxPriorityFeePerGas"] = hex(10**11)
    with own.no_blocks():
        own.proxy.once(SEND, first(lambda: others.append(own.call("eth_sendTransaction", fields))))
        task = publish(kernel, wish)
    lands(kernel, task)

    assert own.receipt(others[0]).ok
    assert times(own, wish) == 1
    assert nonce(own, account) == 2


@pytest.mark.parametrize("rise", [2, 50], ids=["within the cap", "beyond the cap"])
def test_a_fee_that_rises(
    own: World, open_kernel: Opener, monkeypatch: pytest.MonkeyPatch, rise: int
) -> None:
    """A transaction that stays pending as the fee rises: replaced at its nonce, or told."""
    from ogpu_jupyter.sending import settling

    monkeypatch.setattr(settling, "_STUCK_SECONDS", 0.5)
    kernel, wish = open_kernel(own), wish_on(own)
    with own.no_blocks():
        task = publish(kernel, wish)
        (one,) = _offers(kernel)
        own.call("anvil_setNextBlockBaseFeePerGas", hex(one.max_fee * rise))
    if rise == 2:
        lands(kernel, task)
        offers = _offers(kernel)
        assert {offer.nonce for offer in offers} == {one.nonce}
        assert max(offer.max_fee for offer in offers) <= 3 * one.max_fee
        assert times(own, wish) == 1
    else:
        until(lambda: task.record.problem)
        assert "fee has risen" in task.record.problem
        assert len(_offers(kernel)) == 1


def _offers(kernel: Kernel) -> list[Any]:
    session = kernel.session
    sent = session.journal.transactions(session.network_id, session.account)
    return [read_raw(one.raw)[1] for one in sent]


def test_dropped_by_the_node(world: World, proxy: Proxy, kernel: Kernel) -> None:
    """The node dropped the transaction: the same bytes again."""
    wish, before = wish_on(world), len(proxy.sent)
    proxy.once(SEND, forgotten)

    lands(kernel, publish(kernel, wish))

    assert times(world, wish) == 1
    assert len(proxy.sent[before:]) >= 2
    assert len(set(proxy.sent[before:])) == 1


def test_killed_between_receipt_and_task(own: World, open_kernel: Opener) -> None:
    """Process killed after the receipt was noted, before its meaning: found on the next start."""
    account, wish = own.account(), wish_on(own)
    old = _deaf(open_kernel(own, account))
    publish(old, wish)
    until(lambda: times(own, wish))
    old.session._sender.settle()
    assert states(old) == [TransactionState.MINED]

    new = open_kernel(own, account)
    lands(new, publish(new, wish))

    assert times(own, wish) == 1


def test_taken_back_unseen(own: World, open_kernel: Opener) -> None:
    """The node lost the block of a transaction while nobody looked: the same bytes again."""
    account, wish = own.account(), wish_on(own)
    own.settle()
    before = own.call("evm_snapshot")
    old = _deaf(open_kernel(own, account))
    publish(old, wish)
    until(lambda: times(own, wish))
    old.session._sender.settle()
    own.rewind(random.Random(1), before)
    assert times(own, wish) == 0

    new = open_kernel(own, account)
    lands(new, publish(new, wish))

    assert times(own, wish) == 1
    assert states(new) == [TransactionState.MINED]


def _deaf(kernel: Kernel) -> Kernel:
    """It hears no news of the chain."""
    kernel.session._follower.stop()
    return kernel


# --- several at once --------------------------------------------------------------------


def test_some_fail_before_they_are_sent(world: World, proxy: Proxy, kernel: Kernel) -> None:
    """Some of N concurrent publishes fail before sending: the others land, with no gap."""
    wishes = [wish_on(world) for _ in range(8)]
    proxy.once("pin", "null", "null", "null")
    failed = []

    def one(wish: Wish) -> None:
        try:
            publish(kernel, wish, timeout=20)
        except PinFailed:
            failed.append(wish)

    for thread in all_at_once(*(lambda w=wish: one(w) for wish in wishes)):
        thread.join(60)
    until(lambda: sum(times(world, wish) for wish in wishes) == 5)

    assert len(failed) == 3
    assert all(times(world, wish) == (wish not in failed) for wish in wishes)
    assert nonce(world, kernel.session.account) == 5


def test_item_of_a_batch_is_refused(world: World, proxy: Proxy, kernel: Kernel) -> None:
    """Item k of a batch is refused: its place is filled, and nobody waits behind it."""
    wishes = [wish_on(world) for _ in range(6)]
    proxy.once(SEND, on_one_send("transaction type not supported", done=False))

    batch = kernel.session.publish_many(
        world.manual, FUNCTION, [wish.data for wish in wishes], yes=True
    )
    stages = [task.stage for task in batch]
    until(lambda: sum(times(world, wish) for wish in wishes) >= 5)
    again = kernel.session.publish_many(
        world.manual, FUNCTION, [wish.data for wish in wishes], yes=True
    )

    until(lambda: [times(world, wish) for wish in wishes] == [1] * 6)
    assert stages.count(Stage.ABANDONED) <= 1
    assert {task.stage for task in again} & {Stage.ABANDONED, Stage.FAILED} == set()


def test_another_program_uses_the_account(world: World, proxy: Proxy, kernel: Kernel) -> None:
    """Another program uses the same account: nonces are reconciled, nothing is lost."""
    wishes = [wish_on(world) for _ in range(4)]
    proxy.always("pin", first(lambda: _elsewhere(world, kernel)))

    for wish in wishes:
        lands(kernel, publish(kernel, wish))

    assert [times(world, wish) for wish in wishes] == [1] * 4
    assert nonce(world, kernel.session.account) == 8


def _elsewhere(world: World, kernel: Kernel) -> None:
    """Somebody else sends a transaction of the kernel's account."""
    account = kernel.session.account
    world.call("anvil_impersonateAccount", account)
    world.receipt(world.post(account, account, "0x"))


# --- which chain ------------------------------------------------------------------------


def test_another_chain_id(world: World, proxy: Proxy, open_kernel: Opener) -> None:
    """RPC answers with another chain id than the network's: refused, nothing is signed."""
    from ogpu_jupyter.journal import Journal
    from ogpu_jupyter.session import Session

    account, sent = world.account(), len(proxy.sent)
    proxy.once("eth_chainId", "wrong_chain")

    with pytest.raises(WrongChain):
        Session(world.stormy, account, Journal())
    assert len(proxy.sent) == sent
    assert nonce(world, account.address) == 0


def test_two_networks(world: World, own: World, open_kernel: Opener) -> None:
    """Two networks in one process, one key, one journal: nothing of one is in the other."""
    account = world.account()
    own.fund(account.address)
    here, there = open_kernel(world, account), open_kernel(own, account)
    wish = dataclasses.replace(wish_on(world), source=world.manual)

    lands(here, publish(here, wish))
    assert there.session.tasks() == []
    lands(there, publish(there, dataclasses.replace(wish, source=own.manual)))

    assert times(world, wish) == times(own, wish) == 1
    assert [len(kernel.session.tasks()) for kernel in (here, there)] == [1, 1]
    assert nonce(world, account.address) == nonce(own, account.address) == 1


# --- refusals ---------------------------------------------------------------------------


def _string(world: World) -> Order:
    params = (world.manual, "x", world.now() - 5, 10**16)
    return Order(world.contracts["controller"], CONTROLLER.encode("publishTask", params))


def _custom(world: World) -> Order:
    return _switched(world, Switches())


def _switched(world: World, switches: Switches) -> Order:
    """For the owner of the contracts alone."""
    item = next(item for item in switches_abi() if item.get("name") == "setSwitches")
    entry = Entry(item["name"], tuple(item["inputs"]))
    data = entry.selector + encode(entry.inputs, [dataclasses.astuple(switches)])
    return Order(world.contracts["manager"], "0x" + data.hex())


def _panic(world: World) -> Order:
    return Order(world.manual, SOURCE.encode("getTasks", 5, 9))


def _silent(world: World) -> Order:
    return Order(world.contracts["vault"], "0xdeadbeef")


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (_string, "Expired|in the past|expire"),
        (_custom, "AccessControlUnauthorizedAccount"),
        (_panic, "0x32|beyond|index|outside"),
        (_silent, "no reason|without"),
    ],
)
def test_revert(
    world: World, proxy: Proxy, kernel: Kernel, order: Callable[[World], Order], words: str
) -> None:
    """Revert by string, custom error, panic or without data: found before sending, and named."""
    sent = len(proxy.sent)

    with pytest.raises(OgpuError, match=words) as caught:
        kernel.session.client.quote(kernel.session.account, order(world))

    assert isinstance(caught.value, (Reverted, ExpiryError))
    assert len(proxy.sent) == sent


def _no_gas(world: World, kernel: Kernel) -> None:
    world.call("anvil_setBalance", kernel.session.account, "0x0")


def _no_vault(world: World, kernel: Kernel) -> None:
    kernel.session.withdraw("100")


@pytest.mark.parametrize(
    ("before", "options", "error"),
    [
        (_no_gas, {}, GasBalanceLow),
        (_no_vault, {}, VaultBalanceLow),
        (None, {"source": "inactive"}, SourceInactive),
        (None, {"pay": "0wei"}, AmountError),
        (None, {"expires": "100000d"}, ExpiryError),
        (None, {"expires": "2020-01-01T00:00:00Z"}, ExpiryError),
        (None, {"source": "0x1234"}, AddressError),
        (None, {"source": "closed"}, Reverted),
    ],
    ids=["gas", "vault", "inactive", "minimum", "too far", "past", "address", "may not"],
)
def test_mistakes(own: World, open_kernel: Opener, before: Any, options: Any, error: Any) -> None:
    """No gas, no vault balance, an inactive source, ...: a clear error before anything is sent."""
    kernel, wish = open_kernel(own), wish_on(own)
    if before is not None:
        before(own, kernel)
    source = _source(own, options.pop("source", ""))
    sent = len(own.proxy.sent)

    with pytest.raises(error) as caught:
        publish(kernel, dataclasses.replace(wish, source=source), **options)

    assert len(own.proxy.sent) == sent
    assert times(own, wish) == 0
    assert "Nothing was spent." in str(caught.value) or isinstance(caught.value, AddressError)


def _source(world: World, kind: str) -> str:
    nexus = world.contracts["nexus"]
    if kind == "inactive":
        world.send(PUBLISHER.address, nexus, NEXUS.encode("inactivateSource", world.manual))
    elif kind == "closed":
        order = _switched(world, Switches(only_client_publishes=True))
        world.send(DEPLOYER.address, order.to, order.data)
    return kind if kind.startswith("0x") else world.manual


# --- reads that go wrong ----------------------------------------------------------------


@pytest.mark.parametrize("method", ["eth_estimateGas", "pin"])
@pytest.mark.parametrize(
    "fault", ["429", "429_retry_after", "limit", "502", "drop_request", "drop_reply", "drip"]
)
def test_passing_trouble(
    world: World, proxy: Proxy, kernel: Kernel, method: str, fault: str
) -> None:
    """429 with and without Retry-After, -32005, 502, reset, drip: waited for, tried again."""
    if method == "pin" and fault == "limit":
        pytest.skip("a pinning service speaks no JSON-RPC")
    wish, before = wish_on(world), len(proxy.sent)
    proxy.once(method, fault)

    lands(kernel, publish(kernel, wish))

    assert times(world, wish) == 1
    assert len(proxy.sent) - before == 1


@pytest.mark.parametrize("fault", ["429", "429_retry_after", "limit"])
def test_busy_for_a_transaction(world: World, proxy: Proxy, kernel: Kernel, fault: str) -> None:
    """429 or -32005 to a transaction: what goes out again is the same, never another."""
    wish, before = wish_on(world), len(proxy.sent)
    proxy.once(SEND, fault)

    lands(kernel, publish(kernel, wish))

    assert times(world, wish) == 1
    assert len(set(proxy.sent[before:])) == 1


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("eth_estimateGas", "no_block"),
        ("eth_estimateGas", "behind"),
        ("eth_getTransactionReceipt", "behind"),
        ("eth_getTransactionReceipt", "no_block"),
        ("eth_getLogs", "behind"),
    ],
)
def test_a_replica_behind(
    world: World, proxy: Proxy, kernel: Kernel, method: str, fault: str
) -> None:
    """A replica behind the others: waited for; never "not found" for an outage."""
    wish = wish_on(world)
    enough = kernel.session.client.head().number + BEHIND  # by then it knows of our money too
    until(lambda: kernel.session.client.head().number > enough)
    proxy.once(method, fault, fault)

    lands(kernel, publish(kernel, wish))

    assert times(world, wish) == 1


def _one_reverts(guest: Guest) -> None:
    """One call of each batch reverts, though it need not."""
    answers = guest.answered(guest.calls)
    asked = {one["id"]: one["method"] for one in guest.calls}
    for one in answers:
        if asked[one["id"]] == "eth_maxPriorityFeePerGas":
            one.pop("result", None)
            one["error"] = {"code": 3, "message": "execution reverted"}
    guest.give(answers)


@pytest.mark.parametrize(
    "fault", ["no_batches", "one_missing", "shuffled", "wrong_ids", "one_refused", _one_reverts]
)
def test_batches(world: World, proxy: Proxy, kernel: Kernel, fault: Any) -> None:
    """No batches, an answer missing, another order, one that reverts: right values by id."""
    wish = wish_on(world)
    before = kernel.session.plan(wish.source, FUNCTION, wish.data, expires="10m")
    if fault == "no_batches":
        proxy.always("*", fault)
    else:
        proxy.once("eth_call", fault)
        proxy.once("eth_estimateGas", fault)

    plan = kernel.session.plan(wish.source, FUNCTION, wish.data, expires="10m")
    lands(kernel, publish(kernel, wish))

    assert (plan.payment, plan.gas) == (before.payment, before.gas)
    assert plan.look.source == before.look.source
    assert plan.look.balances == before.look.balances
    assert times(world, wish) == 1


# --- time -------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-5, 5])
def test_the_clock_is_wrong(
    own: World, open_kernel: Opener, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """The machine's clock is wrong by hours: expiry is counted on the chain's clock."""
    import time as clock

    real = clock.time
    monkeypatch.setattr(clock, "time", lambda: real() + hours * 3600)
    kernel, wish = open_kernel(own), wish_on(own)
    other = wish_on(own)

    task = publish(kernel, wish, expires="10m")
    lands(kernel, task)
    short = publish(kernel, other, expires="2s")
    until(lambda: short.stage is Stage.LATE or kernel.session._follower.poke())

    assert abs(task.expires_at - own.now() - 600) < 30
    assert task.stage is Stage.PUBLISHED
    assert abs(kernel.session.chain_time() - own.now()) < 5
