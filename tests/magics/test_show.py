"""`--show KIND`: the person says what an answer is; every view and redraw keeps to it."""

from __future__ import annotations

from typing import Any

import pytest

from ogpu_jupyter.errors import UnknownName
from ogpu_jupyter.magics.completion import Completion
from ogpu_jupyter.magics.line import read_ogpu, read_task
from ogpu_jupyter.render import kind_names


def test_the_option_takes_any_name_of_a_kind() -> None:
    """On both magics, in any case; what is kept is the kind's own name."""
    assert read_task("a b --show Table")["show"] == "table"
    assert read_ogpu("show #1 --show dataframe")["show"] == "table"
    assert read_ogpu("show #1")["show"] is None


def test_an_unknown_kind_lists_them() -> None:
    """Before anything is sent, and with the nearest."""
    with pytest.raises(UnknownName, match=r"(?s)no kind of answers 'tabel'.*`table`") as told:
        read_task("a b --show tabel")

    assert all(name in told.value.hint for name in kind_names())


def test_completion() -> None:
    """The kinds, once answers can be shown."""
    completion = Completion({}, {})

    assert "table" in completion.offers("%ogpu show #1 --show ", "")[1]
    assert completion.offers("%%ogpu_task a b --show ta", "")[1] == ["table"]


def test_the_choice_is_the_tasks(session: Any) -> None:
    """It holds for the view, its redraws, the text and the HTML, until another one is made."""
    session.deposit(1)
    rows = [{"a": n, "b": n * n} for n in range(1, 9)]
    task = session.publish("describe", "describe", {"rows": rows}).wait(60)

    as_found = task._repr_html_()
    task.show_as("JSON")
    as_json = task._repr_html_()
    in_view = task.view().children[0].value
    task.show_as(None)

    assert "ogpu-table" in as_found
    assert "ogpu-rows" not in as_json
    assert task.showing.kind == ""
    assert "ogpu-rows" not in in_view
    assert "ogpu-rows" in task._repr_html_()
    with pytest.raises(UnknownName, match="no kind of answers"):
        task.view(show="nothing")


def test_a_kind_that_does_not_fit_says_so(session: Any) -> None:
    """And shows the answer all the same."""
    session.deposit(1)
    task = session.publish("describe", "describe", {"rows": [{"a": 1}]}).wait(60)

    task.show_as("video")

    assert "can't be shown as video" in task._repr_html_().replace("&#x27;", "'")
    assert "can't be shown as video" in repr(task)


def test_the_bound_is_a_setting(shell: Any, session: Any) -> None:
    """`%config OgpuMagics.answer_bytes` is the session's room, before and after connecting."""
    magics = shell.magics_manager.registry["OgpuMagics"]
    magics._session()
    magics.answer_bytes = 50_000

    assert session.room == 50_000
    with pytest.raises(Exception, match="10000"):
        magics.answer_bytes = 10
