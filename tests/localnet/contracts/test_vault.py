"""The Vault: each account's coins, and the judge's and the admin's hands on them."""

from __future__ import annotations

import pytest

from tests.localnet.contracts.market import OGPU, Market, reverts

WEEK = 7 * 86_400


def wallet(market: Market, address: str) -> int:
    return market.node.w3.eth.get_balance(address)


def spent(receipt) -> int:
    return receipt["gasUsed"] * receipt["effectiveGasPrice"]


def test_what_is_deposited_can_be_withdrawn(market: Market) -> None:
    other, vault = market.other, market.deployment.vault
    before, held = wallet(market, other.address), wallet(market, vault)

    first = market.deposit(other, 5 * OGPU)
    second = market.send(other, market.vault.withdraw(2 * OGPU))

    assert market.events(first) == [("Deposited", other.address, 5 * OGPU)]
    assert market.events(second) == [("Withdrawn", other.address, 2 * OGPU)]
    assert market.ask(market.vault.balanceOf(other.address)) == 3 * OGPU
    assert wallet(market, vault) == held + 3 * OGPU
    costs = spent(first) + spent(second)
    assert wallet(market, other.address) == before - 3 * OGPU - costs
    with reverts("InsufficientBalance"):
        market.send(other, market.vault.withdraw(3 * OGPU + 1))


def test_one_may_deposit_for_another(market: Market) -> None:
    market.send(market.client, market.vault.deposit(market.other.address), 7)

    assert market.balance(market.other) == 7
    with reverts("InsufficientBalance"):
        market.send(market.agent, market.vault.withdraw(1))


def test_coins_that_nobody_would_own_are_refused(market: Market) -> None:
    receipt = market.send_raw(market.other, {"to": market.deployment.vault, "value": 1})

    assert receipt["status"] == 0


def test_lockup_comes_back_after_the_unbonding(market: Market) -> None:
    other, vault = market.other, market.vault
    market.deposit(other, 5 * OGPU)

    locked = market.send(other, vault.lock(4 * OGPU))
    unbonded = market.send(other, vault.unbond(3 * OGPU))

    assert market.events(locked) == [("Locked", other.address, 4 * OGPU)]
    assert market.events(unbonded) == [("Unbonded", other.address, 3 * OGPU)]
    assert market.ask(vault.unbondingTimestamp(other.address)) == market.now + WEEK
    assert market.ask(vault.unbondingOf(other.address)) == 3 * OGPU
    assert market.ask(vault.getLockupOf(other.address)) == OGPU
    market.node.skip(WEEK - 60)
    with reverts("UnbondingNotElapsed"):
        market.send(other, vault.claim())
    market.node.skip(60)
    assert market.events(market.send(other, vault.claim())) == [
        ("Claimed", other.address, 3 * OGPU)
    ]
    assert market.balance(other) == 4 * OGPU
    assert market.ask(vault.unbondingTimestamp(other.address)) == 0
    with reverts("InsufficientBalance"):
        market.send(other, vault.claim())


def test_more_unbonding_waits_anew(market: Market) -> None:
    provider = market.provider
    market.send(provider, market.vault.unbond(OGPU))
    market.node.skip(WEEK - 60)
    market.send(provider, market.vault.unbond(OGPU))
    market.node.skip(60)

    with reverts("UnbondingNotElapsed"):
        market.send(provider, market.vault.claim())


def test_unbonding_can_be_called_off(market: Market) -> None:
    provider, vault = market.provider, market.vault
    market.send(provider, vault.unbond(3 * OGPU))

    receipt = market.send(provider, vault.cancelUnbonding())

    assert market.events(receipt) == [("UnbondingCanceled", provider.address, 3 * OGPU)]
    assert market.ask(vault.lockupOf(provider.address)) == 10 * OGPU
    with reverts("InsufficientBalance"):
        market.send(provider, vault.cancelUnbonding())


