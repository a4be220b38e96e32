"""`%ogpu tasks`: its words become the history's filters, and a slip is said."""

from __future__ import annotations

import pytest

from ogpu_jupyter.errors import OgpuError
from ogpu_jupyter.histories import read_stages
from ogpu_jupyter.journal.queries import SORTS
from ogpu_jupyter.magics.commands import STATUSES, TASK_ORDERS
from ogpu_jupyter.magics.line import read_ogpu
from ogpu_jupyter.tasks import Stage
from tests.histories import fill


def test_the_words_are_those_of_the_history() -> None:
    """Tab offers each order and each state that there is, and no other."""
    assert set(TASK_ORDERS) == set(SORTS)
    assert {stage for word in STATUSES[1:] for stage in read_stages(word)} == set(Stage)
    assert len(STATUSES) == len(Stage) + 1


@pytest.mark.parametrize(
    ("line", "what", "hint"),
    [
        ("--sort prise", "`prise` is not a value of `--sort`.", ""),
        ("--sort fee:up", "`up` is not a value of `--sort`.", "It takes one of: asc, desc."),
        ("--limit many", "`many` after `--limit` is no number.", "Type 100, say."),
        ("--since monday", "'monday' is not a duration.", ""),
        ("--as 1st", "`1st` after `--as` is not a variable's name.", ""),
        ("--stat paid", "`--stat` is not an option of `%ogpu tasks`.",
         "Did you mean `--status`?"),
    ],
)  # fmt: skip
def test_a_slip_is_said_before_anything_is_read(line: str, what: str, hint: str) -> None:
    with pytest.raises(OgpuError) as told:
        read_ogpu(f"tasks {line}")

    assert told.value.what == what
    assert hint in told.value.hint


def test_it_works_without_a_network(ogpu_home, shell, run) -> None:
    """In a terminal it is text: the newest, and the totals of all."""
    fill(60)
    text, history = run("%ogpu tasks --network local --limit 5 --as past")

    assert len(text.splitlines()) == 1 + 1 + 5 + 2
    assert "are shown." in text
    assert shell.user_ns["past"] is history
    assert len(list(history)) == 5


def test_open_and_status_are_one_thing(ogpu_home, run) -> None:
    text, _ = run("%ogpu tasks --open --status paid")

    assert "`--open` is a status too." in text
