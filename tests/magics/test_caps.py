"""Caps hold wherever money leaves: in Python as in magics, and for the kernel's whole life."""

from __future__ import annotations

from typing import Any

import pytest

import ogpu_jupyter
from ogpu_jupyter.errors import OverBudget, Reverted
from ogpu_jupyter.magics import OgpuMagics
from ogpu_jupyter.session import Session
from ogpu_jupyter.spending import Limits, Purse, Settings
from ogpu_jupyter.tasks import Stage, TransactionKind
from ogpu_jupyter.units import parse_amount
from tests.helpers import funded_account, wait_until
from tests.market import Publisher

PRICE = 10**15
BIDS = "text2text_bids"


@pytest.fixture(scope="module")
def source(localnet: Any) -> str:
    """No provider serves it."""
    return Publisher(localnet).publish_source()


@pytest.fixture
def funded(session: Any) -> Any:
    session.deposit(1)
    return session


def sent(session: Any, kind: TransactionKind) -> int:
    known = session.journal.transactions(session.network_id, session.account)
    return sum(each.kind is kind for each in known)


@pytest.mark.parametrize(
    ("variable", "word", "text"),
    [
        ("OGPU_MAX_PAYMENT", "0.0001", "This task pays 0.001 OGPU; max_payment is 0.0001 OGPU."),
        ("OGPU_SESSION_BUDGET", "0.0005", "of its session_budget of 0.0005 OGPU."),
        ("OGPU_CONFIRM_SPENDING", "1", "Spending is to be confirmed, and nobody can be asked here"),
    ],
)
def test_the_environment_counts_in_plain_python(
    funded: Any, source: str, monkeypatch: pytest.MonkeyPatch, variable: str, word: str, text: str
) -> None:
    monkeypatch.setenv(variable, word)

    with pytest.raises(OverBudget) as one:
        funded.publish(source, "f", {}, pay="0.001")
    with pytest.raises(OverBudget):
        funded.publish_many(source, "f", [{"n": 1}, {"n": 2}], pay="0.001")

    assert text in str(one.value)
    assert sent(funded, TransactionKind.PUBLISH) == 0


def test_what_magics_set_counts_in_plain_python(funded: Any, source: str, shell: Any) -> None:
    """Also where no magic was used since."""
    shell.run_line_magic("config", 'OgpuMagics.max_payment = "0.0001"')

    with pytest.raises(OverBudget, match=r"max_payment is 0\.0001 OGPU"):
        funded.publish(source, "f", {}, pay="0.001")


def test_the_profile_counts_in_plain_python(shell: Any) -> None:
    """`%load_ext` reads it."""
    shell.config.OgpuMagics.max_payment = "0.2"
    OgpuMagics(shell=shell)

    assert Purse(Limits()).limits == Limits(max_payment=parse_amount("0.2"))


def test_the_profile_counts_before_the_extension_is_loaded(
    localnet: Any, account: Any, tmp_path: Any, bare_shell: Any
) -> None:
    bare_shell.config.OgpuMagics.session_budget = "0.2"

    with_profile = ogpu_jupyter.connect(localnet.network, account, tmp_path / "j.sqlite3")

    assert with_profile.limits.session_budget == parse_amount("0.2")
    with_profile.close()


def test_a_config_of_something_else_leaves_the_limits_alone(funded: Any, shell: Any) -> None:
    shell.run_line_magic("ogpu", "status")
    funded.limits = Limits(max_payment=1, session_budget=5)

    shell.run_line_magic("config", "OgpuMagics.answer_bytes = 20000")
    assert funded.limits == Limits(max_payment=1, session_budget=5)

    shell.run_line_magic("config", 'OgpuMagics.session_budget = "7 wei"')
    assert funded.limits == Limits(max_payment=1, session_budget=7)
    assert funded.room == 20000


def test_what_was_said_last_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    purse = Purse(Limits(), settings)
    monkeypatch.setenv("OGPU_MAX_PAYMENT", "3 wei")
    assert purse.limits == Limits(max_payment=3)

    settings.set("max_payment", "4 wei")
    assert purse.limits == Limits(max_payment=4)

    purse.limits = Limits(confirm=True)
    assert purse.limits == Limits(confirm=True)
    assert Purse(Limits(), settings).limits == Limits(max_payment=4)

    settings.set("max_payment", None)
    assert purse.limits == Limits(max_payment=3, confirm=True)


