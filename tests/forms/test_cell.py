"""The cell of a form publishes the very payload of the form."""

from __future__ import annotations

import ast
import datetime as dt
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from ogpu_jupyter.errors import InputError
from ogpu_jupyter.forms.cell import as_cell
from ogpu_jupyter.magics.body import read_body
from ogpu_jupyter.magics.line import read_task
from ogpu_jupyter.publishing import as_input
from ogpu_jupyter.tasks import encode_payload
from ogpu_jupyter.units import parse_amount


def run(cell: str, namespace: dict | None = None):
    """The line's words and the body's data, through IPython's own reading of the cell."""
    (call,) = ast.parse(TransformerManager().transform_cell(cell)).body
    name, line, body = (ast.literal_eval(argument) for argument in call.value.args)
    words = read_task(line)
    assert name == "ogpu_task"
    data = read_body(
        body,
        namespace or {},
        names=words["vars"],
        python=words["python"],
        template=words["template"],
    )
    return words, data


def payload(function: str, data, extras=None) -> bytes:
    return encode_payload(as_input(function, data, dict(extras or {})))


awkward = st.sampled_from(
    [
        *(
            "{{ name }}",
            "{{x}} and",
            "{{",
            "}}",
            "{",
            "{x}",
            "$HOME",
            "%%magic",
            "%pip",
            "!ls",
            "?",
        ),
        *("'", '"', "'''", '"""', "\\", "\\n", "\n", "\r\n", "\t", "\x00", "\x1b[31m", "\u202e"),
        *(
            "\u2028",
            "\x85",
            "\x0c",
            "\ufeff",
            "é",
            "😀",
            "#",
            " # no",
            ">>> x",
            "...",
            "In [1]: ",
            "",
        ),
        *(" ", "True", "None", "NaN", "yes", "---", "a: b", "- a", "&a", "*a", "@", "`"),
    ]
)
strings = awkward | st.text(max_size=12) | st.lists(awkward, max_size=4).map("".join)
strings = strings.filter(
    lambda text: text.isascii() or not any(0xD800 <= ord(c) < 0xE000 for c in text)
)
numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | strings,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strings, inner, max_size=4),
    max_leaves=10,
)
objects = st.dictionaries(strings, values, max_size=4)
words = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["C", "Z"]),
    min_size=1,
    max_size=10,
).filter(lambda word: not word.startswith("-"))


@given(objects)
@example({"a": "{{ name }}"})
@example({"{{ name }}": 1})
@example({"a": -0.0, "b": 1e22, "c": 10**300, "d": 5e-324})
def test_the_payload_is_the_same(data) -> None:
    found, read = run(as_cell("chat", "text2text", data), {"name": "not this", "x": "nor this"})

    assert payload("text2text", read) == payload("text2text", data)
    assert (found["source"], found["function"]) == ("chat", "text2text")


@given(words, words, st.dictionaries(words.filter(lambda w: "=" not in w), values, max_size=3))
@example("#12", "#", {"#": "#"})
@example("a'b", 'c"d', {"'": "it's \\ \" $x {y}"})
def test_names_and_extras_are_the_same(source, function, extras) -> None:
    extras = {k: v for k, v in extras.items() if k not in {"function_name", "data"}}
    found, data = run(as_cell(source, function, {"a": 1}, extras=extras))

    assert (found["source"], found["function"]) == (source, function)
    assert payload(function, data, found["extra"]) == payload(function, {"a": 1}, extras)


@given(strings, st.sampled_from(["chat", "hf", "text2image"]))
@example("What is 6 * 7?", "chat")
@example("two\n\nlines", "chat")
@example("  indented\n  twice", "chat")
@example("%%html\nx", "hf")
@example("In [1]: x", "hf")
@example("a\n... b", "text2image")
def test_a_template_says_the_same(text, template) -> None:
    data = {
        "chat": {"messages": [{"role": "user", "content": text}]},
        "hf": {"input": text, "args": {}},
        "text2image": {"prompt": text},
    }[template]
    found, read = run(as_cell("s", "f", data, template=template))

    assert payload("f", read) == payload("f", data)
    assert found["template"] in {template, None}


def test_a_text_alone_is_a_text_alone() -> None:
    data = {"messages": [{"role": "user", "content": "What is 6 * 7?"}]}

    assert as_cell("chat", "text2text", data, template="chat", pay="0.01") == (
        "%%ogpu_task chat text2text --pay 0.01 --template chat\nWhat is 6 * 7?"
    )


def test_data_is_json_as_one_would_write_it() -> None:
    assert as_cell("chat", "text2text", {"prompt": "Grüße", "size": 2}) == (
        '%%ogpu_task chat text2text\n{\n  "prompt": "Grüße",\n  "size": 2\n}'
    )


def test_braces_that_look_like_a_variable_make_a_python_literal() -> None:
    assert as_cell("chat", "text2text", {"prompt": "Hello {{ name }}"}) == (
        "%%ogpu_task chat text2text --python\n{'prompt': 'Hello {{ name }}'}"
    )


@pytest.mark.parametrize(
    ("pay", "wei"),
    [("0.01", 10**16), (1e-5, 10**13), ("5gwei", 5 * 10**9), ("1 wei", 1), (2, 2 * 10**18)],
)
def test_the_payment_is_exact(pay, wei) -> None:
    found, _ = run(as_cell("s", "f", {}, pay=pay))

    assert parse_amount(found["pay"]) == wei


@pytest.mark.parametrize(
    ("expires", "word"),
    [
        ("10m", "10m"),
        ("2026-11-22 10:00:00 +00:00", "2026-11-22 10:00:00 +00:00"),
        (dt.timedelta(minutes=2), "2m"),
        (dt.datetime(2026, 11, 22, tzinfo=dt.timezone.utc), "2026-11-22T00:00:00+00:00"),
        (1_795_305_600, "2026-11-22T00:00:00+00:00"),
        (None, None),
    ],
)
def test_the_expiry_is_the_same(expires, word) -> None:
    found, _ = run(as_cell("s", "f", {}, expires=expires))

    assert found["expires"] == word


def test_all_options_are_said() -> None:
    found, _ = run(
        as_cell("s", "f", {}, complexity="medium", name="mine", model="Reply", new=True, wait=True)
    )

    assert (found["complexity"], found["as"], found["model"]) == ("medium", "mine", "Reply")
    assert (found["new"], found["wait"], found["yes"]) == (True, True, False)


def test_an_unset_option_is_not_said() -> None:
    assert as_cell("s", "f", {}) == "%%ogpu_task s f\n{}"


@pytest.mark.parametrize(
    "order",
    [
        {"function": "--new"},
        {"function": "two\nlines"},
        {"function": " "},
        {"source": "\x1b"},
        {"extras": {"a=b": 1}},
        {"expires": "10m\n--yes"},
        {"data": {"a": 10**400}},
        {"data": {"a": json.loads("[" * 100 + "]" * 100)}},
        {"data": {"a": json.loads("[" * 900 + "]" * 900)}},
    ],
    ids=lambda order: next(iter(order)),
)
def test_what_no_cell_can_say_is_refused(order) -> None:
    with pytest.raises(InputError):
        as_cell(**{"source": "s", "function": "f", "data": {}, **order})


def test_the_deepest_data_that_a_cell_takes() -> None:
    for text in ("x", "{{ x }}"):
        data = {"a": json.loads("[" * 99 + json.dumps(text) + "]" * 99)}

        assert run(as_cell("s", "f", data))[1] == data