def test_more_than_there_is_is_refused(market: Market) -> None:
    with reverts("InsufficientBalance"):
        market.send(market.client, market.vault.lock(100 * OGPU + 1))
    with reverts("InsufficientLockup"):
        market.send(market.provider, market.vault.unbond(10 * OGPU + 1))


def test_a_sanction_reaches_what_is_on_its_way_out(market: Market) -> None:
    provider, vault = market.provider.address, market.vault
    market.send(market.provider, vault.unbond(9 * OGPU))

    receipt = market.send(market.admin, vault.sanction(provider, 4 * OGPU))

    assert market.events(receipt) == [("Sanctioned", provider, 4 * OGPU)]
    assert market.ask(vault.lockupOf(provider)) == 0
    assert market.ask(vault.unbondingOf(provider)) == 6 * OGPU
    assert market.ask(vault.sanctionOf(provider)) == 4 * OGPU
    assert market.ask(vault.sanctionedAmount()) == 4 * OGPU
    assert market.ask(vault.isEligible(provider)) is False
    with reverts("InsufficientLockup"):
        market.send(market.admin, vault.sanction(provider, 6 * OGPU + 1))


def test_what_was_sanctioned_is_waived_or_collected(market: Market) -> None:
    provider, vault = market.provider.address, market.vault
    market.send(market.admin, vault.sanction(provider, 4 * OGPU))

    waived = market.send(market.admin, vault.waive(provider, OGPU))
    before = wallet(market, market.admin.address)
    collected = market.send(market.admin, vault.withdrawSanctionOf(provider))

    assert market.events(waived) == [("Waived", provider, OGPU)]
    assert market.events(collected) == [("Withdrawn", market.admin.address, 3 * OGPU)]
    assert wallet(market, market.admin.address) == before + 3 * OGPU - spent(collected)
    assert market.ask(vault.lockupOf(provider)) == 7 * OGPU
    assert market.ask(vault.sanctionedAmount()) == market.ask(vault.sanctionOf(provider)) == 0
    with reverts("InsufficientBalance"):
        market.send(market.admin, vault.waive(provider, 1))


def test_an_emergency_exit_gives_an_account_all_its_own(market: Market) -> None:
    """Not what is frozen for its tasks: that belongs to nobody yet."""
    person, vault = market.provider, market.vault
    market.deposit(person, 2 * OGPU)
    market.send(person, vault.unbond(3 * OGPU))
    task = market.publish(by=person, payment=OGPU)
    before = wallet(market, person.address)

    receipt = market.send(market.admin, vault.emergencyExit(person.address))

    assert market.events(receipt) == [("Withdrawn", person.address, 11 * OGPU)]
    assert wallet(market, person.address) == before + 11 * OGPU
    assert market.balance(person) == market.ask(vault.unbondingOf(person.address)) == 0
    market.send(person, market.controller.cancelTask(task))
    assert market.balance(person) == OGPU


def test_the_judge_releases_a_payment_once(market: Market) -> None:
    before = market.balance(market.client)
    task = market.publish()
    market.attempt(task, market.provider)
    client = market.client.address

    with reverts("NotOwner"):
        market.send(market.admin, market.vault.forceReleasePayment(market.other.address, task))
    market.send(market.admin, market.vault.forceReleasePayment(client, task))

    assert market.balance(market.client) == before
    with reverts("AlreadyFinalized"):
        market.send(market.admin, market.vault.forceReleasePayment(client, task))
    with reverts("AlreadyFinalized"):
        market.send(market.provider, market.responding(task, market.provider))


def test_who_is_eligible(market: Market) -> None:
    vault, provider, other = market.vault, market.provider.address, market.other.address
    assert market.ask(vault.isEligible(provider)) is True
    assert market.ask(vault.isEligible(other)) is False

    market.send(market.admin, vault.setMinLockupPerSource(10 * OGPU + 1))
    market.send(market.admin, vault.setWhitelist(other, True))

    assert market.ask(vault.MIN_LOCKUP_PER_SOURCE()) == 10 * OGPU + 1
    assert market.ask(vault.isEligible(provider)) is False
    assert market.ask(vault.isEligible(other)) is market.ask(vault.isWhitelisted(other)) is True


