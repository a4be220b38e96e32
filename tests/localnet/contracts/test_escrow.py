"""Whatever people do in whatever order, the Vault has exactly the coins that it owes."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
from hypothesis import stateful
from hypothesis import strategies as st

from ogpu_jupyter.localnet.contracts import FrozenBy, Switches, set_switches
from tests.localnet.contracts.market import (
    ATTEMPTED,
    FIRST,
    MANUAL,
    NEW,
    OGPU,
    RESPONDED,
    ZERO,
    Market,
    Reverted,
)

# What an act may be refused with. Any other revert, a panic above all, is a fault.
REFUSALS = {
    "AlreadyAttempted",
    "AlreadyConfirmed",
    "AlreadyFinalized",
    "AlreadySubmitted",
    "Expired",
    "InsufficientBalance",
    "InsufficientLockup",
    "InsufficientPayment",
    "NotAttempted",
    "NotEligible",
    "NotOwner",
    "NotProvider",
    "UnbondingNotElapsed",
    "UnknownResponse",
}

DEBTS = ("balanceOf", "lockupOf", "unbondingOf", "sanctionOf")
OPEN = {NEW, ATTEMPTED, RESPONDED}

people = st.sampled_from(["client", "other", "provider", "rival"])
servants = st.sampled_from(["provider", "rival", "other"])
stakers = st.sampled_from(["provider", "rival", "client"])
# Of what there is: nothing, a wei, half of it, all, a wei too much; and what nobody has.
shares = st.sampled_from(["none", "wei", "half", "half", "all", "more", "most"])
payments = st.sampled_from([10**15, 10**15 + 1, OGPU, 40 * OGPU, 200 * OGPU])
# What a provider asks for, in percent of the payment.
answers = st.sampled_from([0, 1, 50, 100, 101])
indexes = st.integers(0, 30)


class Escrow(stateful.RuleBasedStateMachine):
    """Random acts of random people; `market` is set by the test."""

    market: Market

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = self.market.node.snapshot()
        self.tasks: list[tuple[str, str, int]] = []
        self.released: set[str] = set()

    def teardown(self) -> None:
        self.market.node.revert(self.snapshot)

    @stateful.initialize()
    def begin(self) -> None:
        """A few tasks to act on, and providers that stay providers when their stake is gone."""
        for who in ("provider", "rival"):
            self.act("admin", self.market.vault.setWhitelist(self.address(who), True))
        for delivery in (MANUAL, FIRST, MANUAL):
            self.publish("client", delivery, OGPU, 3600)

    # --- acts ---

    def act(self, who: str, call: Any, value: int = 0) -> Any:
        """The receipt, or None where the act is refused for a reason that it may have."""
        try:
            return self.market.send(getattr(self.market, who), call, value)
        except Reverted as refused:
            if str(refused) not in REFUSALS:
                raise
            return None

    def address(self, who: str) -> str:
        return str(getattr(self.market, who).address)

    def task(self, index: int) -> str:
        return self.tasks[index % len(self.tasks)][0]

    def client(self, index: int) -> str:
        mine = self.tasks[index % len(self.tasks)][1]
        return next(who for who in ("client", "other", "provider") if self.address(who) == mine)

    @stateful.rule(who=people, whom=people, amount=st.sampled_from([0, 1, OGPU, 7 * OGPU + 3]))
    def deposit(self, who: str, whom: str, amount: int) -> None:
        self.act(who, self.market.vault.deposit(self.address(whom)), amount)

    def part(self, share: str, who: str, *getters: str) -> int:
        """A share of what the getters tell of a person, together."""
        calls = [getattr(self.market.vault, getter)(self.address(who)) for getter in getters]
        whole = sum(self.market.numbers(calls))
        parts = {"none": 0, "wei": 1, "half": whole // 2, "all": whole, "more": whole + 1}
        return parts.get(share, 2**256 - 1)

    @stateful.rule(who=stakers, share=shares, what=st.sampled_from(["withdraw", "lock"]))
    def use_balance(self, who: str, share: str, what: str) -> None:
        self.act(who, getattr(self.market.vault, what)(self.part(share, who, "balanceOf")))

    @stateful.rule(who=stakers, share=shares)
    def unbond(self, who: str, share: str) -> None:
        self.act(who, self.market.vault.unbond(self.part(share, who, "lockupOf")))

    @stateful.rule(who=stakers, what=st.sampled_from(["claim", "cancelUnbonding"]))
    def end_unbonding(self, who: str, what: str) -> None:
        self.act(who, getattr(self.market.vault, what)())

    @stateful.rule(who=stakers, share=shares)
    def sanction(self, who: str, share: str) -> None:
        """After an unbonding most of the time, which it must reach into."""
        self.unbond(who, "half")
        amount = self.part(share, who, "lockupOf", "unbondingOf")
        self.act("admin", self.market.vault.sanction(self.address(who), amount))

    @stateful.rule(who=stakers, share=shares)
    def waive(self, who: str, share: str) -> None:
        self.sanction(who, "half")
        amount = self.part(share, who, "sanctionOf")
        self.act("admin", self.market.vault.waive(self.address(who), amount))

    @stateful.rule(who=stakers, what=st.sampled_from(["withdrawSanctionOf", "emergencyExit"]))
    def administer(self, who: str, what: str) -> None:
        self.act("admin", getattr(self.market.vault, what)(self.address(who)))

    @stateful.rule(
        who=st.sampled_from(["client", "client", "other", "provider"]),
        delivery=st.sampled_from([MANUAL, FIRST]),
        payment=payments,
        seconds=st.sampled_from([60, 3600]),
    )
    def publish(self, who: str, delivery: int, payment: int, seconds: int) -> None:
        expiry = self.market.now + seconds
        call = self.market.publishing(delivery, payment=payment, expiryTime=expiry)
        receipt = self.act(who, call)
        if receipt is not None:
            task = self.market.events(receipt)[-1][1]
            self.tasks.append((task, self.address(who), payment))

    @stateful.precondition(lambda self: self.tasks)
    @stateful.rule(who=servants, index=indexes)
    def attempt(self, who: str, index: int) -> None:
        person = getattr(self.market, who)
        self.act(who, self.market.attempting(self.task(index), person))

    @stateful.precondition(lambda self: self.tasks)
    @stateful.rule(who=servants, index=indexes, share=answers)
    def respond(self, who: str, index: int, share: int) -> None:
        task, _, payment = self.tasks[index % len(self.tasks)]
        person, price = getattr(self.market, who), payment * share // 100
        self.act(who, self.market.attempting(task, person))
        self.act(who, self.market.responding(task, person, price))

    @stateful.precondition(lambda self: self.tasks)
    @stateful.rule(servant=servants, index=indexes)
    def confirm(self, servant: str, index: int) -> None:
        task = self.market.task(self.task(index))
        response = self.market.ask(task.responseOf(self.address(servant)))
        self.act(self.client(index), self.market.controller.confirmResponse(response))

    @stateful.rule(delivery=st.sampled_from([MANUAL, FIRST]), share=answers, servant=servants)
    def work(self, delivery: int, share: int, servant: str) -> None:
        """A task from its publishing to its end."""
        self.deposit("client", "client", OGPU)
        self.publish("client", delivery, OGPU, 3600)
        self.respond(servant, len(self.tasks) - 1, share)
        self.confirm(servant, len(self.tasks) - 1)

    @stateful.precondition(lambda self: self.tasks)
    @stateful.rule(index=indexes)
    def cancel(self, index: int) -> None:
        self.act(self.client(index), self.market.controller.cancelTask(self.task(index)))

    @stateful.precondition(lambda self: self.tasks)
    @stateful.rule(index=indexes)
    def release(self, index: int) -> None:
        task, client, _ = self.tasks[index % len(self.tasks)]
        call = self.market.vault.forceReleasePayment(client, task)
        if self.act("admin", call) is not None:
            self.released.add(task)

    @stateful.rule(seconds=st.sampled_from([61, 61, 3600, 8 * 86_400]))
    def wait(self, seconds: int) -> None:
        self.market.node.skip(seconds)

    @stateful.rule(
        switches=st.builds(
            Switches, st.booleans(), st.booleans(), st.booleans(), st.just(FrozenBy.CLIENT)
        )
    )
    def switch(self, switches: Switches) -> None:
        market = self.market
        set_switches(market.node.w3, market.deployment, market.admin, switches)

    # --- what is always true ---

    @stateful.invariant()
    def the_vault_has_what_it_owes(self) -> None:
        market, vault = self.market, self.market.vault
        debts = {name: self.sum(getattr(vault, name)) for name in DEBTS}
        frozen = self.frozen()

        held = market.node.w3.eth.get_balance(market.deployment.vault)
        assert held == sum(debts.values()) + sum(frozen.values()), (debts, frozen)
        assert market.ask(vault.sanctionedAmount()) == debts["sanctionOf"]
        assert market.numbers([vault.frozenPayment(one) for one in frozen]) == [*frozen.values()]

    def sum(self, getter: Any) -> int:
        names = ("admin", "client", "other", "agent", "master", "provider", "rival")
        return sum(self.market.numbers([getter(a) for a in (*map(self.address, names), ZERO)]))

    def frozen(self) -> dict[str, int]:
        """What is held for the tasks that are open, by client."""
        held = dict.fromkeys(map(self.address, ("client", "other", "provider")), 0)
        states = self.market.numbers([self.market.task(task).status() for task, *_ in self.tasks])
        for (task, client, payment), status in zip(self.tasks, states, strict=True):
            is_open = status in OPEN and task not in self.released
            held[client] += payment if is_open else 0
        return held


@pytest.mark.parametrize("node", ["anvil"], indirect=True)
def test_escrow_is_true_to_the_last_wei(market: Market) -> None:
    play(market, examples=15, steps=40)


@pytest.mark.parametrize("node", ["embedded"], indirect=True)
def test_escrow_is_true_on_the_embedded_node(market: Market) -> None:
    play(market, examples=2, steps=15)


def play(market: Market, examples: int, steps: int) -> None:
    """The same acts in every run: a failure comes again. Shrinking it would take minutes."""
    machine = type("EscrowHere", (Escrow,), {"market": market})
    stateful.run_state_machine_as_test(
        machine,
        settings=hypothesis.settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )
