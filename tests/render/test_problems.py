"""What a service says went wrong is shown as that, in its words; an answer is no error."""

from __future__ import annotations

from typing import Any

import pytest

from ogpu_jupyter.render import answer_html, answer_kind, answer_text
from tests.render.checks import HOSTILE, safe

TRACE = "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nKeyError: 'x'\n"
SAYS = "The service answered with an error: "


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"error": "out of memory"}, "out of memory"),
        ({"error": {"message": "no model", "type": "x", "code": 404}},
         "no model\n  type: x\n  code: 404"),
        ({"error": "bad", "status": 500}, "bad\n  status: 500"),
        ({"error": ["one", "two"]}, "one\ntwo"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"detail": [{"loc": ["body", 0, "n"], "msg": "too large", "type": "t"}]},
         "The data does not fit.\n  body.0.n: too large"),
        ({"status": "error", "message": "quota"}, "quota\n  status: error"),
        ({"status": "failed"}, "It failed.\n  status: failed"),
        ({"success": False, "message": "quota", "data": None}, "quota\n  success: false"),
        ({"result": {"error": "inside"}}, "inside"),
        ({"error": "x", "result": None}, "x"),
        ({"error": TRACE}, "KeyError: 'x'"),
        (TRACE, "KeyError: 'x'"),
        ({"exception": "ValueError", "traceback": TRACE}, "ValueError"),
    ],
)  # fmt: skip
def test_the_shapes_of_failure(value: Any, says: str) -> None:
    """Of frameworks and servers in use."""
    assert answer_kind(value) == "error"
    assert answer_text(value) == SAYS + says
    assert says.partition("\n")[0] in safe(answer_html(value)).text


@pytest.mark.parametrize(
    "value",
    [
        {"error": 0.02, "estimate": 3.1}, {"error": None, "text": "x"}, {"error": ""},
        {"detail": 3}, {"status": "ok"}, {"message": "hello"}, {"errors": []},
        {"error": "slight", "rows": [{"a": 1}, {"a": 2}]}, {"status": "error", "rows": [[1]]},
        "An error occurred to me once.", {"detail": [{"a": 1}]}, {"success": True},
        {"detail": "fine", "picture": "x"}, [{"error": "x"}],
    ],
)  # fmt: skip
def test_an_answer_is_no_error(value: Any) -> None:
    """The error of a measurement, an empty field, and a word in a text."""
    assert answer_kind(value) != "error"


def test_the_traceback_is_folded() -> None:
    """It is there to be opened, in full width."""
    shown = answer_html({"error": "x", "traceback": TRACE})

    assert "<details><summary>Traceback</summary>" in shown
    assert "KeyError: &#x27;x&#x27;" in shown


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words(text: str) -> None:
    """A provider's error is a stranger's text like any other."""
    for value in (
        {"error": text}, {"error": {"message": text, text: text}}, {"error": text, "trace": text},
        {"detail": [{"loc": [text], "msg": text}]}, {"status": "error", "message": text},
        TRACE + text, {"error": "x", "stack": [text]},
    ):  # fmt: skip
        safe(answer_html(value))
        assert "\x1b" not in answer_text(value)