def test_the_admin_sets_how_long_unbonding_takes(market: Market) -> None:
    assert market.ask(market.vault.UNBONDING_PERIOD()) == WEEK

    market.send(market.admin, market.vault.setMaxUnbondingPeriod(0))
    market.send(market.provider, market.vault.unbond(OGPU))
    market.send(market.provider, market.vault.claim())

    assert market.balance(market.provider) == OGPU


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("emergencyExit({client})", "NotOwner"),
        ("withdrawSanctionOf({client})", "NotOwner"),
        ("setMaxUnbondingPeriod(0)", "NotOwner"),
        ("setMinLockupPerSource(0)", "NotOwner"),
        ("setTerminal({client})", "NotOwner"),
        ("setWhitelist({client},1)", "NotOwner"),
        ("sanction({client},0)", "NotJudge"),
        ("waive({client},0)", "NotJudge"),
        ("forceReleasePayment({client},{client})", "NotJudge"),
        ("freezePayment({client},{client},0)", "NotController"),
        ("releasePayment({client},{client})", "NotController"),
        ("processPayment({client},{client},{client},0)", "NotController"),
    ],
)
def test_who_may_do_what(market: Market, call: str, why: str) -> None:
    """The admin pays nobody, the judge sets nothing, and everybody else does neither."""
    name, arguments = call.rstrip(")").split("(")
    values = [
        market.client.address if text == "{client}" else int(text) for text in arguments.split(",")
    ]
    if name == "setWhitelist":
        values[1] = True
    strangers = [market.client, market.provider, market.other]
    strangers += [market.admin] if why == "NotController" else []

    for stranger in strangers:
        with reverts(why):
            market.send(stranger, getattr(market.vault, name)(*values))


def test_who_is_paid_and_calls_back_gets_its_own_and_no_more(market: Market) -> None:
    """A contract that withdraws again while it is being paid drains its balance, not the Vault."""
    vault = market.deployment.vault
    thief = plant(market, withdraws(vault, OGPU))
    before = wallet(market, vault)
    market.send(market.other, market.vault.deposit(thief), 3 * OGPU)

    receipt = market.send_raw(market.other, {"to": thief})

    assert receipt["status"] == 1
    assert market.names(receipt) == ["Withdrawn"] * 3
    assert wallet(market, thief) == 3 * OGPU
    assert wallet(market, vault) == before
    assert market.ask(market.vault.balanceOf(thief)) == 0


def test_who_refuses_its_coins_keeps_them_in_the_vault(market: Market) -> None:
    refuses = plant(market, bytes.fromhex("60006000fd"))  # revert(0, 0)
    market.send(market.other, market.vault.deposit(refuses), OGPU)

    with reverts("TransferFailed"):
        market.send(market.admin, market.vault.emergencyExit(refuses))

    assert market.ask(market.vault.balanceOf(refuses)) == OGPU


def withdraws(vault: str, amount: int) -> bytes:
    """Code that calls `withdraw(amount)` whenever it is called or paid, and takes a no."""
    call = bytes.fromhex("2e1a7d4d") + amount.to_bytes(32, "big")
    store = b"\x63" + call[:4] + b"\x60\xe0\x1b\x60\x00\x52"  # selector to word 0
    store += b"\x7f" + call[4:] + b"\x60\x04\x52"  # amount behind it
    arguments = bytes.fromhex("6000600060246000600073") + bytes.fromhex(vault[2:])
    return store + arguments + bytes.fromhex("5af15000")  # call with all gas, pop, stop


def plant(market: Market, code: bytes) -> str:
    """The address of a contract with just this code."""
    creation = bytes.fromhex(f"60{len(code):02x}80600a3d393df300") + code
    return market.send_raw(market.other, {"data": creation})["contractAddress"]
