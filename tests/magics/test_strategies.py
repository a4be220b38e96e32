"""`%ogpu confirm --strategy`: the person's functions by name, told where they can't be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers import wait_until
from tests.magics.test_completion import tab

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    Run = Callable[[str], tuple[str, object]]

BIDS = "%%ogpu_task text2text_bids text2text_bids --template chat --as asked"
FUNCTIONS = "def length(answer): return len(answer['content'])\nnumber = 3\nclass Kind: pass"


@pytest.fixture
def asked(session, shell, run: Run):
    """A task whose three answers are here."""
    session.deposit("1")
    run(FUNCTIONS)
    run(f"{BIDS}\nWhat is 12 * 34?")
    task = shell.user_ns["asked"]
    wait_until(lambda: len(task.answers) == 3, 40)
    return task


def test_a_strategy_confirms_and_says_why(asked, run: Run) -> None:
    """The best by a function of the notebook, given by its name."""
    text, shown = run("%ogpu confirm asked --strategy score --score length")

    best = max(asked.responses, key=lambda r: len(asked.answers[r.address].value["content"]))
    assert f"Confirmed the response {best.address}. Chosen: best score by length of 3: " in text
    assert shown.value.hash in text
    assert asked.result(timeout=20) == asked.answers[best.address].value


def test_unattended_the_cell_is_done_and_a_wait_waits(session, shell, run: Run) -> None:
    """The choice is made while other cells run."""
    session.deposit("1")
    run(f"{BIDS}\nWhat is 56 * 78?")
    task = shell.user_ns["asked"]
    text, shown = run("%ogpu confirm asked --strategy cheapest --auto --within 1m")

    assert text == (
        "Out[0]: It chooses by itself while this kernel lives: cheapest. The view tells what it "
        "does; `task.auto = None` stops it."
    ) or text.startswith("It chooses by itself")
    assert shown.value is task.auto

    run("%ogpu wait asked --timeout 60s")

    assert task.record.confirmed.payment == min(r.payment for r in task.responses)
    assert task.record.decision.words.startswith("cheapest of 3: ")


MISTAKES = {
    "an unknown strategy": (
        "asked --strategy best",
        "UnknownName: `best` is not a value of `--strategy`.",
    ),
    "an option without a strategy": (
        "asked --score length",
        (
            "InputError: `--score` goes with a strategy.\nNothing was spent.\n"
            "Add, for example, `--strategy cheapest`."
        ),
    ),
    "auto without a strategy": ("asked --auto", "InputError: `--auto` goes with a strategy."),
    "a function that isn't there": (
        "asked --strategy score --score lenght",
        (
            "UnknownName: The variable `lenght` is not known in this notebook.\n"
            "Nothing was spent.\nDid you mean `length`?"
        ),
    ),
    "no function": (
        "asked --strategy score --score number",
        (
            "InputError: `number` after `--score` is of the class int, and no function.\n"
            "Nothing was spent.\n"
            "Write `def number(answer): …`, which gets the decoded answer."
        ),
    ),
    "no name": ("asked --strategy score --score 3", "InputError: `3` after `--score`"),
    "score without one": (
        "asked --strategy score",
        "InputError: The strategy `score` needs the function that gives each answer a number.",
    ),
    "a score too many": (
        "asked --strategy first --score length",
        "InputError: `score` gives each answer a number, and the strategy is first.",
    ),
    "agree elsewhere": (
        "asked --strategy first --agree 2",
        "InputError: `agree` is how many answers must be equal, and the strategy is first.",
    ),
    "one agrees": ("asked --strategy agree --agree 1", "from 2 to 24"),
    "no number agrees": ("asked --strategy agree --agree two", "InputError: `two` after `--agree`"),
    "within now": (
        "asked --strategy cheapest --within 5s",
        "InputError: `within` is how long an unattended choice waits for more answers.",
    ),
    "a response too": (
        "asked 0x1234 --strategy first",
        "InputError: Either a response is named, or a strategy chooses one.",
    ),
}


def test_what_can_t_be_meant_is_told_and_nothing_is_confirmed(asked, run: Run) -> None:
    """Each in a few lines, with what to type."""
    for line, words in MISTAKES.values():
        assert words in run(f"%ogpu confirm {line}")[0]

    assert asked.record.confirmed is None


@pytest.mark.parametrize("flag", ["--score", "--accept"])
def test_tab_offers_functions(shell: InteractiveShell, flag: str) -> None:
    """Neither numbers nor classes."""
    shell.run_cell(FUNCTIONS + "\nlamp = lambda answer: 1")

    begun = f"%ogpu confirm #1 {flag} l"
    assert tab(shell, begun) == [f"{begun}ength", f"{begun}amp"]
    assert tab(shell, f"%ogpu confirm #1 {flag} num") == []
    assert tab(shell, f"%ogpu confirm #1 {flag} Ki") == []
