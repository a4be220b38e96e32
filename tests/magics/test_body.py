"""A body becomes data: untouched, typed, and every mistake with its place."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ogpu_jupyter.errors import BodyError, InputError, OgpuError, UnknownName
from ogpu_jupyter.magics.body import read_body

numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=30).filter(
    lambda text: "{{" not in text
)
values = st.recursive(
    st.none() | st.booleans() | numbers | plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(plain, values, max_size=5)
visible = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=40)


@given(objects)
@example({"text": "$HOME #1 {x} 'q' \"Q\" 😀 {{", "b": "{ }"})
def test_json_arrives_as_it_is(data: dict) -> None:
    assert read_body(json.dumps(data, ensure_ascii=False), {}) == data
    assert read_body("\n  " + json.dumps(data, indent=2), {}) == data


@given(objects)
def test_a_python_expression_arrives_as_it_is(data: dict) -> None:
    assert read_body(repr(data), {}, python=True) == data


@given(visible.filter(lambda t: t.strip() and "{{" not in t and not t.lstrip().startswith("{")))
@example("Is 2 < 3? $HOME `x` #tag \\n 'a' \"b\" }{ 日本語")
def test_a_templates_text_arrives_as_it_is(text: str) -> None:
    chat = read_body(text + "\n", {}, template="chat")

    assert chat == {"messages": [{"role": "user", "content": text}]}
    assert read_body(text, {}, template="hf") == {"input": text, "args": {}}
    assert read_body(text, {}, template="text2image") == {"prompt": text}


@given(visible.filter(lambda text: "{{" not in text))
def test_a_block_of_yaml_text_arrives_as_it_is(text: str) -> None:
    assert read_body(f"prompt: |-\n  x{text}", {}) == {"prompt": f"x{text}".rstrip("\n")}


@given(st.text(max_size=80))
@example("a: [")
@example("{{ a }}")
@example("? !!set x")
@example("%YAML 9.9\n---\na: 1")
def test_any_body_is_read_or_refused_in_our_words(body: str) -> None:
    for options in ({}, {"template": "chat"}):
        with contextlib.suppress(OgpuError):
            assert isinstance(read_body(body, {}, **options), dict)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("2024-01-01", "2024-01-01"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("42", 42),
        ("-7", -7),
        ("017", 17),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("'42'", "42"),
        ("C#", "C#"),
        ("[1, a]", [1, "a"]),
        ("{a: 1}", {"a": 1}),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_yaml_words_mean_what_they_look_like(text: str, value: object) -> None:
    assert read_body(f"x: {text}", {}) == {"x": value}


def test_yaml_keys_are_text() -> None:
    assert read_body("no: 1\n2: 3\ntrue: 4\n<<: 5", {}) == {"no": 1, "2": 3, "true": 4, "<<": 5}


def test_an_empty_body_is_empty_data() -> None:
    assert read_body("", {}) == {}
    assert read_body(" \n\n", {}) == {}
    assert read_body("# only a comment", {}) == {}


def test_with_a_template_data_may_be_written_out() -> None:
    body = '{"messages": [{"role": "system", "content": "Be brief."}]}'

    assert read_body(body, {}, template="chat") == json.loads(body)


def test_with_a_template_a_text_that_looks_like_yaml_is_text() -> None:
    data = read_body("Translate: good morning", {}, template="hf")

    assert data == {"input": "Translate: good morning", "args": {}}


MISTAKES = [
    (
        '{"a": [1 2]}',
        {},
        (
            "The body is not JSON: expecting ',' delimiter, in line 1 of the body, column 10.\n"
            '    {"a": [1 2]}\n'
            "             ^\n"
            "Nothing was spent.\n"
            "For YAML begin with a key, as in `prompt: …`; for Python add `--python`."
        ),
    ),
    (
        '{\n  "日本": tru\n}',
        {},
        (
            "The body is not JSON: expecting value, in line 2 of the body, column 9.\n"
            '      "日本": tru\n'
            "              ^\n"
            "Nothing was spent.\n"
            "For YAML begin with a key, as in `prompt: …`; for Python add `--python`."
        ),
    ),
    (
        '{"a": True}',
        {},
        (
            "The body is not JSON: expecting value, in line 1 of the body, column 7.\n"
            '    {"a": True}\n'
            "          ^\n"
            "Nothing was spent.\n"
            "For a Python expression add `--python`."
        ),
    ),
    (
        '{"rows": {{ rows }}, "b": [1 2]}',
        {},
        (
            "The body is not JSON: expecting ',' delimiter, in line 1 of the body, column 30.\n"
            '    {"rows": {{ rows }}, "b": [1 2]}\n'
            "                                 ^\n"
            "Nothing was spent.\n"
            "For YAML begin with a key, as in `prompt: …`; for Python add `--python`."
        ),
    ),
    (
        '{"a": 1,\n "a": 2}',
        {},
        (
            'The body can\'t be sent: the key "a" stands twice in one object, in '
            "line 2 of the body, "
            "column 2.\n"
            '     "a": 2}\n'
            "     ^\n"
            "Nothing was spent."
        ),
    ),
    (
        '{"a": {"b": 1}, "c": {"b": 2, "b": 3}}',
        {},
        'The body can\'t be sent: the key "b" stands twice in one object.\nNothing was spent.',
    ),
    (
        '{"a": NaN}',
        {},
        (
            "The body can't be sent: NaN is not JSON, in line 1 of the body, column 7.\n"
            '    {"a": NaN}\n'
            "          ^\n"
            "Nothing was spent."
        ),
    ),
    (
        '{"a": 1e999}',
        {},
        (
            "The body can't be sent: 1e999 is too large a number, in line 1 of the "
            "body, column 7.\n"
            '    {"a": 1e999}\n'
            "          ^\n"
            "Nothing was spent."
        ),
    ),
    (
        "prompt: a lighthouse\nsize: 512: 3",
        {},
        (
            "The body is not YAML that can be sent: mapping values are not allowed "
            "here, in line 2 of "
            "the body, column 10.\n"
            "    size: 512: 3\n"
            "             ^\n"
            "Nothing was spent.\n"
            "Quote a text that holds a colon; for text alone add `--template chat`."
        ),
    ),
    (
        "a: 1\nb: 2\na: 3",
        {},
        (
            "The body is not YAML that can be sent: the key `a` stands twice, in "
            "line 3 of the body, "
            "column 1.\n"
            "    a: 3\n"
            "    ^\n"
            "Nothing was spent.\n"
            "Quote the text, or write the body as JSON."
        ),
    ),
    (
        "a: &x [1]\nb: *x",
        {},
        (
            "The body is not YAML that can be sent: an alias (`*name`) is not "
            "taken, in line 2 of the "
            "body, column 4.\n"
            "    b: *x\n"
            "       ^\n"
            "Nothing was spent.\n"
            "Quote the text, or write the body as JSON."
        ),
    ),
    (
        "a: !!python/object/apply:os.system [ls]",
        {},
        (
            "The body is not YAML that can be sent: the tag `!!python/object/apply:os.system` "
            "is not taken, in line 1 of the body, column 4.\n"
            "    a: !!python/object/apply:os.system [ls]\n"
            "       ^\n"
            "Nothing was spent.\n"
            "Quote the text, or write the body as JSON."
        ),
    ),
    (
        "a: {{ who }} and more",
        {},
        (
            "The body is not YAML that can be sent: expected <block end>, but found '<scalar>', in "
            "line 1 of the body, column 14.\n"
            "    a: {{ who }} and more\n"
            "                 ^\n"
            "Nothing was spent.\n"
            'Quote a text that begins with {{ name }}: "{{ name }} and more".'
        ),
    ),
    (
        "a: \x1b[2J",
        {},
        (
            "The body holds the character U+001B, which YAML doesn't take, in line 1 of the body, "
            "column 4.\n"
            "    a: �[2J\n"
            "       ^\n"
            "Nothing was spent.\n"
            "Write the body as JSON, with the character escaped."
        ),
    ),
    (
        "Why is the sky blue?",
        {},
        (
            "The data is text; a task takes an object.\nNothing was spent.\n"
            "For text alone add `--template chat`, or write `name: …` before it."
        ),
    ),
    (
        "[1, 2]",
        {},
        (
            "The data is a list; a task takes an object.\nNothing was spent.\n"
            'Write it with a name: `{"name": …}`, or `name: …` as YAML.'
        ),
    ),
    (
        "",
        {"template": "chat"},
        (
            "The body is empty, and `--template chat` makes the data of its text.\n"
            "Nothing was spent.\nType the text in the lines below the magic."
        ),
    ),
    (
        '\n  {"a": [1,\n        n n]}',
        {"python": True},
        (
            "The body is not a Python expression: invalid syntax. Perhaps you forgot a comma?, in "
            "line 3 of the body, column 9.\n"
            "            n n]}\n"
            "            ^\n"
            "Nothing was spent.\n"
            "One expression is due, such as a dict; statements go into a cell of their own."
        ),
    ),
    (
        '{"a":\n 1 / 0}',
        {"python": True},
        (
            "The expression raised ZeroDivisionError: division by zero, in line 2 of the body.\n"
            "Nothing was spent."
        ),
    ),
]


@pytest.mark.parametrize(("body", "options", "text"), MISTAKES)
def test_a_mistake_in_a_body_is_told_in_full(body: str, options: dict, text: str) -> None:
    with pytest.raises(BodyError) as caught:
        read_body(body, {"rows": [1]}, **options)

    if "Perhaps" in text:  # the parser's words are each Python's own; the place is ours
        text = str(caught.value).splitlines()[0] + "\n" + text.split("\n", 1)[1]
    assert str(caught.value) == text


def test_the_place_is_also_in_the_error() -> None:
    with pytest.raises(BodyError) as caught:
        read_body('{"a": 1,\n "b": x}', {})

    assert (caught.value.line, caught.value.column) == (2, 7)


def test_a_long_line_is_cut_around_the_place() -> None:
    with pytest.raises(BodyError) as caught:
        read_body('{"a": "' + "x" * 500 + '", b}', {})

    shown, caret = caught.value.what.splitlines()[1:]
    assert len(shown) <= 80
    assert shown[len(caret) - 1] == "b"


@pytest.mark.parametrize("body", ["[" * 100_000, "x: " + "[" * 50_000, '{"a":' * 50_000])
def test_deep_brackets_are_refused_and_the_process_lives(body: str) -> None:
    with pytest.raises(BodyError, match="nested more than 100 deep"):
        read_body(body, {})


def test_deep_python_is_refused_and_the_process_lives() -> None:
    with pytest.raises(BodyError):
        read_body("[" * 100_000, {}, python=True)


def test_a_number_of_a_million_digits_is_refused() -> None:
    for body in ('{"a": ' + "9" * 10**6 + "}", "a: " + "9" * 10**6):
        with pytest.raises(BodyError, match="1,000,000 digits"):
            read_body(body, {})


def test_an_unknown_variable_in_an_expression_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        read_body('{"rows": row}', {"rows": [1]}, python=True)

    assert str(caught.value) == (
        "The expression needs a variable: name 'row' is not defined.\n"
        "Nothing was spent.\nDid you mean `rows`?"
    )


def test_an_expression_may_use_the_notebooks_values() -> None:
    data = read_body('{"n": n + 1, "text": "{{ n }}"}', {"n": 1}, python=True)

    assert data == {"n": 2, "text": "{{ n }}"}


def test_an_expression_that_is_no_object_is_told() -> None:
    with pytest.raises(InputError, match="The data is a list; a task takes an object"):
        read_body("[n]", {"n": 1}, python=True)