def test_connecting_elsewhere_and_back_begins_no_budget_anew(
    funded: Any, source: str, localnet: Any, account: Any
) -> None:
    """It is the kernel's, for a network and an account, whatever journal is used."""
    funded.limits = Limits(session_budget=2 * PRICE)
    funded.publish(source, "f", {"n": 1}, pay="0.0015")
    path = funded.journal.path

    other = ogpu_jupyter.connect(localnet.network, funded_account(localnet, 10**17), path)
    assert (other.spent, other.limits) == (0, Limits())
    other.close()
    for journal in (path, path.with_name("another.sqlite3")):
        back = ogpu_jupyter.connect(localnet.network, account, journal)
        try:
            assert back.spent == 3 * PRICE // 2
            with pytest.raises(OverBudget, match=r"has spent 0\.0015 OGPU of its session_budget"):
                back.publish(source, "f", {"n": 2}, pay="0.001")
        finally:
            back.close()


def test_a_publish_that_the_chain_refused_gives_its_budget_back(funded: Any, source: str) -> None:
    """Not before it is in a block: until then it may still be paid."""
    funded.limits = Limits(session_budget=PRICE)
    put = funded.client.store.put

    def emptied(*words: Any, **more: Any) -> str:
        funded.withdraw(1)
        return str(put(*words, **more))

    funded.client.store.put = emptied
    refused = funded.publish(source, "f", {"n": 1}, pay="0.001")
    funded.client.store.put = put
    wait_until(lambda: refused.stage is Stage.FAILED)

    assert funded.spent == 0
    funded.deposit(1)
    again = funded.publish(source, "f", {"n": 1}, pay="0.001")
    assert (again.earlier, funded.spent) == (False, PRICE)


def test_confirming_a_bid_counts_once(funded: Any, localnet: Any, account: Any) -> None:
    """Its payment was counted where it was published; another kernel counts the bid."""
    data = {"messages": [{"role": "user", "content": "What is 2 * 3?"}]}
    asked = funded.publish(BIDS, BIDS, data)
    wait_until(lambda: len(asked.responses) == 3, 30)
    chosen = min(asked.responses, key=lambda response: response.payment)
    assert funded.spent == asked.payment
    other = Session(funded.network, account, ogpu_jupyter.Journal(funded.journal.path))
    try:
        for limits in (
            Limits(max_payment=chosen.payment - 1),
            Limits(session_budget=chosen.payment - 1),
        ):
            other.limits = limits
            with pytest.raises(OverBudget):
                other.task(asked.address).confirm(chosen)
        assert sent(funded, TransactionKind.CONFIRM) == 0

        other.limits = Limits(max_payment=chosen.payment, session_budget=chosen.payment)
        other.task(asked.address).confirm(chosen)
        assert other.spent == chosen.payment
    finally:
        other.close()
    wait_until(lambda: asked.stage is Stage.FINALIZED)
    assert funded.spent == chosen.payment


def test_a_bid_of_a_task_that_no_journal_knows_counts_too(funded: Any, account: Any) -> None:
    data = {"messages": [{"role": "user", "content": "What is 2 * 4?"}]}
    asked = funded.publish(BIDS, BIDS, data)
    wait_until(lambda: len(asked.responses) == 3, 30)
    bid = asked.responses[0]
    path = funded.journal.path.with_name("empty.sqlite3")
    other = Session(funded.network, account, ogpu_jupyter.Journal(path))
    try:
        other.limits = Limits(session_budget=bid.payment - 1)
        with pytest.raises(OverBudget):
            other.confirm(bid.address)
        other.limits = Limits(session_budget=bid.payment)
        other.confirm(bid.address)
        assert other.spent == bid.payment
    finally:
        other.close()


def test_a_confirmation_that_was_refused_counts_nothing(funded: Any, account: Any) -> None:
    data = {"messages": [{"role": "user", "content": "What is 2 * 5?"}]}
    asked = funded.publish(BIDS, BIDS, data)
    wait_until(lambda: len(asked.responses) == 3, 30)
    funded.confirm(asked.responses[0])
    path = funded.journal.path.with_name("late.sqlite3")
    other = Session(funded.network, account, ogpu_jupyter.Journal(path))
    try:
        with pytest.raises(Reverted):
            other.confirm(asked.responses[1].address)
        assert (other.spent, other._purse.held) == (0, 0)
    finally:
        other.close()
