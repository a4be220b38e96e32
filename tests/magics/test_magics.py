"""The magics at work: each is one call of the session, in a real shell on a real chain."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from IPython.core.error import UsageError
from pydantic import BaseModel

from ogpu_jupyter import kernel
from ogpu_jupyter.errors import ContentError
from ogpu_jupyter.magics import OgpuMagics
from ogpu_jupyter.spending import Limits
from ogpu_jupyter.tasks import DeliveryMethod, Stage
from ogpu_jupyter.units import WEI_PER_OGPU, parse_amount
from tests.helpers import wait_until
from tests.market import Provider, Publisher

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[[str], tuple[str, object]]

CHAT = "%%ogpu_task text2text text2text --template chat"


class Reply(BaseModel):
    role: str
    content: str


@pytest.fixture
def market(session, shell):
    """A session whose vault holds 1 OGPU, in a shell with the magics."""
    session.deposit("1")
    return session


def test_deposit_and_withdraw_move_what_they_say(session, run: Run) -> None:
    text, shown = run("%ogpu deposit 1.5")

    assert session.balance().vault == parse_amount("1.5")
    assert re.search(
        r"Deposited 1\.5 OGPU\. The vault holds 1\.5 OGPU, the account 18\.\d+ OGPU\. "
        r"Its gas was \S+ (OGPU|gwei)\. Transaction 0x[0-9a-f]{64}\.$",
        text,
    )
    assert shown.value.hash in text

    text, _ = run("%ogpu withdraw 0.5")

    assert "Withdrew 0.5 OGPU. The vault holds 1 OGPU" in text
    assert session.balance().vault == WEI_PER_OGPU


def test_a_deposit_that_is_run_again_moves_nothing_more(session, run: Run) -> None:
    run("%ogpu deposit 1 --if-below 0.5")
    text, _ = run("%ogpu deposit 1 --if-below 0.5")

    assert session.balance().vault == WEI_PER_OGPU
    assert "1 OGPU" in text


def test_a_cell_becomes_a_task_and_its_answer(market, shell, run: Run) -> None:
    text, value = run(f"{CHAT} --wait --timeout 60s\nWhat is 20 + 22?")

    task = shell.user_ns["task"]
    assert value is None
    assert task.address in text or task.address[:6] in text
    assert task.payload == {
        "function_name": "text2text",
        "data": {"messages": [{"role": "user", "content": "What is 20 + 22?"}]},
    }
    assert "42" in task.result()["content"]


def test_what_stands_on_the_line_reaches_the_chain(market, shell, run: Run) -> None:
    shell.user_ns["rows"] = [{"a": 1}, {"a": 2}]
    shell.user_ns["Reply"] = Reply

    run(
        "%ogpu_task describe describe --as report --pay 0.02 --expires 30m "
        "--extra tag=blue --extra level=3 --vars rows --model Reply"
    )

    report = shell.user_ns["report"]
    assert report.payload == {
        "function_name": "describe",
        "data": {"rows": [{"a": 1}, {"a": 2}]},
        "tag": "blue",
        "level": 3,
    }
    assert report.name == "report"
    assert report.payment == parse_amount("0.02")
    assert 1700 < report.expires_at - market.chain_time() <= 1801
    assert report.model is Reply


def test_a_model_makes_the_result_an_instance(market, shell, run: Run) -> None:
    shell.user_ns["Reply"] = Reply

    run(f"{CHAT} --model Reply --wait --timeout 60s\nHello")

    assert isinstance(shell.user_ns["task"].result(), Reply)


def test_run_again_shows_the_earlier_task_and_pays_nothing(market, shell, run: Run) -> None:
    run(f"{CHAT} --wait --timeout 60s\nHello")
    first, before = shell.user_ns["task"], market.balance()

    run(f"{CHAT} --wait --timeout 60s\nHello")

    assert shell.user_ns["task"].address == first.address
    assert market.balance() == before

    run(f"{CHAT} --new --wait --timeout 60s\nHello")

    assert shell.user_ns["task"].address != first.address


def test_a_dry_run_shows_all_and_sends_nothing(market, shell, run: Run) -> None:
    before = market.balance(), market.journal.tasks(market.network_id)
    stored = market.client.store

    text, plan = run(f"{CHAT} --dry-run --as answer\nHello ☃ {{x}}")

    assert (market.balance(), market.journal.tasks(market.network_id)) == before
    assert "answer" not in shell.user_ns
    assert json.loads(plan.payload)["data"]["messages"][0]["content"] == "Hello ☃ {x}"
    assert plan.payment == parse_amount("0.001")
    assert plan.gas > 21_000
    assert plan.vault_after == before[0].vault - plan.payment
    assert plan.config_url
    with pytest.raises(ContentError):
        stored.get(plan.config_url)
    assert "0.001 OGPU" in text
    assert "text2text" in text


def test_tasks_are_listed_shown_and_found_by_number_name_and_address(market, shell, run) -> None:
    run(f"{CHAT} --as first --wait --timeout 60s\nOne")
    task = shell.user_ns["first"]

    text, history = run("%ogpu tasks --as past")

    assert task.address[:6] in text
    assert [found.address for found in history] == [task.address]
    assert shell.user_ns["past"] is history
    assert history.tasks == [task]
    for reference in (f"#{task.record.key}", "first", task.address, task.tx_hash):
        run(f"%ogpu show {reference} --as found")
        assert shell.user_ns.pop("found").address == task.address
    assert len(run("%ogpu tasks --open")[1]) == 0
    assert len(run("%ogpu tasks --status open,responded")[1]) == 0
    assert len(run("%ogpu tasks --text 'one nothing'")[1]) == 0
    found = run("%ogpu tasks --network all --status paid --text one --since 1h --limit 3 "
                "--source text2text --sort payment:asc")[1]  # fmt: skip
    assert [record.key for record in found] == [task.record.key]


def test_wait_blocks_until_all_are_final(market, shell, run: Run) -> None:
    for number in range(3):
        run(f"%%ogpu_task sleep sleep --as nap{number}\nseconds: 0.{number}")

    run("%ogpu wait nap0 nap1 --timeout 60s")

    assert all(shell.user_ns[f"nap{number}"].is_settled for number in range(2))

    run("%ogpu wait --timeout 60s")

    assert market.tasks(open_only=True) == []


def test_sources_are_listed_shown_and_named(market, shell, run: Run) -> None:
    text, panel = run("%ogpu sources")
    address = market.localnet.services["text2image"]

    assert {record.address for record in panel.value} >= set(market.localnet.services.values())
    assert address[:6] in text
    assert run("%ogpu source text2image")[1].value.address == address

    text, _ = run(f"%ogpu use {address} --as painter")

    assert text.endswith(f"`painter` stands for the source {address}.")
    run("%%ogpu_task painter text2image --as picture --wait --timeout 60s\nprompt: a lighthouse")
    assert shell.user_ns["picture"].source == address


def test_a_task_that_nobody_takes_can_be_canceled(market, localnet, shell, run: Run) -> None:
    run(f"%%ogpu_task {Publisher(localnet).publish_source()} anything --as lonely\na: 1")
    lonely, before = shell.user_ns["lonely"], market.balance().vault
    wait_until(lambda: lonely.address)

    text, _ = run("%ogpu wait lonely --timeout 0.1s")

    assert text.endswith(
        f"TaskTimeout: The task has no answer after 0 s; it is published.\n"
        f"The payment of 0.001 OGPU is held in escrow.\n"
        f"It goes on: `%ogpu wait {lonely.address}`."
    )

    text, _ = run("%ogpu cancel lonely")

    assert "Canceled the task." in text
    assert market.balance().vault == before + lonely.payment
    assert lonely.wait(20).stage is Stage.CANCELED


def test_a_response_is_confirmed_by_task_or_by_response(market, localnet, shell, run: Run) -> None:
    source = Publisher(localnet).publish_source(delivery=DeliveryMethod.MANUAL_CONFIRMATION)
    providers = [Provider(localnet, source), Provider(localnet, source)]
    run(f"%%ogpu_task {source} anything --as judged\na: 1")
    judged = shell.user_ns["judged"]
    address = wait_until(lambda: judged.address)
    bids = [10**14, 2 * 10**14]
    for provider, bid in zip(providers, bids, strict=True):
        provider.attempt(address, bid)
    answers = [p.submit(address, {"by": bid}, bid) for p, bid in zip(providers, bids, strict=True)]
    wait_until(lambda: len(judged.responses) == 2)

    assert run("%ogpu confirm judged")[0].endswith(
        "TaskError: The task has 2 responses to confirm.\n"
        "Nothing was spent.\n"
        "Name one: `task.confirm(task.responses[0])`."
    )
    text, _ = run(f"%ogpu confirm judged {answers[1]}")

    assert f"Confirmed the response {answers[1]}." in text
    assert judged.result(timeout=20) == {"by": bids[1]}


def test_status_tells_where_one_stands(market, run: Run) -> None:
    text, status = run("%ogpu status")

    assert status.account == market.account
    assert status.vault == WEI_PER_OGPU
    assert "local" in text
    assert "1 OGPU" in text


def test_connecting_again_keeps_the_session(market, run: Run) -> None:
    assert kernel.current() is market

    run(f"%ogpu connect {market.network.rpc_url}")

    assert kernel.current().network == market.network


def test_the_caps_are_settings_of_ipython(market, run: Run) -> None:
    run('%config OgpuMagics.max_payment = "0.005"')

    text, _ = run(f"{CHAT} --pay 0.006\nHello")

    assert text.endswith(
        "OverBudget: This task pays 0.006 OGPU; max_payment is 0.005 OGPU.\n"
        "Nothing was spent.\n"
        'Type `%config OgpuMagics.max_payment = "0.006 OGPU"` to allow it, or pay less.'
    )

    run('%config OgpuMagics.max_payment = "0.006 OGPU"')
    run(f"{CHAT} --pay 0.006\nHello")

    assert market.spent == parse_amount("0.006")


def test_the_budget_counts_what_the_session_paid(market, run: Run, monkeypatch) -> None:
    monkeypatch.setenv("OGPU_SESSION_BUDGET", "0.003")

    assert run(f"{CHAT} --pay 0.002 --as one\nHello")[0]
    text, _ = run(f"{CHAT} --pay 0.002 --as two\nHello")

    assert (
        "OverBudget: This task pays 0.002 OGPU; this session has spent 0.002 OGPU of its "
        "session_budget of 0.003 OGPU.\nNothing was spent."
    ) in text


def test_where_nobody_can_be_asked_yes_is_named(market, run: Run) -> None:
    run("%config OgpuMagics.confirm_spending = True")

    text, _ = run(f"{CHAT}\nHello")

    assert text.endswith(
        "OverBudget: Pay 0.001 OGPU? Spending is to be confirmed, and nobody can be asked here.\n"
        "Nothing was spent.\n"
        "Add `--yes` (in Python: yes=True) to spend without asking."
    )
    assert market.spent == 0

    run(f"{CHAT} --yes\nHello")

    assert market.spent == parse_amount("0.001")


def test_a_cap_that_was_set_in_python_is_kept(market, run: Run) -> None:
    market.limits = Limits(max_payment=1)

    assert "max_payment is 1 wei" in run(f"{CHAT}\nHello")[0]

    run("%config OgpuMagics.session_budget = 5")

    assert market.limits == Limits(max_payment=1, session_budget=5 * WEI_PER_OGPU)

    run('%config OgpuMagics.max_payment = "none"')
    run("%config OgpuMagics.session_budget = None")

    assert market.limits == Limits()


@pytest.mark.parametrize(
    ("variable", "word", "text"),
    [
        (
            "OGPU_MAX_PAYMENT",
            "lots",
            (
                "AmountError: The environment's OGPU_MAX_PAYMENT: 'lots' is not an amount.\n"
                "Nothing was spent.\n"
                "Type an amount of OGPU such as 0.01, or one with a unit: 5gwei, 1000wei."
            ),
        ),
        (
            "OGPU_CONFIRM_SPENDING",
            "maybe",
            (
                "UnknownName: The environment's OGPU_CONFIRM_SPENDING is 'maybe'.\n"
                "Nothing was spent.\n"
                "Set it to 1 or 0, or leave it unset."
            ),
        ),
    ],
)
def test_a_cap_of_the_environment_that_makes_no_sense_stops_the_cell(
    market, run: Run, monkeypatch, variable: str, word: str, text: str
) -> None:
    monkeypatch.setenv(variable, word)

    assert run(f"{CHAT}\nHello")[0] == text
    assert run(f"{CHAT}\nHello")[0] == text
    assert market.spent == 0


def test_a_cap_is_checked_when_it_is_set(shell, caplog) -> None:
    magics = shell.magics_manager.registry["OgpuMagics"]

    shell.run_cell('%config OgpuMagics.max_payment = "lots"')

    assert "expected an amount of OGPU" in caplog.text
    assert magics.max_payment is None


def test_the_caps_come_from_the_profile(shell) -> None:
    shell.config.OgpuMagics.max_payment = "0.2"
    shell.config.OgpuMagics.confirm_spending = True

    magics = OgpuMagics(shell=shell)

    assert (magics.max_payment, magics.confirm_spending) == ("0.2", True)


def test_completion_knows_the_market(market, shell, run: Run) -> None:
    from tests.magics.test_completion import tab

    run("%%ogpu_task montecarlo montecarlo --as mine\nsamples: 10\nseed: 1")
    task = shell.user_ns["mine"]
    address = market.localnet.services["montecarlo"]

    assert tab(shell, "%%ogpu_task monte") == ["%%ogpu_task montecarlo"]
    assert tab(shell, f"%ogpu source {address[:12].lower()}") == [f"%ogpu source {address}"]
    assert tab(shell, "%%ogpu_task montecarlo m") == ["%%ogpu_task montecarlo montecarlo"]
    assert tab(shell, f"%%ogpu_task {address} m") == [f"%%ogpu_task {address} montecarlo"]
    assert tab(shell, "%ogpu show mi") == ["%ogpu show mine"]
    assert f"%ogpu wait mine #{task.record.key}" in tab(shell, "%ogpu wait mine #")


def test_unloading_takes_all_away_and_loading_brings_it_back(shell, run: Run) -> None:
    run("%unload_ext ogpu_jupyter")

    assert "OgpuMagics" not in shell.magics_manager.registry
    assert not [c for c in shell.configurables if type(c).__name__ == "OgpuMagics"]
    assert type(shell.run_cell("%ogpu status").error_in_exec) is UsageError

    run("%load_ext ogpu_jupyter")

    assert run("%ogpu status")[0].startswith("NotConnected")


def test_in_a_terminal_work_is_announced_once(run):
    """A log is no place for a counter."""
    source = (
        "from ogpu_jupyter.display import Line\n"
        "line = Line('Publishing 9 tasks.')\n"
        "line.say('4 of 9 sent.')\n"
        "line.say('9 of 9 sent.', last=True)"
    )

    assert run(source) == ("Publishing 9 tasks.", None)
