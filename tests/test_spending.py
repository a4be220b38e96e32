"""Caps on what a session spends."""

from __future__ import annotations

import pytest

from ogpu_jupyter.chain.networks import MAINNET, TESTNET
from ogpu_jupyter.errors import OverBudget
from ogpu_jupyter.spending import Limits, Purse
from ogpu_jupyter.units import WEI_PER_OGPU


def test_on_mainnet_the_caps_are_on_by_default():
    limits = Limits.of(MAINNET)

    assert limits.confirm
    assert limits.max_payment == WEI_PER_OGPU // 10
    assert limits.session_budget == WEI_PER_OGPU


def test_elsewhere_they_are_off():
    assert Limits.of(TESTNET) == Limits()


def test_a_payment_over_the_cap_is_an_error_not_a_smaller_payment():
    with pytest.raises(OverBudget) as caught:
        Limits(max_payment=10**16).check(2 * 10**16, spent=0)

    assert str(caught.value) == (
        "This task pays 0.02 OGPU; max_payment is 0.01 OGPU.\n"
        "Nothing was spent.\n"
        'Type `%config OgpuMagics.max_payment = "0.02 OGPU"` to allow it, or pay less.'
    )


def test_the_budget_counts_what_the_session_has_spent():
    limits = Limits(session_budget=10**17)

    limits.check(10**17, spent=0)
    with pytest.raises(OverBudget) as caught:
        limits.check(10**16, spent=10**17)

    assert str(caught.value) == (
        "This task pays 0.01 OGPU; this session has spent 0.1 OGPU of its session_budget "
        "of 0.1 OGPU.\n"
        "Nothing was spent.\n"
        'Type `%config OgpuMagics.session_budget = "0.11 OGPU"` to allow it.'
    )


def test_nobody_is_asked_where_confirming_is_off():
    Limits().agree("Pay?", yes=False, ask=None)


@pytest.mark.parametrize(("yes", "ask"), [(True, None), (False, lambda question: True)])
def test_a_yes_lets_the_payment_pass(yes, ask):
    Limits(confirm=True).agree("Pay?", yes=yes, ask=ask)


def test_a_no_stops_it():
    with pytest.raises(OverBudget, match="You did not agree"):
        Limits(confirm=True).agree("Pay?", yes=False, ask=lambda question: False)


def test_without_anybody_to_ask_yes_is_named():
    with pytest.raises(OverBudget, match="Add `--yes`"):
        Limits(confirm=True).agree("Pay 0.1 OGPU?", yes=False, ask=None)


def test_what_one_is_about_to_spend_nobody_else_may():
    purse = Purse(Limits(session_budget=10))

    with purse.hold(3, number=2) as hold:
        hold.spend(3)
        assert (purse.spent, purse.held) == (3, 3)
        purse.check(4)
        with pytest.raises(OverBudget), purse.hold(5):
            pytest.fail("it was let in")

    assert (purse.spent, purse.held) == (3, 0)
    with purse.hold(7):
        pass


def test_what_is_held_is_said_beside_what_is_spent():
    purse = Purse(Limits(session_budget=10))
    with purse.hold(6), pytest.raises(OverBudget) as caught:
        purse.check(5)

    said = "has spent 0 OGPU of its session_budget of 10 wei, and 6 wei is about to leave."
    assert said in str(caught.value)


def test_what_is_released_is_released_once():
    """By an interrupt, while what was under way goes on for a moment, and then ends too."""
    purse = Purse(Limits())
    with purse.hold(5) as hold:
        hold.release()
        assert purse.held == 0
        hold.spend(2)

    assert (purse.spent, purse.held) == (2, 0)


def test_what_was_held_is_free_again_after_an_error():
    purse = Purse(Limits(session_budget=10))

    def fail() -> None:
        with purse.hold(10) as hold:
            hold.spend(4)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert (purse.spent, purse.held) == (4, 0)


def test_what_leaves_late_is_spent_all_the_same():
    """A transaction that was thought lost, after its publish had ended."""
    purse = Purse(Limits())
    with purse.hold(5) as hold:
        pass
    hold.spend(5)

    assert (purse.spent, purse.held) == (5, 0)
